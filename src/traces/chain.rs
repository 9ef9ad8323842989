//! Completeness: walking a practitioner's chain from the head that the map proves.

use thiserror::Error;

use super::checkpoint::SignedCheckpoint;
use super::digest::Digest;
use super::entry::{Entry, Head};
use super::map::proof::MapProof;

/// What was shown of a practitioner, and that nothing is missing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Number of the oldest entry shown; 1 if the whole chain was. 0 if the practitioner has none.
    pub from_number: u64,
    /// The head; none if the practitioner has no entry.
    pub head: Option<Head>,
}

/// Why a practitioner's entries are not known to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Incomplete {
    /// The proof does not lead to the checkpoint's map.
    #[error("the proof does not lead to the map of the checkpoint")]
    Map,
    /// The newest entries are missing: the map knows a later one.
    #[error("the entries from number {shown} to the newest, {count}, are missing")]
    Tail {
        /// The first that is missing.
        shown: u64,
        /// The number of the newest.
        count: u64,
    },
    /// Entries between others are missing, or out of order.
    #[error("entry {index}, number {number} of the practitioner, is missing")]
    Gap {
        /// Its index, where the later entry points to.
        index: u64,
        /// Its number.
        number: u64,
    },
    /// An entry that is not the practitioner's, or has a place in the chain that another has.
    #[error("entry {index} is not at its place in the practitioner's chain")]
    Foreign {
        /// Its index.
        index: u64,
    },
    /// The map knows no such practitioner, and there are entries.
    #[error("the map knows no entry of the practitioner, and entry {index} is one")]
    Unknown {
        /// The index of the newest.
        index: u64,
    },
}

/// Judges whether `entries`, the newest first, are all that the ledger has of a practitioner, from the newest back to
/// the oldest of them.
///
/// Trusts that each entry is in the ledger of the checkpoint (inclusion is judged before, in `verify`). For a period, show
/// entries from the newest back to one that is older than the period, or to number 1.
///
/// # Errors
/// [`Incomplete`], for the first thing amiss from the newest on.
pub fn complete(
    entries: &[Entry],
    practitioner: &Digest,
    proof: &MapProof,
    checkpoint: &SignedCheckpoint,
) -> Result<Complete, Incomplete> {
    let head = proof.verify(practitioner, &checkpoint.checkpoint().map).ok_or(Incomplete::Map)?;
    let Some(head) = head else {
        return match entries.first() {
            None => Ok(Complete { from_number: 0, head: None }),
            Some(entry) => Err(Incomplete::Unknown { index: entry.index }),
        };
    };
    let mut expected = Some((head.last, head.count));
    let mut from_number = None;
    for entry in entries {
        let foreign = Incomplete::Foreign { index: entry.index };
        let link = entry.link.filter(|link| link.practitioner == *practitioner).ok_or(foreign)?;
        let (index, number) = expected.ok_or(foreign)?;
        if (entry.index, link.number) != (index, number) {
            return Err(match from_number {
                None if link.number < number => Incomplete::Tail { shown: link.number + 1, count: number },
                Some(_) if link.number < number => Incomplete::Gap { index, number },
                _ => foreign,
            });
        }
        from_number = Some(number);
        expected = link.previous.map(|previous| (previous, number - 1));
    }
    let from_number = from_number.ok_or(Incomplete::Tail { shown: 1, count: head.count })?;
    Ok(Complete { from_number, head: Some(head) })
}
