//! From request and source to the file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::choice::{Outcomes, Role, choose, entry};
use super::container::Packer;
use super::manifest::{Consistency, Key, Manifest, Proofs};
use super::record::{Facts, People, Record};
use super::request::{Request, Selection};
use super::source::Source;
use super::{PRACTITIONERS_MAX, member, table};
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;
use crate::traces::entry::key::{DataKey, Revealed};

/// Why no archive was made; what was written of it is none.
#[derive(Debug, Error)]
pub enum MakeError<E> {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Source(#[source] E),
    /// The ledger contradicts itself.
    #[error("entry {0} is not what the ledger's own index says of it")]
    Broken(u64),
    /// More than [`super::ENTRIES_MAX`] entries, or more than [`PRACTITIONERS_MAX`] people.
    #[error("the request calls for more than one archive may hold")]
    TooMany,
    /// A period that ends before it begins, or an earlier size that is later.
    #[error("the request is none: {0}")]
    Request(&'static str),
    /// The file cannot be written.
    #[error("the archive cannot be written")]
    Write(#[from] io::Error),
}

/// How many lines and rows an archive has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Lines of `entries.jsonl`.
    pub entries: u64,
    /// Rows of `traces.csv`.
    pub rows: u64,
}

/// The data keys of an archive, as they are met.
type Keys = BTreeMap<(Digest, u64), Revealed>;

/// Makes the archive of a request and writes it to `out`, from the first byte to the last.
///
/// Trusts the source: whatever it says is written; whoever judges the archive does not. After `Ok` the judge finds nothing amiss
/// in it. Memory: some bytes an entry and a data key for each person, whatever the length.
///
/// # Errors
/// [`MakeError`]; `out` has a part that is no archive.
pub fn make<S: Source, W: Write>(
    source: &S,
    request: &Request<'_>,
    out: W,
) -> Result<(Made, W), MakeError<S::Error>> {
    if request.period.from >= request.period.to {
        return Err(MakeError::Request("the period ends before it begins"));
    }
    if let Selection::Practitioners(all) = &request.selection
        && !(1..=PRACTITIONERS_MAX).contains(&all.len())
    {
        return Err(MakeError::TooMany);
    }
    let checkpoint = source.checkpoint().checkpoint();
    if request.since.is_some_and(|since| since > checkpoint.size) {
        return Err(MakeError::Request("the earlier checkpoint is later than this one"));
    }
    let choice = choose(source, request)?;
    let mut manifest = Manifest::of(request, checkpoint.origin(), checkpoint.size);
    let mut pack = Packer::new(out, member::ENTRIES)?;
    let mut keys = Keys::new();
    let mut outcomes = Outcomes::new();
    for (&index, &role) in &choice {
        let leaf = source.leaf(index).map_err(MakeError::Source)?;
        let entry = Entry::decode(&leaf).map_err(|_| MakeError::Broken(index))?;
        let proof = source.inclusion(index).map_err(MakeError::Source)?;
        if let Event::Outcome(outcome) = &entry.event {
            outcomes.entry(outcome.of).or_default().push(outcome.outcome);
        }
        let people = if role == Role::Shown { people(source, &entry, &mut keys)? } else { People::default() };
        let record = Record::new(index, role, Facts::of(&entry, &people), &leaf, &proof);
        pack.write(record.line().map_err(io::Error::from)?.as_bytes())?;
        manifest.entries += 1;
    }
    pack.next(member::KEYS)?;
    for ((lookup, id), key) in &keys {
        let line = Key { id: *id, lookup: lookup.to_base64(), key: STANDARD.encode(key.bytes()) };
        pack.write((serde_json::to_string(&line).map_err(io::Error::from)? + "\n").as_bytes())?;
    }
    pack.next(member::PROOFS)?;
    let proofs = serde_json::to_string_pretty(&proofs(source, request)?).map_err(io::Error::from)?;
    pack.write((proofs + "\n").as_bytes())?;
    pack.next(member::TABLE)?;
    pack.write(table::head().map_err(written)?.as_bytes())?;
    for (&index, _) in choice.iter().filter(|(_, role)| **role == Role::Shown) {
        let entry = entry(source, index)?;
        let facts = Facts::of(&entry, &people(source, &entry, &mut keys)?);
        if table::has_row(&facts) {
            let outcomes = outcomes.get(&index).map(Vec::as_slice).unwrap_or_default();
            let row =
                table::row(index, entry.time, &facts, outcomes, (request.offset)(entry.time)).map_err(written)?;
            pack.write(row.as_bytes())?;
            manifest.rows += 1;
        }
    }
    pack.next(member::CHECKPOINT)?;
    pack.write(source.checkpoint().note().to_string().as_bytes())?;
    if let Some(mandate) = &request.mandate {
        pack.next(member::ORDER)?;
        pack.write(&mandate.text)?;
    }
    pack.next(member::MANIFEST)?;
    manifest.members = pack.members().to_vec();
    pack.write(manifest.text().map_err(io::Error::from)?.as_bytes())?;
    Ok((Made { entries: manifest.entries, rows: manifest.rows }, pack.finish()?))
}

fn written(cause: csv::Error) -> io::Error {
    io::Error::other(cause)
}

/// The people of an entry; their keys are kept. A key that was destroyed leaves its person unnamed.
fn people<S: Source>(source: &S, entry: &Entry, keys: &mut Keys) -> Result<People, MakeError<S::Error>> {
    let mut people = People::default();
    let broken = |_| MakeError::Broken(entry.index);
    if let Some((link, ciphertext)) = entry.link.zip(entry.event.practitioner())
        && let Some(key) = key(source, keys, link.practitioner, ciphertext.key)?
    {
        people.practitioner = entry.practitioner(key).map_err(broken)?;
    }
    if let Some(patient) = entry.event.patient()
        && let Some(key) = key(source, keys, patient.lookup, patient.identity.key)?
    {
        people.patient = entry.patient(key).map_err(broken)?;
    }
    Ok(people)
}

fn key<'k, S: Source>(
    source: &S,
    keys: &'k mut Keys,
    person: Digest,
    id: u64,
) -> Result<Option<&'k DataKey>, MakeError<S::Error>> {
    use std::collections::btree_map::Entry::{Occupied, Vacant};
    Ok(match keys.entry((person, id)) {
        Occupied(known) => Some(known.into_mut().key()),
        Vacant(place) => {
            let key = source.data_key(&person, id).map_err(MakeError::Source)?;
            key.map(|key| place.insert(key).key())
        }
    })
}

fn proofs<S: Source>(source: &S, request: &Request<'_>) -> Result<Proofs, MakeError<S::Error>> {
    let map = match &request.selection {
        Selection::Practitioners(all) => {
            all.iter().map(|person| source.map_proof(&person.lookup).map(|proof| proof.to_string())).collect()
        }
        Selection::Patient(_) => Ok(Vec::new()),
    };
    let consistency = request.since.map(|size| {
        let proof = source.consistency(size)?.iter().map(Digest::to_base64).collect();
        Ok(Consistency { size, proof })
    });
    Ok(Proofs {
        map: map.map_err(MakeError::Source)?,
        consistency: consistency.transpose().map_err(MakeError::Source)?,
    })
}
