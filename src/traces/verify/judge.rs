//! The judgement of a whole ledger, entry by entry: memory is bounded by practitioners, not by entries.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use super::Verdict;
use super::finding::Finding;
use super::outcomes::Outcomes;
use super::points::{Points, Whose};
use crate::traces::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::traces::entry::{Entry, Head, Link};
use crate::traces::map::cell::{Cell, Cells, Prefix};
use crate::traces::map::update::update;
use crate::traces::merkle::frontier::Frontier;
use crate::traces::merkle::leaf_hash;
use crate::traces::note::key::VerifierKey;
use crate::vihf::instant::Instant;

/// A checkpoint's note, verified or refused.
pub type Opened = Result<SignedCheckpoint, CheckpointError>;

/// Judges entries from index 0 on against the ledger's checkpoints, and the officer's.
#[derive(Debug)]
pub struct Judge {
    verdict: Verdict,
    points: Points,
    /// Whether the ledger brought a trusted checkpoint at all.
    vouched: bool,
    /// Nothing after a missing or altered entry has its place in the tree: roots are compared no more.
    broken: bool,
    frontier: Frontier,
    heads: HashMap<Digest, Head>,
    /// Heads that the map has not yet.
    moved: BTreeMap<Digest, Head>,
    map: Memory,
    last: Option<(Instant, u64)>,
    outcomes: Outcomes,
}

/// The map in memory.
#[derive(Debug, Default)]
struct Memory(HashMap<Prefix, Cell>);

impl Cells for Memory {
    type Error = Infallible;

    fn cell(&self, prefix: &Prefix) -> Result<Option<Cell>, Infallible> {
        Ok(self.0.get(prefix).copied())
    }
}

impl Judge {
    /// Takes the ledger's checkpoints (`notes`, untrusted, any order) and the one that the officer kept.
    ///
    /// Trusts `keys`, the audit keys of the ledger `origin`, and that the officer's checkpoint was kept by him.
    #[must_use]
    pub fn new<'n>(
        origin: &str,
        keys: &[VerifierKey],
        notes: impl IntoIterator<Item = &'n str>,
        kept: Option<SignedCheckpoint>,
    ) -> Self {
        Self::over(notes.into_iter().map(|note| SignedCheckpoint::open(note, origin, keys)), kept)
    }

    /// As [`Judge::new`], with notes that the caller verified: under the names of several generations, for instance.
    #[must_use]
    pub fn over(notes: impl IntoIterator<Item = Opened>, kept: Option<SignedCheckpoint>) -> Self {
        let mut verdict = Verdict { since_checked: kept.is_some(), ..Verdict::default() };
        let mut own = Vec::new();
        for note in notes {
            match note {
                Ok(signed) => own.push(signed),
                Err(cause) => verdict.add(Finding::CheckpointForged { cause: cause.to_string() }),
            }
        }
        let vouched = !own.is_empty() || kept.is_some();
        let points = Points::new(own, kept, &mut verdict);
        let mut judge = Self {
            verdict,
            points,
            vouched,
            broken: false,
            frontier: Frontier::new(),
            heads: HashMap::new(),
            moved: BTreeMap::new(),
            map: Memory::default(),
            last: None,
            outcomes: Outcomes::default(),
        };
        judge.compare();
        judge
    }

    /// Takes the leaf at the next position.
    pub fn take(&mut self, leaf: &[u8]) {
        let at = self.verdict.entries;
        self.verdict.entries += 1;
        self.frontier.append(leaf_hash(leaf), |_| ());
        match Entry::decode(leaf) {
            Ok(entry) => self.entry(at, &entry),
            Err(cause) => {
                self.broken = true;
                self.verdict.add(Finding::Unreadable { at, cause: cause.to_string() });
            }
        }
        self.compare();
    }

    fn entry(&mut self, at: u64, entry: &Entry) {
        if entry.index > at {
            // Go on behind the gap, so that one deletion is one finding.
            self.broken = true;
            self.verdict.add(Finding::Missing { from: at, to: entry.index - 1 });
            self.verdict.entries = entry.index.saturating_add(1);
        } else if entry.index < at {
            self.broken = true;
            self.verdict.add(Finding::OutOfOrder { at, index: entry.index });
            // Back to its place: the next entry is judged after the one that stands here.
            self.verdict.entries = at;
            return;
        }
        let starts = matches!(entry.event, Event::Start(_));
        if let Some((time, boot)) = self.last {
            if entry.time < time {
                if entry.event.begins_time() {
                    self.outcomes.step_back(entry.time);
                } else {
                    self.verdict.add(Finding::TimeWentBack { at: entry.index });
                }
            }
            if starts && entry.boot <= boot || !starts && entry.boot != boot {
                self.verdict.add(Finding::Spliced { at: entry.index });
            }
        } else if !starts {
            self.verdict.add(Finding::Spliced { at: entry.index });
        }
        self.last = Some((entry.time, entry.boot));
        if let Some(link) = entry.link {
            let before = self.heads.insert(link.practitioner, link.head(entry.index));
            self.moved.insert(link.practitioner, link.head(entry.index));
            if link != Link::after(link.practitioner, before) {
                self.verdict.add(Finding::ChainBroken { at: entry.index });
            }
        }
        self.outcomes.take(entry, &mut self.verdict);
    }

    /// Compares the tree with every checkpoint of its present size.
    fn compare(&mut self) {
        let size = self.verdict.entries;
        while let Some((checkpoint, whose)) = self.points.at(size) {
            if self.broken {
                continue;
            }
            if checkpoint.root == self.frontier.root() {
                self.compare_map(&checkpoint);
                self.verdict.covered = size;
            } else if whose == Whose::Officer {
                self.verdict.add(Finding::Forked { size });
            } else {
                self.broken = true;
                self.verdict.add(Finding::Altered { from: self.verdict.covered, to: size.saturating_sub(1) });
            }
        }
    }

    fn compare_map(&mut self, checkpoint: &Checkpoint) {
        let Ok(update) = update(&self.map, std::mem::take(&mut self.moved));
        self.map.0.extend(update.written);
        if update.root != checkpoint.map {
            self.verdict.add(Finding::MapAltered { size: checkpoint.size });
        }
    }

    /// The end of the ledger.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let entries = self.verdict.entries;
        if let Some(kept) = self.points.officers_beyond() {
            self.verdict.add(Finding::RolledBack { entries, kept: kept.size });
        }
        if let Some((checkpoint, Whose::Ledger)) = self.points.beyond() {
            self.verdict.add(Finding::Truncated { entries, signed: checkpoint.size });
        }
        if !self.vouched {
            self.verdict.add(Finding::CheckpointMissing);
        }
        self.verdict
    }
}
