//! The clock: assertions live for seconds, so a clock that is wrong makes each of them refused.

use super::finding::{Finding, Place};
use super::report::Report;
use crate::vihf::instant::Instant;

const SUBJECT: &str = "clock";
/// The first instant of the year in which this version was made: no right clock stands before it.
const BUILD_YEAR: &str = "2026-01-01T00:00:00Z";

/// Judges what the system says of its clock.
pub(super) fn probe(synchronised: Option<bool>, now: Instant, report: &mut Report) {
    let place = || Place::Object("horloge du système".to_owned());
    report.checked(SUBJECT);
    if Instant::parse(BUILD_YEAR).is_some_and(|built| now < built) {
        let text =
            format!("elle indique {now}, avant la sortie de ce logiciel ; mettez-la à l'heure, puis activez NTP");
        report.found(Finding::new("clock-before-build", place(), &text));
    }
    match synchronised {
        Some(true) => {}
        Some(false) => {
            let text = "elle n'est pas synchronisée, le DMP refusera des jetons ; activez systemd-timesyncd ou chrony \
                        (timedatectl set-ntp true) et ouvrez NTP vers le serveur de l'établissement";
            report.found(Finding::new("clock-unsynchronised", place(), text));
        }
        None => report.not_checked(SUBJECT, "rien ne dit si l'horloge est synchronisée ; vérifiez NTP à la main"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules(synchronised: Option<bool>, now: &str) -> (Vec<&'static str>, usize) {
        let mut report = Report::default();
        probe(synchronised, Instant::parse(now).unwrap(), &mut report);
        (report.findings.iter().map(|finding| finding.rule.name).collect(), report.not_checked.len())
    }

    #[test]
    fn a_clock_is_right_wrong_or_unknown() {
        assert_eq!(rules(Some(true), "2026-01-01T00:00:00Z"), (vec![], 0));
        assert_eq!(rules(None, "2030-01-01T00:00:00Z"), (vec![], 1));
        assert_eq!(rules(Some(false), "2030-01-01T00:00:00Z"), (vec!["clock-unsynchronised"], 0));
        assert_eq!(rules(Some(true), "2025-12-31T23:59:59Z"), (vec!["clock-before-build"], 0));
        assert_eq!(
            rules(Some(false), "1970-01-01T00:00:00Z"),
            (vec!["clock-before-build", "clock-unsynchronised"], 0)
        );
    }
}
