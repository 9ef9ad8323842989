//! The registers that orders change, and the orders that are used up: read when the ledger is opened.
//!
//! A register that names people in clear, other than operators, is encrypted under the epoch's key, as everything that can be read of
//! people: what was in it ends with the epoch, in older copies too. Its digest is of what was encrypted.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::secrets::Secrets;
use super::store::{StoreError, digest};
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;

/// The registers that are encrypted. The others name operators, or people by their lookups alone.
const SEALED: [&str; 1] = [crate::policy::practitioner::REGISTER];

/// Whether the register of that name is encrypted.
pub(super) fn is_sealed(name: &str) -> bool {
    SEALED.contains(&name)
}

/// Marks of all orders that are used up. They are kept for good: some a day at most.
pub(super) fn orders(connection: &Connection) -> Result<Vec<Digest>, StoreError> {
    let mut rows = connection.prepare("SELECT mark FROM orders")?;
    rows.query_map([], |row| row.get::<_, Vec<u8>>(0))?.map(|mark| digest(&mark?)).collect()
}

/// Every register in clear, each held against the entry that tells its content.
pub(super) fn all(connection: &Connection, secrets: &Secrets) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut rows = connection.prepare("SELECT name, content, entry FROM registers")?;
    let registers = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    registers
        .map(|row| {
            let (name, mut content, entry): (String, Vec<u8>, i64) = row?;
            if is_sealed(&name) {
                content = secrets.open_register(&name, &content)?;
            }
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

/// SHA-256 of what the ledger has as the register of that name, which is none of those that are encrypted; none: it has none.
pub(super) fn content_digest(connection: &Connection, name: &str) -> Result<Option<Digest>, StoreError> {
    let content = connection
        .query_row("SELECT content FROM registers WHERE name = ?1", [name], |row| row.get::<_, Vec<u8>>(0));
    Ok(content.optional()?.map(|content| Digest::of(&[&content])))
}

/// Takes the encrypted registers over to the current epoch: some rows, in one step.
pub(super) fn renew(connection: &Connection, secrets: &Secrets) -> Result<(), StoreError> {
    let mut rows = connection.prepare("SELECT name, content FROM registers")?;
    let registers = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let registers: Vec<(String, Vec<u8>)> = registers.collect::<Result<_, _>>()?;
    for (name, content) in registers.into_iter().filter(|(name, _)| is_sealed(name)) {
        if let Some(renewed) = secrets.renew_register(&name, &content)? {
            connection.execute("UPDATE registers SET content = ?1 WHERE name = ?2", params![renewed, name])?;
        }
    }
    Ok(())
}
