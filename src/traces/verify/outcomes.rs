//! Whether each assertion has the outcomes it may have.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::{FINDINGS_MAX, Verdict};
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::instant::Instant;

/// How long after an assertion was recorded, or after the start that recovers it, its disposition may be missing, in
/// milliseconds. Reason: an assertion lives 30 s; outcomes are written with the next commit, which a quiet night may keep
/// waiting until the next checkpoint; an hour is beyond any interval of checkpoints.
pub(super) const DISPOSITION_DELAY_MS_MAX: u64 = 3_600_000;

/// One bit for each index, in words of 64: memory follows what was read, whatever indexes the entries claim.
#[derive(Debug, Default)]
struct Bits(BTreeMap<u64, u64>);

impl Bits {
    fn set(&mut self, index: u64) {
        *self.0.entry(index / 64).or_default() |= 1 << (index % 64);
    }

    fn has(&self, index: u64) -> bool {
        self.0.get(&(index / 64)).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }
}

/// The assertions of the ledger so far.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// Those without disposition, with the time of their entry; few at any time.
    open: BTreeMap<u64, Instant>,
    /// Those whose disposition is overdue. It may still come: a full disk, or a machine that was suspended, keeps it waiting for
    /// longer than any delay, and who strips outcomes never writes it. At most [`FINDINGS_MAX`].
    late: BTreeSet<u64>,
    released: Bits,
    started: Option<Instant>,
}

impl Outcomes {
    /// Takes the next entry, which stands at its index.
    pub(super) fn take(&mut self, entry: &Entry, verdict: &mut Verdict) {
        if matches!(entry.event, Event::Start(_)) {
            self.begins(entry.time);
        }
        self.overdue(entry.time, verdict);
        match &entry.event {
            Event::Issued(_) => {
                self.open.insert(entry.index, entry.time);
            }
            Event::Outcome(outcome) => {
                let first = self.open.remove(&outcome.of).is_some() || self.late.remove(&outcome.of);
                if !outcome.outcome.may_come(first) || !first && !self.released.has(outcome.of) {
                    verdict.add(Finding::OutcomeMisplaced { at: entry.index, of: outcome.of });
                }
                if outcome.outcome == Outcome::Released {
                    self.released.set(outcome.of);
                }
            }
            _ => {}
        }
    }

    /// A life of the ledger begins: what the one before left open is closed after it.
    pub(super) fn begins(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// The clock was set back: what was recorded under a later time is due from now on.
    pub(super) fn step_back(&mut self, now: Instant) {
        self.open.values_mut().for_each(|time| *time = now.min(*time));
        self.started = self.started.map(|started| now.min(started));
    }

    /// The end of the ledger: what is late by then is missing.
    pub(super) fn finish(&mut self, verdict: &mut Verdict) {
        std::mem::take(&mut self.late).into_iter().for_each(|of| verdict.add(Finding::OutcomeMissing { of }));
    }

    /// Sets those apart whose disposition should have come by now.
    fn overdue(&mut self, now: Instant, verdict: &mut Verdict) {
        // Entries do not go back in time (`step_back`): the first is due first.
        while let Some(first) = self.open.first_entry() {
            let due = self.started.map_or(*first.get(), |started| started.max(*first.get()));
            if now <= due.plus_ms(DISPOSITION_DELAY_MS_MAX) {
                return;
            }
            let (of, _) = first.remove_entry();
            if self.late.len() < FINDINGS_MAX {
                self.late.insert(of);
            } else {
                verdict.add(Finding::OutcomeMissing { of });
            }
        }
    }
}
