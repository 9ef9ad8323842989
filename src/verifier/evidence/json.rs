//! A verdict for programs: one JSON document.

use serde_json::{Value, json};

use super::judge::Report;
use super::officer::standing_name;
use crate::evidence::appraisal::{Outcome, Status};

/// Writes the document.
pub(super) fn document(report: &Report<'_>) -> String {
    let verdict = report.verdict;
    let document = json!({
        "file": report.file,
        "sha256": report.document,
        "appliance": report.appliance,
        "judged_at": report.at,
        "nonce": report.nonce,
        "verdict": standing_name(verdict.standing()),
        "new_baseline": report.new_baseline,
        "checks": verdict.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        "notes": verdict.notes,
        "shown": verdict.shown,
    });
    format!("{document:#}\n")
}

fn outcome(outcome: &Outcome) -> Value {
    let mut value = json!({
        "check": outcome.check,
        "status": outcome.status,
        "detail": outcome.detail,
    });
    if outcome.status == Status::Failed {
        value["meaning"] = outcome.check.meaning().into();
        value["remedy"] = outcome.check.remedy().into();
    }
    value
}
