//! The registers that orders change, and the orders that are used up: read when the ledger is opened.

use rusqlite::Connection;

use super::store::{StoreError, digest};
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;

/// Marks of all orders that are used up. They are kept for good: some a day at most.
pub(super) fn orders(connection: &Connection) -> Result<Vec<Digest>, StoreError> {
    let mut rows = connection.prepare("SELECT mark FROM orders")?;
    rows.query_map([], |row| row.get::<_, Vec<u8>>(0))?.map(|mark| digest(&mark?)).collect()
}

/// Every register, each held against the entry that tells its content.
pub(super) fn all(connection: &Connection) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut rows = connection.prepare("SELECT name, content, entry FROM registers")?;
    let registers = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    registers
        .map(|row| {
            let (name, content, entry): (String, Vec<u8>, i64) = row?;
            let leaf: Vec<u8> =
                connection.query_row("SELECT leaf FROM entries WHERE idx = ?1", [entry], |row| row.get(0))?;
            let broken = StoreError::Broken("a register is not the one that its entry tells");
            match Entry::decode(&leaf).map(|entry| entry.event) {
                Ok(Event::Register(told))
                    if told.register.as_str() == name && told.content == Digest::of(&[&content]) =>
                {
                    Ok((name, content))
                }
                _ => Err(broken),
            }
        })
        .collect()
}
