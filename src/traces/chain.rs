//! Completeness: a practitioner's entries, the oldest first, held against the head that the map proves.

use thiserror::Error;

use super::entry::{Entry, Head};

/// The entries of one practitioner as they are read, the oldest first; memory does not grow with them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain {
    /// Number of the first entry shown.
    first: Option<u64>,
    /// Index and number of the newest entry shown.
    newest: Option<Head>,
}

/// What was shown of a practitioner, and that nothing is missing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Number of the oldest entry shown; 1 if the chain is shown from its beginning. 0 if the practitioner has none.
    pub from_number: u64,
    /// Number of the newest entry shown.
    pub to_number: u64,
    /// The head; none if the practitioner has no entry.
    pub head: Option<Head>,
}

/// Which ends of the chain may be left out, because an entry outside the period is shown in their stead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The oldest entry shown is older than the period.
    pub older_shown: bool,
    /// The newest entry shown is not before the period's end.
    pub newer_shown: bool,
}

/// Why a practitioner's entries are not known to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Incomplete {
    /// The proof does not lead to the checkpoint's map.
    #[error("the proof does not lead to the map of the checkpoint")]
    Map,
    /// The oldest entries of the period are not known to be there.
    #[error("the entries up to number {until} are missing")]
    Start {
        /// The last that is missing.
        until: u64,
    },
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

impl Chain {
    /// Takes the practitioner's next entry.
    ///
    /// Trusts that it is in the ledger of the checkpoint (inclusion is judged before) and carries the practitioner's link.
    ///
    /// # Errors
    /// [`Incomplete::Gap`], [`Incomplete::Foreign`]; the chain goes on from this entry.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Incomplete> {
        let foreign = Incomplete::Foreign { index: entry.index };
        let link = entry.link.ok_or(foreign)?;
        let before = self.newest.replace(link.head(entry.index));
        self.first = self.first.or(Some(link.number));
        match before {
            None => Ok(()),
            Some(before) if link.number == before.count + 1 && link.previous == Some(before.last) => Ok(()),
            Some(before) if link.number > before.count + 1 => {
                let index = link.previous.ok_or(foreign)?;
                Err(Incomplete::Gap { index, number: link.number - 1 })
            }
            Some(_) => Err(foreign),
        }
    }

    /// Judges both ends: `head` is what the map says of the practitioner.
    ///
    /// After `Ok`, and if no entry was refused, everything that the ledger has of the practitioner between the ends shown
    /// was shown.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn end(&self, head: Option<Head>, bounds: Bounds) -> Result<Complete, Incomplete> {
        let (head, first, newest) = match (head, self.first.zip(self.newest)) {
            (None, None) => return Ok(Complete { from_number: 0, to_number: 0, head: None }),
            (None, Some((_, newest))) => return Err(Incomplete::Unknown { index: newest.last }),
            (Some(head), None) => return Err(Incomplete::Tail { shown: 1, count: head.count }),
            (Some(head), Some((first, newest))) => (head, first, newest),
        };
        if newest.count > head.count || (newest.count == head.count) != (newest.last == head.last) {
            return Err(Incomplete::Foreign { index: newest.last });
        }
        if newest.count < head.count && !bounds.newer_shown {
            return Err(Incomplete::Tail { shown: newest.count + 1, count: head.count });
        }
        if first > 1 && !bounds.older_shown {
            return Err(Incomplete::Start { until: first - 1 });
        }
        Ok(Complete { from_number: first, to_number: newest.count, head: Some(head) })
    }
}
