//! How far the system's clock is believed: `[clock]`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Mode;
use crate::policy::breach::Breach;
use crate::policy::clock::Tolerances;
use crate::sys::synchronisation::SYNCHRONIZED;

/// Smallest tolerance in milliseconds: a leap second is a second at once, and no jump.
const TOLERANCE_MIN_MS: u64 = 1_100;
/// Largest tolerance in milliseconds: a clock that is off by more than an assertion lives makes each of them refused.
const TOLERANCE_MAX_MS: u64 = 30_000;
/// Default tolerance in milliseconds: a leap second, and the second that a loaded virtual machine may lose.
const TOLERANCE_MS: u64 = 2_000;
/// Shortest time without a synchronisation that may be set, in milliseconds: NTP asks every 64 s at most often.
const UNSYNCHRONISED_MIN_MS: u64 = 60_000;
/// Longest, in milliseconds: a quartz at its worst (100 ppm) is off by a minute in a week.
const UNSYNCHRONISED_MAX_MS: u64 = 7 * 24 * 3_600_000;
/// Default in milliseconds: three of the longest intervals at which NTP asks (2,048 s), and some.
const UNSYNCHRONISED_MS: u64 = 7_200_000;

/// The table as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClockTable {
    tolerance_ms: Option<u64>,
    require_synchronised: Option<bool>,
    unsynchronised_max_ms: Option<u64>,
    source: Option<PathBuf>,
}

/// How far the clock is believed.
#[derive(Clone, Debug)]
pub struct ClockRules {
    /// What is tolerated.
    pub tolerances: Tolerances,
    /// Touched by whoever sets the clock right, at each synchronisation; what matters is the instant of the last touch.
    pub source: PathBuf,
}

impl ClockTable {
    /// The rules, and what is wrong with the table; `base` is the folder of relative paths.
    pub(super) fn check(self, mode: Mode, base: &Path) -> (ClockRules, Vec<Breach>) {
        let mut breaches = Vec::new();
        let mut within = |name, value: Option<u64>, default, min, max| match value {
            Some(value) if !(min..=max).contains(&value) => {
                let cause = format!("[clock] {name} = {value} : attendu {min} à {max} millisecondes");
                breaches.push(Breach::of("bad-value", "clock", name, cause));
                default
            }
            value => value.unwrap_or(default),
        };
        let jump_ms = within("tolerance_ms", self.tolerance_ms, TOLERANCE_MS, TOLERANCE_MIN_MS, TOLERANCE_MAX_MS);
        let max_ms = within(
            "unsynchronised_max_ms",
            self.unsynchronised_max_ms,
            UNSYNCHRONISED_MS,
            UNSYNCHRONISED_MIN_MS,
            UNSYNCHRONISED_MAX_MS,
        );
        let required = self.require_synchronised.unwrap_or(mode == Mode::Production);
        let tolerances = Tolerances { jump_ms, unsynchronised_max_ms: required.then_some(max_ms) };
        let source = base.join(self.source.unwrap_or_else(|| SYNCHRONIZED.into()));
        (ClockRules { tolerances, source }, breaches)
    }
}

impl ClockRules {
    /// The file to look at, if synchronisation is required.
    #[must_use]
    pub fn sign(&self) -> Option<PathBuf> {
        self.tolerances.unsynchronised_max_ms.map(|_| self.source.clone())
    }
}
