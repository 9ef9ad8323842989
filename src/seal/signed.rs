//! A sealed assertion, and its id.

use std::fmt::Write as _;

use aws_lc_rs::error::Unspecified;

use crate::vihf::instant::Instant;

/// A sealed assertion, verified, ready to leave; made by [`super::seals::Seals::seal`] alone.
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
    pub(super) fn new(assertion: String, id: String, issued_at: Instant, expires_at: Instant, entry: u64) -> Self {
        Self { assertion, id, issued_at, expires_at, entry }
    }

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
