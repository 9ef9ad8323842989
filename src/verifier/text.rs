//! The report for people.

use std::fmt::Write as _;

use crate::lint::{Finding, Report, Severity, Verdict};

/// Writes the report: findings first, the verdict last.
pub(super) fn page(file: &str, report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        one(&mut out, file, finding);
    }
    if report.more > 0 {
        line(&mut out, format_args!("… et {} autres défauts", report.more));
    }
    if let Some(id) = &report.id {
        line(&mut out, format_args!("assertion  : {id}"));
    }
    if let Some(profile) = &report.profile {
        line(&mut out, format_args!("profil     : {profile}"));
    }
    if let Some(signer) = &report.signer {
        line(&mut out, format_args!("signataire : {}", signer.subject));
        line(
            &mut out,
            format_args!("autorité   : {} (certificat valable jusqu'au {})", signer.issuer, signer.not_after),
        );
    }
    if let Some(at) = report.judged_at {
        line(&mut out, format_args!("jugé au    : {at} ; révocation non vérifiée"));
    }
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let verdict = match report.verdict {
        Verdict::Good => "BON".to_owned(),
        Verdict::Undecided => "NON JUGÉ : aucun défaut, mais aucune autorité donnée (--trust)".to_owned(),
        Verdict::Bad => format!("MAUVAIS : {} défaut(s)", count(Severity::Error) + report.more),
    };
    let warnings = count(Severity::Warning);
    let warnings = if warnings > 0 { format!(", {warnings} avertissement(s)") } else { String::new() };
    line(&mut out, format_args!("{file} : {verdict}{warnings}"));
    out
}

fn one(out: &mut String, file: &str, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Error => "défaut",
        Severity::Warning => "avertissement",
        Severity::Note => "note",
    };
    let at = finding.place.position;
    line(out, format_args!("{file}:{}:{}: {severity} [{}] {}", at.line, at.column, finding.rule, finding.message));
    if !finding.place.path.is_empty() {
        line(out, format_args!("    place  : {}", finding.place.path));
    }
    line(out, format_args!("    remède : {} ({})", finding.rule.remedy(), finding.rule.source()));
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{words}");
}
