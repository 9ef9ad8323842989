//! A sealed assertion.

use super::forged::Forged;
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
    pub(super) fn new(assertion: String, forged: &Forged, entry: u64) -> Self {
        let Forged { id, issued_at, expires_at, .. } = forged;
        Self { assertion, id: id.clone(), issued_at: *issued_at, expires_at: *expires_at, entry }
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

    /// Index of its trace in the ledger.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }
}
