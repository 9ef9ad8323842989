//! The volumes of one subject beside its budgets.

use super::Measure;
use super::budget::{Budget, Scoped};
use super::window::{Count, Distinct};

/// Volumes of one subject.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    tokens: Count,
    patients: Distinct,
    /// Measures whose alarm was raised and not left since.
    alarmed: [bool; 2],
}

impl Tally {
    pub(super) fn new(scoped: &Scoped) -> Self {
        Self {
            tokens: Count::new(scoped.tokens.window_ms),
            patients: Distinct::new(scoped.patients.window_ms),
            alarmed: [false; 2],
        }
    }

    /// What each measure would be with one more assertion for `patient`.
    pub(super) fn next(
        &mut self,
        scoped: &Scoped,
        patient: Option<u64>,
        now_ms: u64,
    ) -> [(Measure, Budget, u32); 2] {
        let tokens = self.tokens.at(now_ms).saturating_add(1);
        let new = patient.is_some_and(|patient| !self.patients.has(patient, now_ms));
        let patients = self.patients.at(now_ms).saturating_add(u32::from(new));
        // A patient who is already among them costs nothing: a record that is open may be gone on with.
        let patients = if new { patients } else { 0 };
        [
            (Measure::Tokens, scoped.of(Measure::Tokens), tokens),
            (Measure::Patients, scoped.of(Measure::Patients), patients),
        ]
    }

    /// Counts one assertion for `patient`; gives the measures that reach their alarm with it.
    pub(super) fn add(
        &mut self,
        scoped: &Scoped,
        patient: Option<u64>,
        now_ms: u64,
    ) -> impl Iterator<Item = Measure> {
        let tokens = self.tokens.add(now_ms);
        let patients = match patient {
            Some(patient) => self.patients.add(patient, now_ms),
            None => self.patients.at(now_ms),
        };
        let over = [tokens >= scoped.tokens.alarm, patients >= scoped.patients.alarm];
        let before = std::mem::replace(&mut self.alarmed, over);
        [Measure::Tokens, Measure::Patients]
            .into_iter()
            .zip(over)
            .zip(before)
            .filter_map(|((measure, over), before)| (over && !before).then_some(measure))
    }

    pub(super) fn give_back(&mut self) {
        self.tokens.take();
    }

    pub(super) fn is_empty_at(&mut self, now_ms: u64) -> bool {
        self.tokens.at(now_ms) == 0 && self.patients.at(now_ms) == 0
    }
}
