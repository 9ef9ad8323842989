//! A forged assertion that waits for its trace and its seal, and its id.

use std::fmt::Write as _;

use aws_lc_rs::error::Unspecified;

use crate::policy::issuing::Approved;
use crate::policy::keyring::Keyring;
use crate::traces::digest::Digest;
use crate::vihf::assertion::Unsealed;
use crate::vihf::instant::Instant;

/// A canonical assertion of an approved request, without seal; made by [`super::seals::Seals::forge`] alone.
#[derive(Debug)]
#[must_use]
pub struct Forged {
    pub(super) approved: Approved,
    pub(super) unsealed: Unsealed,
    pub(super) id: String,
    pub(super) issued_at: Instant,
    pub(super) expires_at: Instant,
    pub(super) certificate: Digest,
    pub(super) keyring: Keyring,
}

impl Forged {
    /// What was approved.
    pub fn approved(&self) -> &Approved {
        &self.approved
    }

    /// Its `@ID`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The instant from which it is no longer valid.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.expires_at
    }

    /// SHA-256 of its canonical form without signature: the DigestValue.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::new(self.unsealed.digest())
    }

    /// Where the sealing key is kept.
    #[must_use]
    pub fn keyring(&self) -> Keyring {
        self.keyring
    }

    /// SHA-256 of the sealing certificate (DER).
    #[must_use]
    pub fn certificate(&self) -> Digest {
        self.certificate
    }
}

/// A new id: `_` and a random UUID (RFC 9562 §5.4).
///
/// # Errors
/// The system gives no random bytes.
pub(super) fn assertion_id() -> Result<String, Unspecified> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes)?;
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
