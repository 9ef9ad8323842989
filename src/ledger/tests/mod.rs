//! The store on a real file: what its reader shows, what a start makes of what a crash left, what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exporting;
mod failures;
mod reading;
mod starts;
mod times;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::notes::Notes;
use super::opening::FILE;
use super::reserve::Reserve;
use super::secrets::Secrets;
use super::store::Store;
use super::writer::Writer;
use super::*;
use crate::traces::entry::event::{Event, OutcomeOf, SessionOpened};
use crate::traces::entry::outcome::Outcome;
use crate::traces::entry::tests as sample;
use crate::traces::entry::{Entry, Head};

/// How long nonces are remembered.
const WINDOW_MS: u64 = 3_600_000;
/// Practitioners of the tests.
const PEOPLE: u32 = 7;

fn at(ms: i64) -> Instant {
    Instant::from_ms(1_800_000_000_000 + ms)
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn open(folder: &Path) -> Result<(Ledger, Restored), StoreError> {
    Ledger::open(folder, sample::start(), WINDOW_MS, at(0))
}

fn session(n: u32) -> Line {
    let opened = SessionOpened { setting: sample::setting(n), expires: at(3_600_000) };
    Line::plain(Event::SessionOpened(Box::new(opened)))
}

/// Writes at least `entries`: issues of [`PEOPLE`] practitioners, and their release.
fn fill(ledger: &Ledger, entries: u64) {
    block(async {
        for n in 0..PEOPLE {
            ledger.write(session(n)).await.unwrap();
        }
        let from = ledger.size();
        let mut n = 0;
        while ledger.size() < from + entries {
            for _ in 0..500 {
                n += 1;
                ledger.note(Line::plain(sample::issued(n % PEOPLE, 1)));
                if n % 5 == 0 {
                    ledger.note(Line::plain(sample::refused(None, 2)));
                }
            }
            let written = ledger.write(Line::plain(sample::issued(n % PEOPLE, 1))).await.unwrap();
            let chain = written.chain.unwrap();
            ledger.write(Line::outcome(written.index, Outcome::Released, chain)).await.unwrap();
        }
    });
}

/// What a crash at this moment would leave.
fn crash(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["ledger.key", "wrapping-1.key", "ledger.sqlite", "ledger.sqlite-wal"] {
        if folder.join(file).exists() {
            fs::copy(folder.join(file), copy.path().join(file)).unwrap();
        }
    }
    copy
}

fn entries(reader: &Reader) -> Vec<Entry> {
    let mut entries = Vec::new();
    reader
        .leaves(0..reader.edge().frontier.size(), |index, leaf| {
            let entry = Entry::decode(leaf).unwrap();
            assert_eq!(entry.index, index);
            entries.push(entry);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    entries
}

/// The heads after the first `size` entries, by definition.
fn heads(entries: &[Entry], size: u64) -> HashMap<Digest, Head> {
    let linked = entries.iter().filter(|entry| entry.index < size).filter_map(|entry| Some((entry.link?, entry)));
    linked.map(|(link, entry)| (link.practitioner, link.head(entry.index))).collect()
}

fn outcomes(entries: &[Entry], of: u64) -> Vec<Outcome> {
    let outcomes = entries.iter().filter_map(|entry| match &entry.event {
        Event::Outcome(OutcomeOf { of: it, outcome }) if *it == of => Some(*outcome),
        _ => None,
    });
    outcomes.collect()
}
