//! All seals of the establishment: from an approved request to a sealed assertion, its trace between.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::SignerError;
use super::forged::{Forged, assertion_id};
use super::keeper::Keeper;
use super::pool::{NotTaken, Pool, Taken, Unready};
use super::signed::Signed;
use super::verifier::Verifier;
use super::wire::Failure;
use crate::certificate::SealCertificate;
use crate::config::{self, Config};
use crate::ledger::Recorded;
use crate::policy::issuing::Approved;
use crate::traces::digest::Digest;
use crate::vihf::assertion::forge;
use crate::vihf::conformity::{self, Breach};
use crate::vihf::instant::Instant;

/// Attempts at one signature while signers fail under it, hang-ups aside: signing the same bytes again is harmless.
const ATTEMPTS_MAX: usize = 3;

/// Why an assertion was not sealed; nothing was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No key of the structure can sign now.
    #[error("{0}")]
    Unready(Unready),
    /// Every certificate of the structure is outside its validity.
    #[error("certificate-expired")]
    CertificateExpired,
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

/// A place at a signer of the right structure, for one assertion.
#[derive(Debug)]
#[must_use]
pub struct Place<'s> {
    seal: &'s Seal,
    uid: u32,
    taken: Taken,
}

impl<'s> Place<'s> {
    /// Lets others sign while this one's trace goes to the disk: what has its trace takes a place again.
    ///
    /// Held through the commit, the few places there are would let as few traces into it, and every signer would wait for
    /// the disk.
    pub fn step_aside(self) -> Aside<'s> {
        Aside { seal: self.seal, uid: self.uid }
    }
}

/// The seal of an assertion that waits for its trace.
#[derive(Debug)]
#[must_use]
pub struct Aside<'s> {
    seal: &'s Seal,
    uid: u32,
}

/// One seal key with its certificate and its signers.
#[derive(Debug)]
pub struct Seal {
    /// Struct_IdNat that it seals for.
    pub structure: String,
    /// Name of the key.
    pub key: config::KeyName,
    /// Its certificate.
    pub certificate: Arc<SealCertificate>,
    /// SHA-256 of the certificate (DER), for traces.
    fingerprint: Digest,
    verifier: Arc<Verifier>,
    pool: Arc<Pool>,
}

impl Seal {
    /// Whether its signatures verify and its certificate is valid at `now`.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        self.pool.is_ready() && self.certificate.is_valid_at(now)
    }
}

/// The seals and the tasks that keep their signers connected.
#[derive(Debug)]
pub struct Seals {
    seals: Vec<Seal>,
    /// Longest wait for a place.
    queue: Duration,
    /// Longest wait for a signature, other signers' attempts included.
    deadline: Duration,
    /// Dropping the seals ends their keepers.
    _keepers: JoinSet<()>,
}

impl Seals {
    /// Begins to connect to every signer of `loaded`; refused keys are told on the channel.
    ///
    /// Trusts that certificates were appraised when the configuration was loaded. Must run on a tokio runtime.
    #[must_use]
    pub fn connect(config: &Config, loaded: &[config::Seal]) -> (Self, mpsc::UnboundedReceiver<String>) {
        let (refused, refusals) = mpsc::unbounded_channel();
        let deadline = Duration::from_millis(config.limits.signature_ms);
        let mut keepers = JoinSet::new();
        let mut seals = Vec::new();
        for config::Seal { key, certificate } in loaded {
            let certificate = Arc::new(certificate.clone());
            let Some(verifier) = Verifier::new(certificate.algorithm(), certificate.spki()) else {
                let cause = format!("la clé publique du certificat ne convient pas (clé {})", key.key);
                let _ = refused.send(cause);
                continue;
            };
            let verifier = Arc::new(verifier);
            let pool = Pool::new(usize::from(key.processes) * usize::from(key.sessions));
            for (slot, (session, process)) in
                (0..key.sessions).flat_map(|session| (1..=key.processes).map(move |p| (session, p))).enumerate()
            {
                let keeper = Keeper {
                    pool: Arc::clone(&pool),
                    slot,
                    session,
                    socket: key.socket(&config.sockets.signers, process),
                    deadline,
                    certificate: Arc::clone(&certificate),
                    verifier: Arc::clone(&verifier),
                    production: !config.is_test(),
                    refused: refused.clone(),
                };
                keepers.spawn(keeper.run());
            }
            seals.push(Seal {
                structure: key.structure.clone(),
                key: key.key.clone(),
                fingerprint: Digest::of(&[certificate.der()]),
                certificate,
                verifier,
                pool,
            });
        }
        let queue = Duration::from_millis(config.limits.queue_ms);
        (Self { seals, queue, deadline, _keepers: keepers }, refusals)
    }

    /// Every seal, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Seal] {
        &self.seals
    }

    /// Takes a place at a signer of `structure` for the application `uid`, waiting while all are in use.
    ///
    /// # Errors
    /// [`NotPlaced`].
    pub async fn place(&self, structure: &str, uid: u32, now: Instant) -> Result<Place<'_>, NotPlaced> {
        let seal = self.choose(structure, now).map_err(NotPlaced::Seal)?;
        match seal.pool.take(uid, self.queue).await {
            Ok(taken) => Ok(Place { seal, uid, taken }),
            Err(NotTaken::Busy) => Err(NotPlaced::Busy),
            Err(NotTaken::Unready(cause)) => Err(NotPlaced::Seal(SealError::Unready(cause))),
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
        Ok(Forged { approved, unsealed, id, issued_at: now, expires_at, certificate })
    }

    /// Seals an assertion whose trace is on the disk.
    ///
    /// After `Ok` the signature has been verified with the certificate's key.
    ///
    /// # Errors
    /// [`SealError`]: no assertion exists; the request's nonce stays spent, its trace gets the outcome `failed`.
    pub async fn seal(&self, aside: Aside<'_>, recorded: Recorded<Forged>) -> Result<Signed, SealError> {
        let Aside { seal, uid } = aside;
        let forged = recorded.payload();
        let unreachable = SealError::Unready(Unready::TokenUnreachable);
        // Too late to be told to come back: the nonce is spent.
        let taken = seal.pool.take(uid, self.queue).await.map_err(|not_taken| match not_taken {
            NotTaken::Unready(cause) => SealError::Unready(cause),
            NotTaken::Busy => unreachable,
        })?;
        let signing = self.sign(Place { seal, uid, taken }, forged.unsealed.signed_info());
        let signature = timeout(self.deadline, signing).await.map_err(|_| unreachable)??;
        let assertion = forged.unsealed.sealed(&signature, seal.certificate.base64());
        Ok(Signed::new(assertion, forged, recorded.written().index))
    }

    /// A verified signature over a canonical `SignedInfo`, by another signer if the first one fails.
    async fn sign(&self, place: Place<'_>, signed_info: &str) -> Result<Vec<u8>, SealError> {
        let Place { seal, uid, mut taken } = place;
        let mut unready = Unready::TokenUnreachable;
        let mut attempts = 0;
        while attempts < ATTEMPTS_MAX {
            attempts += 1;
            match taken.ask(async |connection| connection.sign(signed_info).await).await {
                Ok(signature) if seal.verifier.verifies(signed_info.as_bytes(), &signature) => {
                    return Ok(signature);
                }
                Ok(_) => {
                    tracing::error!(key = %seal.key, "a signature does not verify; it was discarded");
                    taken.lose(Failure::TokenUnreachable);
                }
                Err(SignerError::Failed(Failure::ShapeRefused)) => {
                    // Not halted: a signer that lies must not stop the structures of the others.
                    tracing::error!(key = %seal.key, "a signer does not recognise our SignedInfo");
                }
                // A dead process leaves as many dead connections as it had sessions. Each is out of the pool once met, and
                // the caller's deadline bounds them all.
                Err(SignerError::Io(_)) => attempts -= 1,
                Err(error) => {
                    tracing::warn!(key = %seal.key, %error, "a signer failed under a request");
                    if let SignerError::Failed(Failure::PinRefused) = error {
                        unready = Unready::PinRefused;
                    }
                }
            }
            taken = seal.pool.take(uid, self.queue).await.map_err(|not_taken| match not_taken {
                NotTaken::Unready(cause) => SealError::Unready(cause),
                NotTaken::Busy => SealError::Unready(unready),
            })?;
        }
        Err(SealError::Unready(unready))
    }

    /// The structure's ready seal whose certificate began last: the newer one while two overlap.
    fn choose(&self, structure: &str, now: Instant) -> Result<&Seal, SealError> {
        let mut valid = self
            .seals
            .iter()
            .filter(|seal| seal.structure == structure && seal.certificate.is_valid_at(now))
            .peekable();
        let Some(first) = valid.peek() else {
            return Err(SealError::CertificateExpired);
        };
        let cause = first.pool.cause();
        valid
            .filter(|seal| seal.pool.is_ready())
            .max_by_key(|seal| seal.certificate.not_before())
            .ok_or(SealError::Unready(cause))
    }
}
