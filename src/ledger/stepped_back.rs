//! How far time was taken back by orders of one person each: what a term may have been shortened by.
//!
//! One administrator may put a clock right at once, whatever the step: assertions are worth nothing by a wrong clock, so
//! nothing is gained by it. A closing that is dated by a time of years ago is another matter. Whoever may take the time back may date
//! a closing back, so what was taken back is added up until two persons confirm the time; steps forward only lengthen terms.

use rusqlite::Connection;

use super::memories;
use super::store::StoreError;
use crate::traces::entry::event::Event;

/// What is remembered, in milliseconds.
const NAME: &str = "stepped-back";

/// The sum so far; 0 where nothing is remembered.
pub(super) fn read(connection: &Connection) -> Result<u64, StoreError> {
    let Some(text) = memories::read(connection, NAME)? else { return Ok(0) };
    text.parse().map_err(|_| StoreError::Broken("how far time was taken back"))
}

/// Remembers another sum.
pub(super) fn keep(connection: &Connection, sum_ms: u64) -> Result<(), StoreError> {
    memories::keep(connection, NAME, &sum_ms.to_string())
}

/// The sum behind an entry that is `by_ms` older than its predecessor.
pub(super) fn after<P, S>(sum_ms: u64, event: &Event<P, S>, by_ms: u64) -> u64 {
    if event.confirms_time() {
        0
    } else if event.begins_time() {
        sum_ms.saturating_add(by_ms)
    } else {
        sum_ms
    }
}
