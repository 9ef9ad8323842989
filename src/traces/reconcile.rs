//! What the national side saw against what this ledger released: assertions that did not come from here, and ours that it
//! never saw.

use std::collections::{BTreeMap, HashMap, HashSet};

use thiserror::Error;

use super::digest::Digest;
use super::entry::Entry;
use super::entry::event::Event;
use super::entry::outcome::Outcome;
use crate::vihf::instant::Instant;

/// Columns of an extract; `instant` and one of `id` and `digest` are needed, others are ignored.
const COLUMNS: [(&str, &str); 4] = [
    ("id", "id_assertion"),
    ("digest", "empreinte_assertion"),
    ("instant", "instant"),
    ("practitioner", "ps_idnat"),
];
/// Most rows. Reason: each is kept, some 200 bytes; a year of a large hospital.
pub const ROWS_MAX: usize = 5_000_000;

/// One token that the national side saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The row of the extract, from 2: the first is the heading.
    pub row: u64,
    /// The assertion's `@ID`.
    pub id: Option<String>,
    /// Its `DigestValue`.
    pub digest: Option<Digest>,
    /// When it was seen.
    pub instant: Instant,
    /// Keyed hash of its professional, if the extract names one.
    pub practitioner: Option<Digest>,
}

/// Why a text is no extract; French, for who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExtractError {
    /// A column is missing.
    #[error(
        "il n'a pas les colonnes instant et id_assertion (ou empreinte_assertion) ; demandez un extrait qui les porte"
    )]
    Columns,
    /// A row is not of its form.
    #[error("ligne {row} : {what} ; corrigez la ligne, ou demandez un nouvel extrait")]
    Row {
        /// Which.
        row: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// More than [`ROWS_MAX`].
    #[error("il a plus de {ROWS_MAX} lignes ; demandez des périodes plus courtes")]
    TooLong,
}

/// Reads an extract: CSV with heading, comma or semicolon, UTF-8 with or without byte order mark. `lookup` gives the keyed hash
/// of a PS_IdNat.
///
/// # Errors
/// [`ExtractError`].
pub fn read(text: &str, lookup: impl Fn(&str) -> Option<Digest>) -> Result<Vec<Seen>, ExtractError> {
    let text = text.trim_start_matches('\u{feff}');
    let heading = text.lines().next().unwrap_or_default();
    let delimiter = if heading.contains(';') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|_| ExtractError::Columns)?.clone();
    let column = |wanted: &str| {
        let name = COLUMNS.iter().find(|(field, _)| *field == wanted).map(|(_, name)| *name);
        headers.iter().position(|header| Some(header.to_lowercase().as_str()) == name)
    };
    let (id, digest, instant) = (column("id"), column("digest"), column("instant").ok_or(ExtractError::Columns)?);
    let practitioner = column("practitioner");
    if id.is_none() && digest.is_none() {
        return Err(ExtractError::Columns);
    }
    let mut all = Vec::new();
    for (record, row) in reader.records().zip(2..) {
        let wrong = |what| ExtractError::Row { row, what };
        let record = record.map_err(|_| wrong("elle n'a pas le bon nombre de colonnes"))?;
        let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
        let seen = Seen {
            row,
            id: cell(id).map(str::to_owned),
            digest: cell(digest)
                .map(|text| digest_of(text).ok_or(wrong("l'empreinte n'est pas un SHA-256")))
                .transpose()?,
            instant: cell(Some(instant))
                .and_then(Instant::parse)
                .ok_or(wrong("l'instant n'est pas en RFC 3339 UTC"))?,
            practitioner: cell(practitioner)
                .map(|text| lookup(text).ok_or(wrong("ps_idnat n'est pas un PS_IdNat")))
                .transpose()?,
        };
        if seen.id.is_none() && seen.digest.is_none() {
            return Err(wrong("ni identifiant ni empreinte"));
        }
        all.push(seen);
        if all.len() > ROWS_MAX {
            return Err(ExtractError::TooLong);
        }
    }
    Ok(all)
}

/// A digest in base64, as the `DigestValue` has it, or in hexadecimal, as our exports do.
fn digest_of(text: &str) -> Option<Digest> {
    let hexadecimal = || {
        let pair = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..Digest::LEN).map(pair).collect();
        bytes.filter(|_| text.len() == 2 * Digest::LEN).and_then(|bytes| Digest::from_slice(&bytes))
    };
    Digest::from_base64(text).or_else(hexadecimal)
}

/// How a token of the extract relates to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strange {
    /// No assertion of ours.
    NotOurs,
    /// Ours by its id, and another document.
    OtherDigest,
    /// Ours, of another professional.
    OtherPractitioner,
    /// Ours, and nobody knows that it left.
    NotReleased,
    /// Twice in the extract: one assertion, presented twice.
    Repeated,
}

impl Strange {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotOurs => "not-ours",
            Self::OtherDigest => "other-digest",
            Self::OtherPractitioner => "other-practitioner",
            Self::NotReleased => "not-released",
            Self::Repeated => "repeated",
        }
    }
}

/// The comparison, taking entries as they come, the oldest first.
#[derive(Debug)]
pub struct Reconciliation {
    seen: Vec<Seen>,
    by_id: HashMap<String, usize>,
    by_digest: HashMap<Digest, usize>,
    strange: BTreeMap<usize, Strange>,
    /// Rows that repeat an earlier one, by that one.
    repeats: HashMap<usize, Vec<usize>>,
    /// Those that are ours, by the index of their entry.
    ours: HashMap<u64, usize>,
    met: HashSet<usize>,
    released: HashSet<usize>,
    from: Instant,
    to: Instant,
    /// Ours of the extract's time that it lacks: id by index; released or not yet known.
    missing: BTreeMap<u64, (String, bool)>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Rows of the extract.
    pub rows: u64,
    /// Rows that are assertions of ours, released.
    pub matched: u64,
    /// The others, by row.
    pub strange: Vec<(Seen, Strange)>,
    /// Ours that were released in the time of the extract and that it lacks: entry and id.
    pub missing: Vec<(u64, String)>,
}

impl Reconciliation {
    /// Begins with an extract. Its time is from its first instant to its last.
    #[must_use]
    pub fn new(seen: Vec<Seen>) -> Self {
        let from = seen.iter().map(|one| one.instant).min().unwrap_or(Instant::from_ms(0));
        let to = seen.iter().map(|one| one.instant).max().unwrap_or(Instant::from_ms(0));
        let mut this = Self {
            seen,
            by_id: HashMap::new(),
            by_digest: HashMap::new(),
            strange: BTreeMap::new(),
            repeats: HashMap::new(),
            ours: HashMap::new(),
            met: HashSet::new(),
            released: HashSet::new(),
            from,
            to,
            missing: BTreeMap::new(),
        };
        for (at, one) in this.seen.iter().enumerate() {
            let id = one.id.clone().and_then(|id| this.by_id.insert(id, at));
            let digest = one.digest.and_then(|digest| this.by_digest.insert(digest, at));
            // The later row repeats the earlier, which stays the one that is looked up.
            if let Some(first) = id.or(digest) {
                this.strange.insert(at, Strange::Repeated);
                this.repeats.entry(first).or_default().push(at);
                one.id.clone().map(|id| this.by_id.insert(id, first));
                one.digest.map(|digest| this.by_digest.insert(digest, first));
            }
        }
        this
    }

    /// Takes the next entry of the ledger.
    pub fn take(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Issued(issued) => {
                let id = issued.assertion_id.to_string();
                let at = self.by_id.get(&id).or_else(|| self.by_digest.get(&issued.assertion)).copied();
                let Some((at, one)) = at.and_then(|at| Some((at, self.seen.get(at)?))) else {
                    if (self.from..=self.to).contains(&entry.time) {
                        self.missing.insert(entry.index, (id, false));
                    }
                    return;
                };
                self.met.insert(at);
                self.ours.insert(entry.index, at);
                // Another document under an identifier of ours, listed behind the right one, is no repetition of it.
                for repeat in self.repeats.get(&at).into_iter().flatten() {
                    let digest = self.seen.get(*repeat).and_then(|repeat| repeat.digest);
                    if digest.is_some_and(|digest| digest != issued.assertion) {
                        self.strange.insert(*repeat, Strange::OtherDigest);
                    }
                }
                let practitioner = entry.link.map(|link| link.practitioner);
                if one.digest.is_some_and(|digest| digest != issued.assertion)
                    || one.id.as_ref().is_some_and(|other| *other != id)
                {
                    self.strange.insert(at, Strange::OtherDigest);
                } else if one.practitioner.is_some() && one.practitioner != practitioner {
                    self.strange.insert(at, Strange::OtherPractitioner);
                }
            }
            Event::Outcome(outcome) if outcome.outcome == Outcome::Released => {
                self.released.extend(self.ours.get(&outcome.of));
                if let Some((_, released)) = self.missing.get_mut(&outcome.of) {
                    *released = true;
                }
            }
            _ => {}
        }
    }

    /// The result.
    #[must_use]
    pub fn end(mut self) -> Reconciled {
        for at in 0..self.seen.len() {
            if !self.strange.contains_key(&at) && !self.met.contains(&at) {
                self.strange.insert(at, Strange::NotOurs);
            } else if !self.strange.contains_key(&at) && !self.released.contains(&at) {
                self.strange.insert(at, Strange::NotReleased);
            }
        }
        let rows = self.seen.len() as u64;
        let strange: Vec<_> =
            self.strange.iter().filter_map(|(at, why)| Some((self.seen.get(*at)?.clone(), *why))).collect();
        let missing = self.missing.into_iter().filter(|(_, (_, released))| *released);
        Reconciled {
            rows,
            matched: rows - strange.len() as u64,
            strange,
            missing: missing.map(|(index, (id, _))| (index, id)).collect(),
        }
    }
}
