//! The volumes of one subject beside its budgets.

use super::budget::Scoped;
use super::window::{Count, Distinct};
use super::{Measure, Volume};

/// Volumes of one subject.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    all: Volumes,
    /// Without emergencies.
    ordinary: Volumes,
    /// Measures whose alarm was raised and not left since.
    alarmed: [bool; 2],
}

/// Both measures of some requests.
#[derive(Clone, Debug)]
struct Volumes {
    tokens: Count,
    patients: Distinct,
}

impl Volumes {
    fn new(scoped: &Scoped) -> Self {
        Self { tokens: Count::new(scoped.tokens.window_ms), patients: Distinct::new(scoped.patients.window_ms) }
    }

    fn add(&mut self, volume: &Volume, now_ms: u64) -> [u32; 2] {
        let tokens = self.tokens.add(now_ms);
        let patients = match volume.patient {
            Some(patient) => self.patients.add(patient, now_ms),
            None => self.patients.at(now_ms),
        };
        [tokens, patients]
    }
}

impl Tally {
    pub(super) fn new(scoped: &Scoped) -> Self {
        Self { all: Volumes::new(scoped), ordinary: Volumes::new(scoped), alarmed: [false; 2] }
    }

    /// What each measure would be with this request: among all for an emergency, else among those that are none.
    pub(super) fn next(&mut self, volume: &Volume, now_ms: u64) -> [(Measure, u32); 2] {
        let volumes = if volume.emergency { &mut self.all } else { &mut self.ordinary };
        let tokens = volumes.tokens.at(now_ms).saturating_add(1);
        // A patient who is already among them costs nothing: a record that is open may be gone on with.
        let patients = match volume.patient {
            Some(patient) if !volumes.patients.has(patient, now_ms) => {
                volumes.patients.at(now_ms).saturating_add(1)
            }
            _ => 0,
        };
        [(Measure::Tokens, tokens), (Measure::Patients, patients)]
    }

    /// Counts one request; gives the measures that are at their alarm with it, and whether they were not before.
    pub(super) fn add(
        &mut self,
        scoped: &Scoped,
        volume: &Volume,
        now_ms: u64,
    ) -> impl Iterator<Item = (Measure, bool)> {
        let [tokens, patients] = self.all.add(volume, now_ms);
        if !volume.emergency {
            self.ordinary.add(volume, now_ms);
        }
        let over = [tokens >= scoped.tokens.alarm, patients >= scoped.patients.alarm];
        let before = std::mem::replace(&mut self.alarmed, over);
        [Measure::Tokens, Measure::Patients]
            .into_iter()
            .zip(over)
            .zip(before)
            .filter_map(|((measure, over), before)| over.then_some((measure, !before)))
    }

    /// Counts on by other windows.
    pub(super) fn take(&mut self, old: &Scoped, new: &Scoped, now_ms: u64) {
        for volumes in [&mut self.all, &mut self.ordinary] {
            if old.tokens.window_ms != new.tokens.window_ms {
                volumes.tokens = volumes.tokens.over(new.tokens.window_ms, now_ms);
            }
            if old.patients.window_ms != new.patients.window_ms {
                volumes.patients = volumes.patients.over(new.patients.window_ms, now_ms);
            }
        }
    }

    /// How much there is of a measure, emergencies included.
    pub(super) fn level(&mut self, measure: Measure, now_ms: u64) -> u32 {
        match measure {
            Measure::Tokens => self.all.tokens.at(now_ms),
            Measure::Patients => self.all.patients.at(now_ms),
        }
    }

    pub(super) fn give_back(&mut self, volume: &Volume) {
        self.all.tokens.take();
        if !volume.emergency {
            self.ordinary.tokens.take();
        }
    }

    pub(super) fn is_empty_at(&mut self, now_ms: u64) -> bool {
        [Measure::Tokens, Measure::Patients].into_iter().all(|measure| self.level(measure, now_ms) == 0)
    }
}
