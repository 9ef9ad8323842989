//! The judgement of a whole ledger, entry by entry: memory is bounded by practitioners, not by entries.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use super::finding::Finding;
use super::in_force::InForce;
use super::outcomes::Outcomes;
use super::points::{Points, Whose};
use super::{From, Restoration, Verdict};
use crate::traces::audit::{FIRST_GENERATION, Generation, generation_in};
use crate::traces::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::traces::entry::{Entry, Head, Link};
use crate::traces::map::cell::{Cell, Cells, Prefix};
use crate::traces::map::update::update;
use crate::traces::merkle::frontier::Frontier;
use crate::traces::merkle::leaf_hash;
use crate::traces::note::key::VerifierKey;
use crate::traces::restoration;
use crate::vihf::instant::Instant;

/// The order by which two persons acknowledge a restoration.
const LEDGER_RESTORE: &str = "ledger-restore";

/// The order by which two persons take an older copy for the ledger; the counter's number and the declaration of the new
/// generation are the two entries behind it, in its commit.
const COUNTER_ACCEPT: &str = "counter-accept";

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
    /// The officer's checkpoint, if the entries are not those that it was signed for: a declaration may still come.
    disputed: Option<Checkpoint>,
    /// The entry of the newest [`COUNTER_ACCEPT`] that was done.
    accepted: Option<u64>,
    outcomes: Outcomes,
    in_force: InForce,
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
            disputed: None,
            accepted: None,
            outcomes: Outcomes::default(),
            in_force: InForce::default(),
        };
        judge.compare();
        judge
    }

    /// Takes the leaf at the next position.
    pub fn take(&mut self, leaf: &[u8]) {
        let at = self.verdict.entries;
        self.verdict.entries += 1;
        let entry = Entry::decode(leaf);
        // Before the leaf is in the tree: a declaration is of the tree before it.
        let begun = entry.as_ref().ok().and_then(|entry| self.declaration(entry));
        self.frontier.append(leaf_hash(leaf), |_| ());
        if let Some(restoration) = begun {
            // And its name of the tree with it.
            let generation = Generation::begun(restoration.generation.number(), &self.frontier.root());
            self.verdict.restorations.push(Restoration { generation, ..restoration });
        }
        match entry {
            Ok(entry) => self.entry(at, &entry),
            Err(cause) => {
                self.broken = true;
                self.verdict.add(Finding::Unreadable { at, cause: cause.to_string() });
            }
        }
        self.compare();
    }

    /// Which generation the entries before the next one are of, as the ledger declares it.
    fn generation(&self) -> Generation {
        self.verdict.restorations.last().map_or(FIRST_GENERATION.into(), |last| last.generation)
    }

    /// Takes the declaration of a generation, which is given, and the order by which two persons acknowledged it.
    fn declaration(&mut self, entry: &Entry) -> Option<Restoration> {
        match &entry.event {
            Event::Register(register) if register.register.as_str() == restoration::REGISTER => {
                let entries = self.frontier.size();
                let number = self.generation().number() + 1;
                // Of entries that are not all there, nobody can say what was restored.
                if self.broken || entry.index != entries {
                    return None;
                }
                if register.content == restoration::content(number, entries, &self.frontier.root()) {
                    self.outcomes.begins(entry.time);
                    let acknowledged = self.accepted.filter(|order| order + 2 == entries);
                    let from = if acknowledged.is_some() { From::OlderCopy } else { From::Backup };
                    let generation = number.into();
                    return Some(Restoration { generation, from, entries, at: entry.time, acknowledged });
                } else {
                    self.verdict.add(Finding::RestorationFalse { at: entries });
                }
            }
            Event::Order(order) if order.verb.as_str() == COUNTER_ACCEPT && order.refused.is_none() => {
                self.accepted = Some(entry.index);
            }
            Event::Order(order) if order.verb.as_str() == LEDGER_RESTORE && order.refused.is_none() => {
                if let Some(last) = self.verdict.restorations.last_mut() {
                    last.acknowledged = last.acknowledged.or(Some(entry.index));
                }
            }
            _ => {}
        }
        None
    }

    /// What became of an officer's checkpoint of an earlier generation.
    fn lost(&self, kept: &Checkpoint) -> Option<Finding> {
        let named = generation_in(kept.origin());
        let is_other =
            |one: &&Restoration| one.generation.number() >= named.number() && !one.generation.is_named(named);
        let Restoration { generation, entries, from, .. } = *self.verdict.restorations.iter().find(is_other)?;
        let kept = kept.size;
        if from == From::OlderCopy {
            return (kept > entries).then_some(Finding::OlderCopy { generation, entries, kept });
        }
        (kept > entries).then_some(if generation.number() == named.number() {
            Finding::RestoredTwice { generation, other: named, entries, kept }
        } else {
            Finding::Restored { generation, entries, kept }
        })
    }

    /// An older copy goes on for a while, unsigned, before two persons take it for the ledger: what stands there instead of what the
    /// officer has seen is told as theirs, not as a fork that nobody tells of.
    fn declared_later(&mut self) {
        let Some(kept) = self.disputed.take() else { return };
        let named = generation_in(kept.origin());
        let explains = |one: &&Restoration| {
            one.from == From::OlderCopy && one.generation.number() > named.number() && one.entries >= kept.size
        };
        let Some(Restoration { generation, entries, .. }) =
            self.verdict.restorations.iter().find(explains).cloned()
        else {
            return;
        };
        for found in &mut self.verdict.findings {
            if *found == (Finding::Forked { size: kept.size }) {
                *found = Finding::OlderCopy { generation, entries, kept: kept.size };
            }
        }
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
        self.in_force.take(entry, &mut self.verdict);
    }

    /// Compares the tree with every checkpoint of its present size.
    fn compare(&mut self) {
        let size = self.verdict.entries;
        while let Some((checkpoint, whose)) = self.points.at(size) {
            if self.broken {
                continue;
            }
            let generation = generation_in(checkpoint.origin());
            if whose == Whose::Officer
                && let Some(lost) = self.lost(&checkpoint)
            {
                self.verdict.add(lost);
            } else if whose == Whose::Ledger && !self.generation().is_named(generation) {
                let cause = format!("it is of generation {generation}, the entries of {}", self.generation());
                self.verdict.add(Finding::CheckpointForged { cause });
            } else if checkpoint.root == self.frontier.root() {
                if whose == Whose::Ledger
                    && self.disputed.as_ref().is_some_and(|kept| kept.origin() == checkpoint.origin())
                {
                    // What stands there was signed under the officer's own name: two histories of one.
                    self.disputed = None;
                }
                self.compare_map(&checkpoint);
                self.verdict.covered = size;
            } else if whose == Whose::Officer {
                self.verdict.add(Finding::Forked { size });
                self.disputed = Some(checkpoint).filter(|_| self.verdict.covered < size);
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

    /// Where the ledger itself says that it ends, unsigned: entries cut off or changed behind the last checkpoint by somebody
    /// who left that as it was.
    pub fn edge(&mut self, edge: &Frontier) {
        let entries = self.verdict.entries;
        if entries < edge.size() {
            self.verdict.add(Finding::Missing { from: entries, to: edge.size() - 1 });
        } else if !self.broken && self.frontier != *edge {
            self.verdict.add(Finding::Altered { from: self.verdict.covered, to: entries.saturating_sub(1) });
        }
    }

    /// The end of the ledger.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let entries = self.verdict.entries;
        self.outcomes.finish(&mut self.verdict);
        self.declared_later();
        if let Some(kept) = self.points.officers_beyond() {
            let rolled_back = Finding::RolledBack { entries, kept: kept.size };
            let found = self.lost(kept).unwrap_or(rolled_back);
            self.verdict.add(found);
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
