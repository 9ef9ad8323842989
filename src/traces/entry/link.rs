//! An entry's place in the chain of one practitioner.

use minicbor::{Decode, Encode};

use crate::traces::digest::Digest;

/// Ties an entry to its practitioner's previous one, so that a practitioner's entries can be walked from the newest
/// back to the first and a missing one shows (`chain.rs`).
///
/// In CBOR `[practitioner, number]` for the first entry, `[practitioner, number, previous]` after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Link {
    /// Keyed hash of the practitioner ([`super::key::LookupKey`]).
    #[n(0)]
    pub practitioner: Digest,
    /// Ordinal of this entry among the practitioner's, from 1.
    #[n(1)]
    pub number: u64,
    /// Index of the practitioner's previous entry; `None` for number 1 alone.
    #[n(2)]
    pub previous: Option<u64>,
}

/// The end of a practitioner's chain: what the Merkle map holds for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Index of the newest entry.
    pub last: u64,
    /// How many entries the chain has, from 1.
    pub count: u64,
}

impl Link {
    /// The link of a practitioner's next entry, after `head` (`None` before the first).
    #[must_use]
    pub fn after(practitioner: Digest, head: Option<Head>) -> Self {
        match head {
            None => Self { practitioner, number: 1, previous: None },
            Some(head) => Self { practitioner, number: head.count.saturating_add(1), previous: Some(head.last) },
        }
    }

    /// The head of the chain once the entry at `index` with this link is its newest.
    #[must_use]
    pub fn head(&self, index: u64) -> Head {
        Head { last: index, count: self.number }
    }

    /// Whether an entry at `index` may carry it: first without, later with an earlier previous one.
    #[must_use]
    pub fn holds_at(&self, index: u64) -> bool {
        match self.previous {
            None => self.number == 1,
            Some(previous) => self.number > 1 && previous < index,
        }
    }
}
