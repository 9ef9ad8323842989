//! What a ledger that goes on from an older copy does not know: which proofs of login the lost part had spent.

use rusqlite::Connection;

use super::memories;
use super::store::StoreError;
use crate::vihf::instant::Instant;

/// Which proofs may have been spent in a part that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Those of any time: it goes on, and no clock that is fit has said since when.
    Open,
    /// Those that were made up to this instant.
    Until(Instant),
}

impl Lost {
    /// What is remembered; none: nothing was ever lost.
    pub(super) fn read(connection: &Connection) -> Result<Option<Self>, StoreError> {
        let Some(text) = memories::read(connection, memories::LOST)? else { return Ok(None) };
        // Whatever else is there is nothing of ours: the safe one.
        Ok(Some(text.parse().map_or(Self::Open, |ms| Self::Until(Instant::from_ms(ms)))))
    }

    /// Remembers it.
    pub(super) fn keep(self, connection: &Connection) -> Result<(), StoreError> {
        let text = match self {
            Self::Open => memories::OPEN.to_owned(),
            Self::Until(at) => at.ms().to_string(),
        };
        memories::keep(connection, memories::LOST, &text)
    }
}
