//! The attestation result (RFC 9334 §8.4): what each check found, and what follows.

use serde::Serialize;

use super::check::{CHECKS, Check};
use crate::evidence::attest::ClockInfo;
use crate::evidence::baseline::{Baseline, Enrolled};
use crate::evidence::document::PcrValue;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be decided: something was not given, or something that it stands on failed.
    NotChecked,
    /// There is nothing to check.
    NotApplicable,
}

/// A check with what it found, French.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which.
    pub check: Check,
    /// What it found.
    pub status: Status,
    /// In a sentence without a capital and without a full stop.
    pub detail: String,
}

/// The whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Every check that applies passed.
    Good,
    /// None failed, and some could not be decided.
    Undecided,
    /// At least one failed.
    Bad,
}

/// What evidence shows, for people; only what was verified is here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Name of the AK, hexadecimal.
    pub attestation_key: Option<String>,
    /// Authorities of the EK certificate, the root last.
    pub ek_authorities: Vec<String>,
    /// The TPM's clock.
    pub clock: Option<ClockInfo>,
    /// Version of the TPM's firmware, 16 hexadecimal digits in its maker's own order.
    pub firmware_version: Option<String>,
    /// PCRs of the quote.
    pub pcrs: Vec<PcrValue>,
    /// Events of the firmware's log.
    pub events: usize,
    /// Phases of the boot that systemd measured.
    pub phases: Vec<String>,
    /// What was admitted, by name and version.
    pub admitted: Vec<String>,
    /// Entries of the ledger at its checkpoint.
    pub ledger_entries: Option<u64>,
    /// What the measured system says of itself.
    pub version: Option<String>,
    /// Version of its image.
    pub image: Option<String>,
    /// The counter.
    pub counter: Option<u64>,
}

/// The verdict on one evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Each check once, in the order of [`CHECKS`].
    pub outcomes: Vec<Outcome>,
    /// What changed since the last good evidence, what was not compared, and what is the officer's word; nothing of it decides.
    pub notes: Vec<String>,
    /// For people.
    pub shown: Shown,
    /// What the next evidence is to be held against.
    pub baseline: Baseline,
    /// The appliance, with its audit key once that is known.
    pub enrolled: Enrolled,
}

impl Verdict {
    /// The whole.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let any = |status| self.outcomes.iter().any(|outcome| outcome.status == status);
        if any(Status::Failed) {
            Standing::Bad
        } else if any(Status::NotChecked) || self.outcomes.len() != CHECKS.len() {
            Standing::Undecided
        } else {
            Standing::Good
        }
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.status == Status::Failed)
    }
}
