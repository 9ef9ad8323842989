//! Whose term is over: what the ledger knows of closings and newest entries, judged by the retention that is configured.

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use super::purge_rows::{Counts, Marked};
use super::reader::Reader;
use super::store::{StoreError, digest, number, row_id};
use crate::policy::retention::{Closed, Due, Retention};
use crate::traces::digest::Digest;
use crate::traces::entry::kind::Kind;
use crate::traces::entry::{Entry, Head};
use crate::vihf::instant::Instant;

/// What a purge would find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Identities whose term is over.
    pub due: Counts,
    /// Closed DMPs whose term runs.
    pub running: u64,
    /// Closed DMPs that were used since: no term runs until they are closed anew.
    pub reopened: u64,
}

/// The newest entries of a patient after the closing: time of an assertion, time of any.
#[derive(Clone, Copy, Default)]
struct After {
    issued: Option<Instant>,
    named: Option<Instant>,
}

impl After {
    fn take(&mut self, entry: &Entry) {
        self.named = self.named.max(Some(entry.time));
        if entry.event.kind() == Kind::Issued {
            self.issued = self.issued.max(Some(entry.time));
        }
    }
}

/// Gives everybody whose term is over at `now`, patients first.
///
/// A practitioner's term is over when that of his newest entry is, and every patient whom his entries name is destroyed or
/// among those who are given. Memory: the patients who are given, and the heads.
///
/// # Errors
/// `each`'s; [`StoreError`].
pub(super) fn survey<E: From<StoreError>>(
    reader: &Reader,
    retention: &Retention,
    now: Instant,
    mut each: impl FnMut(Marked) -> Result<(), E>,
) -> Result<Tally, E> {
    let (mut tally, mut patients) = (Tally::default(), HashSet::new());
    for (patient, closed) in closings(reader)? {
        match retention.of_patient(&closed, now) {
            Due::From(_) => tally.running += 1,
            Due::Reopened => tally.reopened += 1,
            Due::Now => {
                tally.due.patients += 1;
                patients.insert(patient);
                each(Marked { person: patient, patient: true })?;
            }
        }
    }
    for (practitioner, head) in reader.heads()? {
        let known = reader.store().data_key(&practitioner)?.is_some();
        if known && is_over(reader, retention, now, head, &patients)? {
            tally.due.practitioners += 1;
            each(Marked { person: practitioner, patient: false })?;
        }
    }
    Ok(tally)
}

/// Closed DMPs of patients whose identity is still there.
fn closings(reader: &Reader) -> Result<Vec<(Digest, Closed)>, StoreError> {
    let tail = tail(reader)?;
    let connection = &reader.store().connection;
    let mut rows =
        connection.prepare("SELECT patient, entry, at_ms, id FROM closings JOIN data_keys ON lookup = patient")?;
    let mut after = connection.prepare("SELECT idx FROM patients WHERE key = ?1 AND idx > ?2")?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let mut closings = Vec::new();
    for row in rows {
        let (patient, entry, at_ms, key): (Vec<u8>, i64, i64, i64) = row?;
        let (patient, entry) = (digest(&patient)?, number(entry)?);
        let mut newest = After::default();
        let indices = after.query_map(params![key, row_id(entry)?], |row| row.get::<_, i64>(0))?;
        for index in indices {
            newest.take(&decoded(&reader.leaf(number(index?)?)?)?);
        }
        for named in tail.get(&patient).into_iter().flatten().filter(|named| named.index > entry) {
            newest.take(named);
        }
        let at = Instant::from_ms(at_ms);
        closings.push((patient, Closed { at, issued: newest.issued, named: newest.named }));
    }
    Ok(closings)
}

/// The entries behind the last fold, by the patients whom they name.
fn tail(reader: &Reader) -> Result<HashMap<Digest, Vec<Entry>>, StoreError> {
    let mut tail: HashMap<Digest, Vec<Entry>> = HashMap::new();
    reader.leaves(reader.folded()..reader.edge().frontier.size(), |_, leaf| {
        let entry = decoded(leaf)?;
        if let Some(patient) = entry.event.patient().map(|patient| patient.lookup) {
            tail.entry(patient).or_default().push(entry);
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(tail)
}

/// Whether a practitioner's term is over: walks his chain back to the first patient who stays.
fn is_over(
    reader: &Reader,
    retention: &Retention,
    now: Instant,
    head: Head,
    patients: &HashSet<Digest>,
) -> Result<bool, StoreError> {
    let mut next = Some(head.last);
    while let Some(index) = next {
        let entry = decoded(&reader.leaf(index)?)?;
        if index == head.last && retention.of_practitioner(entry.time, now) != Due::Now {
            return Ok(false);
        }
        if let Some(patient) = entry.event.patient()
            && !patients.contains(&patient.lookup)
        {
            // Who was destroyed and came back has another key.
            let key = reader.store().data_key(&patient.lookup)?;
            if key.is_some_and(|(id, _)| id == patient.identity.key) {
                return Ok(false);
            }
        }
        next = entry.link.and_then(|link| link.previous);
    }
    Ok(true)
}

fn decoded(leaf: &[u8]) -> Result<Entry, StoreError> {
    Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))
}
