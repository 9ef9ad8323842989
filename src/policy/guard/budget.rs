//! Levels: from where on a volume is told, and from where on it is stopped.

use serde::Deserialize;

use super::{Measure, Subject};
use crate::policy::breach::Breach;

/// Longest window in milliseconds: a week. Longer trends are the business of `sceau traces usage`.
pub const WINDOW_MAX_MS: u64 = 7 * 24 * 3_600_000;
/// Shortest window in milliseconds: below, one ward round is a peak.
const WINDOW_MIN_MS: u64 = 60_000;
/// Highest factor for emergencies: above, there is no budget any more.
const EMERGENCY_FACTOR_MAX: u32 = 100;

/// One volume over one sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Length of the window in milliseconds.
    pub window_ms: u64,
    /// From this count on an alarm is raised, once until it was left.
    pub alarm: u32,
    /// The last count that is permitted; the next suspends.
    pub freeze: u32,
}

/// The budgets of one kind of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scoped {
    /// Assertions.
    pub tokens: Budget,
    /// Distinct patients.
    pub patients: Budget,
}

/// All budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// Of each practitioner.
    pub practitioner: Scoped,
    /// Of each application.
    pub application: Scoped,
    /// Of the establishment.
    pub establishment: Scoped,
    /// How many times higher every freeze level is for an emergency.
    pub emergency_factor: u32,
}

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

impl Default for Budgets {
    /// A physician who opens a record every minute for an hour, or two hundred records in a day, is no longer consulting: the
    /// other levels are that of a large hospital. No national figure is public; an establishment sets its own.
    fn default() -> Self {
        let budget = |window_ms, alarm, freeze| Budget { window_ms, alarm, freeze };
        Self {
            practitioner: Scoped { tokens: budget(HOUR_MS, 200, 600), patients: budget(DAY_MS, 100, 200) },
            application: Scoped {
                tokens: budget(HOUR_MS, 20_000, 60_000),
                patients: budget(DAY_MS, 10_000, 30_000),
            },
            establishment: Scoped {
                tokens: budget(HOUR_MS, 40_000, 100_000),
                patients: budget(DAY_MS, 20_000, 50_000),
            },
            emergency_factor: 4,
        }
    }
}

impl Budgets {
    /// The budgets of a subject.
    #[must_use]
    pub fn of(&self, subject: Subject) -> &Scoped {
        match subject {
            Subject::Practitioner(_) => &self.practitioner,
            Subject::Application(_) => &self.application,
            Subject::Establishment => &self.establishment,
        }
    }

    /// Longest window in milliseconds.
    #[must_use]
    pub fn window_max_ms(&self) -> u64 {
        self.each().map(|(_, budget)| budget.window_ms).into_iter().max().unwrap_or_default()
    }

    /// Levels that contradict each other.
    #[must_use]
    pub fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (place, budget) in self.each() {
            let mut refuse = |cause| {
                breaches.push(Breach::of("bad-value", "guard", place, format!("[guard] {place} : {cause}")));
            };
            if !(WINDOW_MIN_MS..=WINDOW_MAX_MS).contains(&budget.window_ms) {
                let value = budget.window_ms;
                refuse(format!("window_ms = {value}, attendu {WINDOW_MIN_MS} à {WINDOW_MAX_MS}"));
            }
            if budget.alarm == 0 || budget.alarm > budget.freeze {
                let (alarm, freeze) = (budget.alarm, budget.freeze);
                refuse(format!("alarm = {alarm}, attendu 1 à freeze ({freeze})"));
            }
        }
        if !(1..=EMERGENCY_FACTOR_MAX).contains(&self.emergency_factor) {
            let factor = self.emergency_factor;
            let cause = format!("[guard] emergency_factor = {factor}, attendu 1 à {EMERGENCY_FACTOR_MAX}");
            breaches.push(Breach::of("bad-value", "guard", "emergency_factor", cause));
        }
        breaches
    }

    /// Every budget by its dotted name in `[guard]`.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Budget); 6] {
        [
            ("practitioner.tokens", self.practitioner.tokens),
            ("practitioner.patients", self.practitioner.patients),
            ("application.tokens", self.application.tokens),
            ("application.patients", self.application.patients),
            ("establishment.tokens", self.establishment.tokens),
            ("establishment.patients", self.establishment.patients),
        ]
    }
}

impl Scoped {
    pub(super) fn of(&self, measure: Measure) -> Budget {
        match measure {
            Measure::Tokens => self.tokens,
            Measure::Patients => self.patients,
        }
    }
}
