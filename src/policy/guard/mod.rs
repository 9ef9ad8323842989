//! The volume guard: how many assertions, and of how many patients, is too much (convention, articles 3.6 and 9).
//!
//! The national side watches volumes and freezes an establishment; this guard watches the same measures over the same kind of
//! windows and stops one person or application before the whole hospital is stopped. Values in, verdicts out: whoever calls
//! records and suspends. Time is the machine's steady clock in milliseconds, so that no clock jump empties a window. People
//! are the ledger's keyed lookups: what a restart counts again needs no identity, and a dump of memory shows nobody.

mod budget;
mod tally;
mod window;

pub use budget::{Budget, Budgets, Scoped, WINDOW_MAX_MS};

use std::collections::{HashMap, HashSet};

use crate::traces::digest::Digest;
use tally::Tally;

/// Whose volume is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A practitioner by the ledger's lookup, through whichever application.
    Practitioner(Digest),
    /// An application, by its Unix user, for whichever practitioner.
    Application(u32),
    /// Everybody together.
    Establishment,
}

impl Subject {
    /// Its kind, for logs: nobody's name.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Practitioner(_) => "practitioner",
            Self::Application(_) => "application",
            Self::Establishment => "establishment",
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Assertions.
    Tokens,
    /// Distinct patients.
    Patients,
}

impl Measure {
    /// Its word in registers and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Patients => "patients",
        }
    }
}

/// A budget that a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reached {
    /// Whose.
    pub subject: Subject,
    /// Which measure.
    pub measure: Measure,
}

/// One request that policy has approved so far.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    /// Lookup of who acts.
    pub practitioner: Digest,
    /// Unix user of the application.
    pub application: u32,
    /// Lookup of whose record, if the transaction has one.
    pub patient: Option<Digest>,
    /// An emergency: levels are [`Budgets::emergency_factor`] times as high, and what is not urgent has its own count, so
    /// that no rush of emergencies stops the ward next door.
    pub emergency: bool,
}

/// What the guard says of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Within every budget; it was counted.
    Within {
        /// Alarm levels that this request is the first to reach since they were last left.
        alarms: Vec<Reached>,
        /// It passed only because it was an emergency: to be marked.
        relaxed: bool,
    },
    /// It would exceed a freeze level; nothing was counted.
    Exceeded(Reached),
}

/// Volumes of everybody.
#[derive(Debug)]
pub struct Guard {
    budgets: Budgets,
    tallies: HashMap<Subject, Tally>,
    /// Alarms that were raised and, when last looked at, not left.
    raised: HashSet<Reached>,
}

impl Guard {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(budgets: Budgets) -> Self {
        Self { budgets, tallies: HashMap::new(), raised: HashSet::new() }
    }

    /// Longest window in milliseconds: how far back a restart must count again.
    #[must_use]
    pub fn window_max_ms(&self) -> u64 {
        self.budgets.window_max_ms()
    }

    /// The budgets from now on; what was counted stays counted. Where a window changes, all that was in the old one counts
    /// as of `now_ms`: longer than it should, never shorter.
    pub fn take(&mut self, budgets: Budgets, now_ms: u64) {
        for (subject, tally) in &mut self.tallies {
            tally.take(self.budgets.of(*subject), budgets.of(*subject), now_ms);
        }
        self.budgets = budgets;
    }

    /// Judges a request at `now_ms` of the steady clock and counts it if it is within every budget.
    ///
    /// Never forgets early: a window may be up to one of its slots longer than its name.
    pub fn admit(&mut self, volume: Volume, now_ms: u64) -> Verdict {
        let factor = if volume.emergency { self.budgets.emergency_factor } else { 1 };
        let mut relaxed = false;
        for subject in subjects(&volume) {
            let scoped = *self.budgets.of(subject);
            let tally = self.tallies.entry(subject).or_insert_with(|| Tally::new(&scoped));
            for (measure, level) in tally.next(&volume, now_ms) {
                let freeze = scoped.of(measure).freeze;
                if level > freeze.saturating_mul(factor) {
                    return Verdict::Exceeded(Reached { subject, measure });
                }
                relaxed |= level > freeze;
            }
        }
        Verdict::Within { alarms: self.count(volume, now_ms, |_| true), relaxed }
    }

    /// Counts an assertion that was issued before a restart, at `at_ms`, for those of its subjects that `counts` names; in any
    /// order.
    pub fn restore(&mut self, volume: Volume, at_ms: u64, counts: impl Fn(Subject) -> bool) {
        self.count(volume, at_ms, counts);
    }

    /// Takes back one assertion of a request that was shed: nothing was done. Its patient stays counted: it was asked for.
    pub fn give_back(&mut self, volume: Volume) {
        for subject in subjects(&volume) {
            if let Some(tally) = self.tallies.get_mut(&subject) {
                tally.give_back(&volume);
            }
        }
    }

    /// Begins a subject anew: whoever was resumed has the whole budget, or would be stopped by the next request.
    pub fn begin_anew(&mut self, subject: Subject) {
        self.tallies.remove(&subject);
        self.raised.retain(|reached| reached.subject != subject);
    }

    /// Alarms that were raised and not left at `now_ms`.
    pub fn alarms(&mut self, now_ms: u64) -> Vec<Reached> {
        let (budgets, tallies) = (&self.budgets, &mut self.tallies);
        self.raised.retain(|Reached { subject, measure }| {
            let tally = tallies.get_mut(subject);
            tally.is_some_and(|tally| tally.level(*measure, now_ms) >= budgets.of(*subject).of(*measure).alarm)
        });
        self.raised.iter().copied().collect()
    }

    /// Forgets subjects of whom nothing is in any window: bounds memory by who is active.
    pub fn forget(&mut self, now_ms: u64) {
        self.tallies.retain(|_, tally| !tally.is_empty_at(now_ms));
    }

    fn count(&mut self, volume: Volume, now_ms: u64, counts: impl Fn(Subject) -> bool) -> Vec<Reached> {
        let mut alarms = Vec::new();
        for subject in subjects(&volume).into_iter().filter(|subject| counts(*subject)) {
            let scoped = *self.budgets.of(subject);
            let tally = self.tallies.entry(subject).or_insert_with(|| Tally::new(&scoped));
            let reached = tally.add(&scoped, &volume, now_ms);
            for (measure, is_new) in reached {
                let reached = Reached { subject, measure };
                self.raised.insert(reached);
                alarms.extend(is_new.then_some(reached));
            }
        }
        alarms
    }
}

fn subjects(volume: &Volume) -> [Subject; 3] {
    [Subject::Practitioner(volume.practitioner), Subject::Application(volume.application), Subject::Establishment]
}

#[cfg(test)]
mod tests;
