//! The rows of a purge: who is marked, what is decided, which wrapped keys are still to be renewed.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::store::{StoreError, digest, number, row_id};
use crate::traces::digest::Digest;

/// `closings`: DMPs that were closed, with the order's entry. `doomed`: whom a purge marked; means nothing before the row of
/// `destruction`, which is written with the order's entry and stays until the destruction is complete.
pub(super) const SCHEMA: &str = "
CREATE TABLE closings (patient BLOB PRIMARY KEY, entry INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE doomed (person BLOB PRIMARY KEY, patient INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE destruction (only INTEGER PRIMARY KEY CHECK (only = 0)) STRICT;
";

/// Identities by what they are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) person: Digest,
    pub(super) patient: bool,
}

/// How many identities a purge destroys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Patients.
    pub patients: u64,
    /// Practitioners.
    pub practitioners: u64,
}

/// A wrapped data key in its row.
pub(super) struct Wrapped {
    pub(super) id: u64,
    pub(super) person: Digest,
    pub(super) bytes: Vec<u8>,
}

/// Remembers that a patient's DMP was closed; a later closing takes an earlier one's place.
pub(super) fn close(rows: &Connection, patient: &Digest, entry: u64, at_ms: i64) -> Result<(), StoreError> {
    let mut upsert = rows.prepare_cached(
        "INSERT INTO closings VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET entry = excluded.entry, at_ms = excluded.at_ms",
    )?;
    upsert.execute(params![patient.as_bytes(), row_id(entry)?, at_ms])?;
    Ok(())
}

/// Marks people for the purge that is being prepared.
pub(super) fn mark(rows: &Connection, people: &[Marked]) -> Result<(), StoreError> {
    let mut insert = rows.prepare_cached("INSERT OR IGNORE INTO doomed VALUES (?1, ?2)")?;
    for marked in people {
        insert.execute(params![marked.person.as_bytes(), marked.patient])?;
    }
    Ok(())
}

/// Spares somebody after all; whether it was a marked patient.
pub(super) fn spare(rows: &Connection, person: &Digest) -> Result<bool, StoreError> {
    let mut delete = rows.prepare_cached("DELETE FROM doomed WHERE person = ?1 RETURNING patient")?;
    let patient: Option<bool> = delete.query_row([person.as_bytes()], |row| row.get(0)).optional()?;
    Ok(patient.unwrap_or(false))
}

/// Spares every practitioner.
pub(super) fn spare_practitioners(rows: &Connection) -> Result<(), StoreError> {
    rows.execute("DELETE FROM doomed WHERE patient = 0", [])?;
    Ok(())
}

/// Forgets all marks.
pub(super) fn unmark(rows: &Connection) -> Result<(), StoreError> {
    rows.execute("DELETE FROM doomed", [])?;
    Ok(())
}

/// How many are marked.
pub(super) fn count(rows: &Connection) -> Result<Counts, StoreError> {
    let (patients, all): (i64, i64) =
        rows.query_row("SELECT coalesce(sum(patient), 0), count(*) FROM doomed", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(Counts { patients: number(patients)?, practitioners: number(all - patients)? })
}

/// Decides the destruction of whoever is marked.
pub(super) fn decide(rows: &Connection) -> Result<(), StoreError> {
    rows.execute("INSERT INTO destruction VALUES (0)", [])?;
    Ok(())
}

/// Whether a destruction was decided and is not complete.
pub(super) fn is_decided(rows: &Connection) -> Result<bool, StoreError> {
    let mut row = rows.prepare_cached("SELECT EXISTS (SELECT 1 FROM destruction)")?;
    Ok(row.query_row([], |row| row.get(0))?)
}

/// Somebody who comes back while a destruction is under way gets a new key: the old one goes first.
pub(super) fn destroy_if_doomed(rows: &Connection, person: &Digest) -> Result<(), StoreError> {
    if !is_decided(rows)? {
        return Ok(());
    }
    let mut doomed = rows.prepare_cached("SELECT EXISTS (SELECT 1 FROM doomed WHERE person = ?1)")?;
    if doomed.query_row([person.as_bytes()], |row| row.get(0))? {
        destroy(rows, person)?;
    }
    Ok(())
}

/// Destroys the keys of at most `limit` of the doomed; how many there were.
pub(super) fn destroy_some(rows: &Connection, limit: usize) -> Result<usize, StoreError> {
    let mut some = rows.prepare_cached("SELECT person FROM doomed LIMIT ?1")?;
    let some = some.query_map([row_id(limit as u64)?], |row| row.get::<_, Vec<u8>>(0))?;
    let some = some.map(|person| digest(&person?)).collect::<Result<Vec<_>, _>>()?;
    for person in &some {
        destroy(rows, person)?;
    }
    Ok(some.len())
}

fn destroy(rows: &Connection, person: &Digest) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM data_keys WHERE lookup = ?1",
        "DELETE FROM closings WHERE patient = ?1",
        "DELETE FROM doomed WHERE person = ?1",
    ] {
        rows.prepare_cached(statement)?.execute([person.as_bytes()])?;
    }
    Ok(())
}

/// The next wrapped data keys after a number.
pub(super) fn data_keys_after(rows: &Connection, after: u64, limit: usize) -> Result<Vec<Wrapped>, StoreError> {
    let mut some =
        rows.prepare_cached("SELECT id, lookup, wrapped FROM data_keys WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let some = some
        .query_map([row_id(after)?, row_id(limit as u64)?], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    some.map(|row| {
        let (id, person, bytes): (i64, Vec<u8>, Vec<u8>) = row?;
        Ok(Wrapped { id: number(id)?, person: digest(&person)?, bytes })
    })
    .collect()
}

/// Puts a renewed data key in its row.
pub(super) fn renew_data_key(rows: &Connection, id: u64, wrapped: &[u8]) -> Result<(), StoreError> {
    let mut update = rows.prepare_cached("UPDATE data_keys SET wrapped = ?2 WHERE id = ?1")?;
    update.execute(params![row_id(id)?, wrapped])?;
    Ok(())
}

/// A session's hash and encrypted body.
pub(super) type Session = (Vec<u8>, Vec<u8>);

/// The next sessions after a secret's hash: hash and encrypted body.
pub(super) fn sessions_after(rows: &Connection, after: &[u8], limit: usize) -> Result<Vec<Session>, StoreError> {
    let mut some =
        rows.prepare_cached("SELECT secret, body FROM sessions WHERE secret > ?1 ORDER BY secret LIMIT ?2")?;
    let some = some.query_map(params![after, row_id(limit as u64)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(some.collect::<Result<_, _>>()?)
}

/// Puts a renewed session in its row.
pub(super) fn renew_session(rows: &Connection, secret: &[u8], body: &[u8]) -> Result<(), StoreError> {
    rows.prepare_cached("UPDATE sessions SET body = ?2 WHERE secret = ?1")?.execute(params![secret, body])?;
    Ok(())
}

/// The destruction is complete.
pub(super) fn finish(rows: &Connection) -> Result<(), StoreError> {
    rows.execute("DELETE FROM destruction", [])?;
    Ok(())
}
