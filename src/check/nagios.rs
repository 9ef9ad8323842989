//! One line for Nagios and its kin, with that world's own exit codes (Monitoring Plugins guidelines).

use super::report::Report;
use super::rule::Severity;

/// Days left at which a certificate is a warning, and at which it is critical.
const DAYS: (i64, i64) = (60, 7);
/// Longest line in characters before the performance data: what a pager shows.
const LINE_MAX: usize = 300;

/// What Nagios makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 0.
    Ok,
    /// 1.
    Warning,
    /// 2.
    Critical,
    /// 3: nothing could be looked at.
    Unknown,
}

impl State {
    /// Of a report: an error, a stopped service or a certificate in its last week is critical; without a configuration
    /// nothing is known.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let stopped = report.findings.iter().any(|finding| finding.rule.name == "service-stopped");
        let last_week = report.days_left.iter().any(|left| left.days <= DAYS.1);
        if !report.checked.contains(&"configuration") {
            Self::Unknown
        } else if report.count(Severity::Error) > 0 || stopped || last_week {
            Self::Critical
        } else if report.count(Severity::Warning) > 0 {
            Self::Warning
        } else {
            Self::Ok
        }
    }

    /// The exit code of that world.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// `OK - …|'seal_days'=1094;60:;7:`
#[must_use]
pub fn line(report: &Report) -> String {
    let state = match State::of(report) {
        State::Ok => "OK",
        State::Warning => "WARNING",
        State::Critical => "CRITICAL",
        State::Unknown => "UNKNOWN",
    };
    let gravest = report.findings.iter().filter(|finding| finding.rule.severity != Severity::Note);
    let gravest = gravest.min_by_key(|finding| (finding.rule.severity, finding.rule.name == "service-stopped"));
    let said = match gravest {
        None if report.not_checked.is_empty() => "rien à corriger".to_owned(),
        // A plugin seldom runs as root: what it could not look at is not called good.
        None => format!(
            "rien à corriger dans ce qui est vérifié ; non vérifié, en tout ou partie : {}",
            report.unchecked_subjects().join(", ")
        ),
        Some(finding) => format!(
            "{} erreur(s), {} avertissement(s) : [{}] {} : {}",
            report.count(Severity::Error),
            report.count(Severity::Warning),
            finding.rule.name,
            finding.place,
            finding.message
        ),
    };
    // The bar begins the performance data: it may stand nowhere else.
    let said: String = said.chars().map(|c| if c == '|' { '/' } else { c }).take(LINE_MAX).collect();
    let data: Vec<String> = report
        .days_left
        .iter()
        .map(|left| format!("'{}_days'={};{}:;{}:", left.key, left.days, DAYS.0, DAYS.1))
        .collect();
    if data.is_empty() { format!("{state} - {said}") } else { format!("{state} - {said}|{}", data.join(" ")) }
}
