//! Whom an archive is about, from when to when.

use time::UtcOffset;

use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// From its first instant to before its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first instant.
    pub from: Instant,
    /// The first instant after it.
    pub to: Instant,
}

impl Period {
    /// Whether it holds the instant.
    #[must_use]
    pub fn holds(&self, at: Instant) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// Somebody with the keyed hash that the ledger knows him by.
#[derive(Clone, Debug)]
pub struct Person<I> {
    /// The identity.
    pub id: I,
    /// Its keyed hash.
    pub lookup: Digest,
}

/// Whose entries.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Everything of these practitioners; proven complete.
    Practitioners(Vec<Person<PsIdNat>>),
    /// Everything that names this patient, with what became of it; each entry is proven, that there are no others is not.
    Patient(Person<Patient>),
}

/// The order that asked for an archive.
#[derive(Clone, Debug)]
pub struct Mandate {
    /// Index of its `order` entry.
    pub entry: u64,
    /// The signed text: its SHA-256 is in the entry.
    pub text: Vec<u8>,
}

/// What an archive shall be.
pub struct Request<'r> {
    /// Whose entries.
    pub selection: Selection,
    /// Of which time.
    pub period: Period,
    /// On whose order; none where the ledger's own user makes it.
    pub mandate: Option<Mandate>,
    /// Size of an earlier checkpoint, to which consistency shall be proven.
    pub since: Option<u64>,
    /// When it is made.
    pub made_at: Instant,
    /// Local time for the table: the offset from UTC at an instant.
    pub offset: &'r dyn Fn(Instant) -> UtcOffset,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("period", &self.period).field("since", &self.since).finish_non_exhaustive()
    }
}
