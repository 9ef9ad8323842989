//! The report as one JSON document.

use serde_json::{Value, json};

use crate::lint::{Finding, Report};

/// Writes the report.
pub(super) fn page(file: &str, report: &Report) -> String {
    let document = json!({
        "file": file,
        "verdict": report.verdict.name(),
        "id": report.id,
        "profile": report.profile,
        "judged_at": report.judged_at.map(|at| at.to_string()),
        "signer": report.signer.as_ref().map(|signer| json!({
            "subject": signer.subject,
            "issuer": signer.issuer,
            "not_after": signer.not_after.to_string(),
        })),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more_findings": report.more,
        "not_checked": ["revocation"],
    });
    format!("{document:#}\n")
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.name(),
        "severity": finding.severity.name(),
        "path": finding.place.path,
        "line": finding.place.position.line,
        "column": finding.place.position.column,
        "message": finding.message,
        "remedy": finding.rule.remedy(),
        "source": finding.rule.source(),
    })
}
