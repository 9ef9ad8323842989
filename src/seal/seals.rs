//! All seals of the establishment: from an approved request to a sealed assertion, its trace between.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::admission::{Begun, NotBegun};
use super::forged::{Forged, assertion_id};
use super::pool::Unready;
use super::signed::Signed;
use super::signers::{Expected, Signers};
use super::trial::{Chosen, Numbers};
use super::verifier::Verifier;
use super::waiting::Caller;
use crate::certificate::{Refusal, SealCertificate};
use crate::config::{self, Config};
use crate::ledger::Recorded;
use crate::policy::convention::Convention;
use crate::policy::issuing::Approved;
use crate::policy::keyring::Keyring;
use crate::traces::digest::Digest;
use crate::vihf::assertion::forge;
use crate::vihf::conformity::{self, Breach};
use crate::vihf::instant::Instant;

/// Why an assertion was not sealed; nothing was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No key of the structure can sign now.
    #[error("{0}")]
    Unready(Unready),
    /// Every certificate of the structure is outside its validity.
    #[error("certificate-expired")]
    CertificateExpired,
    /// The convention declares none of the structure's certificates, or not where keys are kept.
    #[error("certificate-not-declared")]
    Undeclared,
    /// Our own invariant is broken: halt.
    #[error("an approved assertion does not obey its profile: {0}")]
    Breach(Breach),
    /// The system gives no random bytes: halt.
    #[error("no random bytes")]
    Random,
}

/// Why there is no place at a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPlaced {
    /// Load is to be shed: nothing was done.
    Busy,
    /// To be answered when the token's turn comes in the order of checks.
    Seal(SealError),
}

/// A place among what the signers of the right structure seal in time, for one assertion; held until it is sealed.
#[derive(Debug)]
#[must_use]
pub struct Place<'s> {
    seal: &'s Seal,
    caller: Caller,
    /// Held for nothing but that others wait.
    _begun: Begun,
}

/// One seal key with its certificate and its signers.
#[derive(Debug)]
pub struct Seal {
    /// Struct_IdNat that it seals for.
    pub structure: String,
    /// Name of the key.
    pub key: config::KeyName,
    /// Its certificate.
    pub certificate: SealCertificate,
    /// SHA-256 of the certificate (DER), for traces.
    fingerprint: Digest,
    /// Where its key is kept.
    pub keyring: Keyring,
    /// Whether some key of the configuration, of whatever use, is in no token: then nothing is sealed unless the convention
    /// says so.
    beside_sealed: bool,
    signers: Signers,
}

impl Seal {
    /// Whether its signatures verify and its certificate is valid at `now`.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        self.signers.is_ready() && self.certificate.is_valid_at(now)
    }

    /// How many processes and sessions sign at once, and how many there are at most; none while that is being tried.
    #[must_use]
    pub fn signers(&self) -> Option<(Chosen, Numbers)> {
        self.signers.chosen()
    }

    /// Whether the convention lets assertions bear its certificate, with the keys where they are.
    #[must_use]
    pub fn is_declared(&self, convention: &Convention) -> bool {
        self.is_certificate_declared(convention) && self.is_keyring_declared(convention)
    }

    /// Whether the convention names its certificate.
    #[must_use]
    pub fn is_certificate_declared(&self, convention: &Convention) -> bool {
        convention.admits(&self.structure, &self.fingerprint)
    }

    /// Whether the convention permits where the keys are kept.
    #[must_use]
    pub fn is_keyring_declared(&self, convention: &Convention) -> bool {
        !self.beside_sealed || convention.sealed_keys
    }
}

/// The seals and the tasks that keep their signers connected.
#[derive(Debug)]
pub struct Seals {
    seals: Vec<Seal>,
    /// Dropping the seals ends their keepers.
    _keepers: JoinSet<()>,
}

impl Seals {
    /// Begins to connect to every signer of `loaded`; keys that must not be used are told on `refused`.
    ///
    /// Trusts that certificates were appraised when the configuration was loaded. Must run on a tokio runtime.
    #[must_use]
    pub fn connect(config: &Config, loaded: &[config::Seal], refused: &mpsc::UnboundedSender<String>) -> Self {
        let beside_sealed = config.signer_keys().iter().any(|key| !key.keyring().is_token());
        let mut keepers = JoinSet::new();
        let mut seals = Vec::new();
        for config::Seal { key, certificate } in loaded {
            let Some(verifier) = Verifier::new(certificate.algorithm().into(), certificate.spki()) else {
                let cause = format!("la clé publique du certificat ne convient pas (clé {})", key.key);
                let _ = refused.send(cause);
                continue;
            };
            let expected =
                Expected { verifier, other_key: Refusal::OtherKey.to_string(), refused: refused.clone() };
            seals.push(Seal {
                structure: key.structure.clone(),
                key: key.key.clone(),
                fingerprint: Digest::of(&[certificate.der()]),
                certificate: certificate.clone(),
                keyring: key.signer().keyring(),
                beside_sealed,
                signers: Signers::connect(config, &key.signer(), expected, &mut keepers),
            });
        }
        Self { seals, _keepers: keepers }
    }

    /// Every seal, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Seal] {
        &self.seals
    }

    /// Takes a place among what the signers of `structure` seal in time, with a certificate that the convention declares, for
    /// `caller`, waiting while all are taken.
    ///
    /// # Errors
    /// [`NotPlaced`].
    pub async fn place(
        &self,
        structure: &str,
        caller: Caller,
        convention: &Convention,
        now: Instant,
    ) -> Result<Place<'_>, NotPlaced> {
        let seal = self.choose(structure, convention, now).map_err(NotPlaced::Seal)?;
        match seal.signers.begin(caller).await {
            Ok(begun) => Ok(Place { seal, caller, _begun: begun }),
            Err(NotBegun::Busy) => Err(NotPlaced::Busy),
            Err(NotBegun::Unready(cause)) => Err(NotPlaced::Seal(SealError::Unready(cause))),
        }
    }

    /// Forges the assertion of an approved request for the certificate of `place`, issued at `now`.
    ///
    /// # Errors
    /// [`SealError::Breach`], [`SealError::Random`]: nothing exists.
    pub fn forge(&self, place: &Place<'_>, approved: Approved, now: Instant) -> Result<Forged, SealError> {
        let certificate = &place.seal.certificate;
        let id = assertion_id().map_err(|_| SealError::Random)?;
        let facts = approved.facts(certificate.issuer_field(), &id, now);
        conformity::check(&facts).map_err(SealError::Breach)?;
        let unsealed = forge(&facts, certificate.algorithm());
        let (expires_at, certificate) = (facts.expires_at, place.seal.fingerprint);
        let keyring = place.seal.keyring;
        Ok(Forged { approved, unsealed, id, issued_at: now, expires_at, certificate, keyring })
    }

    /// Seals an assertion whose trace is on the disk.
    ///
    /// After `Ok` the signature has been verified with the certificate's key.
    ///
    /// # Errors
    /// [`SealError`]: no assertion exists; the request's nonce stays spent, its trace gets the outcome `failed`.
    pub async fn seal(&self, place: Place<'_>, recorded: Recorded<Forged>) -> Result<Signed, SealError> {
        // To the end: others begin once this one is sealed.
        let Place { seal, caller, _begun } = place;
        let forged = recorded.payload();
        let signing = seal.signers.sign(caller, forged.unsealed.signed_info());
        let signature = signing.await.map_err(SealError::Unready)?;
        let assertion = forged.unsealed.sealed(&signature, seal.certificate.base64());
        Ok(Signed::new(assertion, forged, recorded.written().index))
    }

    /// The structure's ready seal that the convention declares and whose certificate began last: the newer one while two overlap.
    fn choose(&self, structure: &str, convention: &Convention, now: Instant) -> Result<&Seal, SealError> {
        let of_structure = self.seals.iter().filter(|seal| seal.structure == structure);
        let valid = of_structure.filter(|seal| seal.certificate.is_valid_at(now));
        let is_valid = valid.clone().next().is_some();
        let mut valid = valid.filter(|seal| seal.is_declared(convention)).peekable();
        let Some(first) = valid.peek() else {
            return Err(if is_valid { SealError::Undeclared } else { SealError::CertificateExpired });
        };
        let cause = first.signers.cause();
        valid
            .filter(|seal| seal.signers.is_ready())
            .max_by_key(|seal| seal.certificate.not_before())
            .ok_or(SealError::Unready(cause))
    }
}
