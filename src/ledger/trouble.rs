//! The health of the ledger in one byte, read by every thread; 0 is good.

use super::NotRecorded;

/// The health after an attempt.
pub(super) fn health(result: Result<(), NotRecorded>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(NotRecorded::Space) => 1,
        Err(NotRecorded::Unavailable) => 2,
        Err(NotRecorded::Broken) => 3,
    }
}

/// The trouble of a health.
pub(super) fn of(health: u8) -> Option<NotRecorded> {
    match health {
        0 => None,
        1 => Some(NotRecorded::Space),
        2 => Some(NotRecorded::Unavailable),
        _ => Some(NotRecorded::Broken),
    }
}
