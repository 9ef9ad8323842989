//! All seals of the establishment: from an approved, fresh request to a sealed assertion.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::KeyRefused;
use super::keeper::Keeper;
use super::pool::{Pool, Unready};
use super::verifier::Verifier;
use crate::certificate::SealCertificate;
use crate::config;
use crate::replay::Fresh;
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
    /// Our own invariant is broken: halt.
    #[error("an approved assertion does not obey its profile: {0}")]
    Breach(Breach),
    /// The system gives no random bytes: halt.
    #[error("no random bytes")]
    Random,
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

/// A sealed assertion, verified, ready to leave; made by [`Seals::seal`] alone.
#[derive(Debug)]
#[must_use]
pub struct Signed {
    assertion: String,
    id: String,
    issued_at: Instant,
    expires_at: Instant,
    entry: u64,
}

impl Signed {
    /// The XML text, without declaration or final newline.
    #[must_use]
    pub fn assertion(&self) -> &str {
        &self.assertion
    }

    /// Its `@ID`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its IssueInstant.
    #[must_use]
    pub fn issued_at(&self) -> Instant {
        self.issued_at
    }

    /// The instant from which it is no longer valid.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.expires_at
    }

    /// Its number.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
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
    /// Begins to connect to every signer; refused keys are told on the channel, again at each attempt.
    ///
    /// Trusts that certificates were appraised when the configuration was loaded. Must run on a tokio runtime.
    #[must_use]
    pub fn connect(
        loaded: &[config::Seal],
        sockets: &Path,
        deadline: Duration,
        production: bool,
    ) -> (Self, mpsc::UnboundedReceiver<KeyRefused>) {
        let (refused, refusals) = mpsc::unbounded_channel();
        let mut keepers = JoinSet::new();
        let mut seals = Vec::new();
        for config::Seal { key, certificate } in loaded {
            let certificate = Arc::new(certificate.clone());
            let Some(verifier) = Verifier::new(certificate.algorithm(), certificate.spki()) else {
                let _ = refused.send(format!("la clé publique du certificat ne convient pas (clé {})", key.key));
                continue;
            };
            let verifier = Arc::new(verifier);
            let pool = Arc::new(Pool::new(usize::from(key.processes) * usize::from(key.sessions), deadline));
            for slot in 0..pool.slots() {
                let instance = u16::try_from(slot % usize::from(key.processes)).unwrap_or_default() + 1;
                let keeper = Keeper {
                    pool: Arc::clone(&pool),
                    slot,
                    socket: key.socket(sockets, instance),
                    deadline,
                    certificate: Arc::clone(&certificate),
                    verifier: Arc::clone(&verifier),
                    production,
                    refused: refused.clone(),
                };
                keepers.spawn(keeper.run());
            }
            seals.push(Seal {
                structure: key.structure.clone(),
                key: key.key.clone(),
                certificate,
                verifier,
                pool,
            });
        }
        (Self { seals, _keepers: keepers }, refusals)
    }

    /// Every seal, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Seal] {
        &self.seals
    }

    /// Forges and seals the assertion of a fresh request.
    ///
    /// After `Ok` the signature has been verified with the certificate's key.
    ///
    /// # Errors
    /// [`SealError`]: no assertion exists, the request's nonce stays spent.
    pub async fn seal(&self, fresh: Fresh, now: Instant) -> Result<Signed, SealError> {
        let approved = fresh.approved();
        let seal = self.choose(approved.session().structure().as_str(), now)?;
        let id = assertion_id()?;
        let facts = approved.facts(seal.certificate.issuer_field(), &id, now);
        conformity::check(&facts).map_err(SealError::Breach)?;
        let unsealed = forge(&facts, seal.certificate.algorithm());
        let expires_at = facts.expires_at;
        let signature =
            seal.pool.sign(unsealed.signed_info(), &seal.verifier).await.map_err(SealError::Unready)?;
        let assertion = unsealed.sealed(&signature, seal.certificate.base64());
        Ok(Signed { assertion, id, issued_at: now, expires_at, entry: fresh.entry() })
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

/// `_` and a random UUID (RFC 9562 §5.4).
fn assertion_id() -> Result<String, SealError> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SealError::Random)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(37);
    id.push('_');
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}
