//! The entries that a request calls for.

use std::collections::{BTreeMap, BTreeSet};

use super::ENTRIES_MAX;
use super::make::MakeError;
use super::request::{Period, Request, Selection};
use super::source::Source;
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::instant::Instant;

/// Why an entry is in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It was asked for.
    Shown,
    /// It stands before or after the period, and so proves that nothing of it is missing; its people are not shown.
    Boundary,
    /// It records the order that asked for the archive.
    Order,
}

/// How long after the period the outcomes of its assertions are looked for, in milliseconds: those who write the ledger
/// write a disposition within this time (`verify::outcomes`).
const OUTCOME_DELAY_MS: u64 = 3_600_000;

/// Indices, each with its role.
pub type Choice = BTreeMap<u64, Role>;

/// Chooses.
///
/// # Errors
/// [`MakeError`]: the source's own, a source that contradicts itself, or too many entries.
pub(super) fn choose<S: Source>(source: &S, request: &Request<'_>) -> Result<Choice, MakeError<S::Error>> {
    let mut choice = Choice::new();
    match &request.selection {
        Selection::Practitioners(all) => {
            for person in all {
                practitioner(source, &person.lookup, &request.period, &mut choice)?;
            }
        }
        Selection::Patient(person) => patient(source, &person.lookup, &request.period, &mut choice)?,
    }
    if let Some(mandate) = &request.mandate {
        choice.entry(mandate.entry).or_insert(Role::Order);
    }
    Ok(choice)
}

/// An entry of a source that was read.
pub(super) fn entry<S: Source>(source: &S, index: u64) -> Result<Entry, MakeError<S::Error>> {
    let leaf = source.leaf(index).map_err(MakeError::Source)?;
    Entry::decode(&leaf).ok().filter(|entry| entry.index == index).ok_or(MakeError::Broken(index))
}

fn insert<E>(choice: &mut Choice, index: u64, role: Role) -> Result<(), MakeError<E>> {
    // What one practitioner's period shows another's may only border.
    let slot = choice.entry(index).or_insert(role);
    if role == Role::Shown {
        *slot = role;
    }
    if choice.len() as u64 > ENTRIES_MAX { Err(MakeError::TooMany) } else { Ok(()) }
}

/// Walks a chain back from its head.
fn walk<S: Source>(
    source: &S,
    lookup: &Digest,
    mut each: impl FnMut(Entry) -> Result<bool, MakeError<S::Error>>,
) -> Result<(), MakeError<S::Error>> {
    let mut next = source.head(lookup).map_err(MakeError::Source)?.map(|head| head.last);
    while let Some(index) = next {
        let entry = entry(source, index)?;
        let link = entry.link.filter(|link| link.practitioner == *lookup).ok_or(MakeError::Broken(index))?;
        next = link.previous;
        if !each(entry)? {
            break;
        }
    }
    Ok(())
}

/// The entries of the period, the one before it, and those after it until every assertion of the period is disposed of.
fn practitioner<S: Source>(
    source: &S,
    lookup: &Digest,
    period: &Period,
    choice: &mut Choice,
) -> Result<(), MakeError<S::Error>> {
    // Index, time and the assertion that an outcome disposes of; of what is newer than the period, the newest first.
    let mut newer: Vec<(u64, Instant, Option<u64>)> = Vec::new();
    let mut issued = BTreeSet::new();
    let mut disposed = BTreeSet::new();
    walk(source, lookup, |entry| {
        let disposes = match &entry.event {
            Event::Outcome(outcome) if outcome.outcome.may_come(true) => Some(outcome.of),
            _ => None,
        };
        if entry.time >= period.to {
            newer.push((entry.index, entry.time, disposes));
            return Ok(true);
        }
        let inside = entry.time >= period.from;
        insert(choice, entry.index, if inside { Role::Shown } else { Role::Boundary })?;
        if inside && matches!(entry.event, Event::Issued(_)) {
            issued.insert(entry.index);
        }
        disposed.extend(disposes.filter(|_| inside));
        Ok(inside)
    })?;
    let mut open: BTreeSet<u64> = issued.difference(&disposed).copied().collect();
    let latest = period.to.plus_ms(OUTCOME_DELAY_MS);
    let mut bordered = false;
    while let Some((index, time, disposes)) = newer.pop() {
        if bordered && (open.is_empty() || time > latest) {
            break;
        }
        bordered = true;
        let role = if disposes.is_some_and(|of| open.remove(&of)) { Role::Shown } else { Role::Boundary };
        insert(choice, index, role)?;
    }
    Ok(())
}

/// The entries that name the patient in the period, and the outcomes of those that are assertions.
fn patient<S: Source>(
    source: &S,
    lookup: &Digest,
    period: &Period,
    choice: &mut Choice,
) -> Result<(), MakeError<S::Error>> {
    // Practitioner to the oldest of his assertions for this patient.
    let mut practitioners: BTreeMap<Digest, u64> = BTreeMap::new();
    let mut issued = BTreeSet::new();
    for index in source.of_patient(lookup).map_err(MakeError::Source)? {
        let entry = entry(source, index)?;
        if !period.holds(entry.time) || entry.event.patient().is_none_or(|patient| patient.lookup != *lookup) {
            continue;
        }
        insert(choice, index, Role::Shown)?;
        if let (Event::Issued(_), Some(link)) = (&entry.event, entry.link) {
            issued.insert(index);
            practitioners.entry(link.practitioner).or_insert(index);
        }
    }
    for (practitioner, oldest) in practitioners {
        walk(source, &practitioner, |entry| {
            if let Event::Outcome(outcome) = &entry.event
                && issued.contains(&outcome.of)
            {
                insert(choice, entry.index, Role::Shown)?;
            }
            Ok(entry.index > oldest)
        })?;
    }
    Ok(())
}

/// What became of each assertion of an archive, by the index of its entry.
pub type Outcomes = BTreeMap<u64, Vec<Outcome>>;
