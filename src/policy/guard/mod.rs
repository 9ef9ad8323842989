//! The volume guard: how many assertions, and of how many patients, is too much (convention, articles 3.6 and 9).
//!
//! The national side watches volumes and freezes an establishment; this guard watches the same measures over the same kind of
//! windows and stops one person or application before the whole hospital is stopped. Values in, verdicts out: whoever calls
//! counts, records and suspends. Time is the machine's steady clock in milliseconds, so that no clock jump empties a window.

mod budget;
mod tally;
mod window;

pub use budget::{Budget, Budgets, Scoped};

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use tally::Tally;

/// Whose volume is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A practitioner, through whichever application.
    Practitioner(PsIdNat),
    /// An application, by its Unix user, for whichever practitioner.
    Application(u32),
    /// Everybody together.
    Establishment,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Assertions.
    Tokens,
    /// Distinct patients.
    Patients,
}

/// A budget that a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Whose.
    pub subject: Subject,
    /// Which measure.
    pub measure: Measure,
}

/// One request that policy has approved so far.
#[derive(Clone, Copy, Debug)]
pub struct Volume<'a> {
    /// Who acts.
    pub practitioner: PsIdNat,
    /// Unix user of the application.
    pub application: u32,
    /// Whose record, if the transaction has one.
    pub patient: Option<&'a Patient>,
    /// An emergency: levels are [`Budgets::emergency_factor`] times as high.
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
    /// Patients are remembered by a keyed hash drawn at each start: what a dump of memory shows is nobody.
    patients: RandomState,
}

impl Guard {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(budgets: Budgets) -> Self {
        Self { budgets, tallies: HashMap::new(), patients: RandomState::new() }
    }

    /// Longest window in milliseconds: how far back a restart must count again.
    #[must_use]
    pub fn window_max_ms(&self) -> u64 {
        self.budgets.window_max_ms()
    }

    /// Judges a request at `now_ms` of the steady clock and counts it if it is within every budget.
    ///
    /// Never forgets early: a window may be up to one of its slots longer than its name.
    pub fn admit(&mut self, volume: Volume<'_>, now_ms: u64) -> Verdict {
        let patient = volume.patient.map(|patient| self.hash(patient));
        let factor = if volume.emergency { self.budgets.emergency_factor } else { 1 };
        let mut relaxed = false;
        for subject in subjects(&volume) {
            let scoped = *self.budgets.of(subject);
            let tally = self.tallies.entry(subject).or_insert_with(|| Tally::new(&scoped));
            for (measure, budget, level) in tally.next(&scoped, patient, now_ms) {
                if level > budget.freeze.saturating_mul(factor) {
                    return Verdict::Exceeded(Reached { subject, measure });
                }
                relaxed |= level > budget.freeze;
            }
        }
        Verdict::Within { alarms: self.count(volume, now_ms), relaxed }
    }

    /// Counts an assertion that was issued before a restart, at `at_ms`; gives nothing.
    pub fn restore(&mut self, volume: Volume<'_>, at_ms: u64) {
        let _ = self.count(volume, at_ms);
    }

    /// Takes back one assertion of a request that was shed: nothing was done. Its patient stays counted: it was asked for.
    pub fn give_back(&mut self, volume: Volume<'_>) {
        for subject in subjects(&volume) {
            if let Some(tally) = self.tallies.get_mut(&subject) {
                tally.give_back();
            }
        }
    }

    /// Forgets practitioners of whom nothing is in any window: bounds memory by who is active.
    pub fn forget(&mut self, now_ms: u64) {
        self.tallies.retain(|_, tally| !tally.is_empty_at(now_ms));
    }

    fn count(&mut self, volume: Volume<'_>, now_ms: u64) -> Vec<Reached> {
        let patient = volume.patient.map(|patient| self.hash(patient));
        let mut alarms = Vec::new();
        for subject in subjects(&volume) {
            let scoped = *self.budgets.of(subject);
            let tally = self.tallies.entry(subject).or_insert_with(|| Tally::new(&scoped));
            let reached = tally.add(&scoped, patient, now_ms);
            alarms.extend(reached.map(|measure| Reached { subject, measure }));
        }
        alarms
    }

    fn hash(&self, patient: &Patient) -> u64 {
        self.patients.hash_one((patient.ins.as_str(), patient.oid.as_str()))
    }
}

fn subjects(volume: &Volume<'_>) -> [Subject; 3] {
    [Subject::Practitioner(volume.practitioner), Subject::Application(volume.application), Subject::Establishment]
}

#[cfg(test)]
mod tests;
