//! What the ledger remembers in one short text each, written in the commit of the entry that it is told by.
//!
//! None of it is needed to read an entry: whoever takes a memory away has the next start tell again what was told.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::store::StoreError;

/// Beside the tables of the format: a file of before has it from its next start on.
pub(super) const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS memories (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/// Hashes of the configuration and the convention that were last told.
pub(super) const CONFIGURATION: &str = "configuration";
/// Name of the generation, from the second on.
pub(super) const GENERATION: &str = "generation";
/// Up to when proofs of login may have been spent in a part that was lost: milliseconds since 1970, or [`OPEN`].
pub(super) const LOST: &str = "lost";
/// Not yet known: nothing since has had a clock that is fit.
pub(super) const OPEN: &str = "open";
/// Before the name of a register whose file was last told of.
pub(super) const FILE: &str = "file:";

/// What is remembered under `name`.
pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut row = connection.prepare_cached("SELECT value FROM memories WHERE name = ?1")?;
    Ok(row.query_row([name], |row| row.get(0)).optional()?)
}

/// Remembers `value` under `name` instead of what was.
pub(super) fn keep(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    let mut upsert = connection.prepare_cached("INSERT OR REPLACE INTO memories VALUES (?1, ?2)")?;
    upsert.execute(params![name, value])?;
    Ok(())
}
