//! A verdict for people: one page of text.

use std::fmt::Write as _;

use super::judge::Report;
use crate::evidence::appraisal::{Standing, Status, Verdict};

/// Width of the titles in characters, so that details stand in one column.
const TITLE_WIDTH: usize = 28;

/// The word of a status.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Passed => "bon",
        Status::Failed => "ÉCHEC",
        Status::NotChecked => "non vérifié",
        Status::NotApplicable => "sans objet",
    }
}

/// The verdict in words.
pub(super) fn standing(verdict: &Verdict) -> String {
    match verdict.standing() {
        Standing::Good => "BON".to_owned(),
        Standing::Undecided => "NON DÉCIDÉ : aucun échec, mais tout n'a pas pu être vérifié".to_owned(),
        Standing::Bad => match verdict.failed().count() {
            1 => "MAUVAIS : 1 contrôle en échec".to_owned(),
            more => format!("MAUVAIS : {more} contrôles en échec"),
        },
    }
}

/// Facts that a report shows, as pairs of title and value.
pub(super) fn facts(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let shown = &report.verdict.shown;
    let mut facts = vec![("appliance", report.appliance.to_owned()), ("jugé au", report.at.to_string())];
    let mut add = |title, value: Option<String>| facts.extend(value.map(|value| (title, value)));
    add("version", shown.version.clone());
    add("image", shown.image.clone());
    add("admis", (!shown.admitted.is_empty()).then(|| shown.admitted.join(", ")));
    add("phases du démarrage", (!shown.phases.is_empty()).then(|| shown.phases.join(", ")));
    add(
        "horloge du TPM",
        shown.clock.map(|clock| {
            let hours = clock.clock_ms / 3_600_000;
            format!("{hours} h sous tension, {} redémarrages", clock.reset_count)
        }),
    );
    add("micrologiciel du TPM", shown.firmware_version.clone());
    add("compteur", shown.counter.map(|value| value.to_string()));
    add("journal", shown.ledger_entries.map(|entries| format!("{entries} entrées")));
    add("clé d'attestation", shown.attestation_key.clone());
    add("autorités du TPM", (!shown.ek_authorities.is_empty()).then(|| shown.ek_authorities.join(" ← ")));
    add("nouvelle base", report.new_baseline.map(str::to_owned));
    facts
}

/// What earlier verdicts say, in one line.
pub(super) fn history(report: &Report<'_>) -> String {
    match report.before.last() {
        None => "premier verdict sur cette appliance".to_owned(),
        Some(last) => {
            let word = match last.verdict.as_str() {
                "good" => "bon",
                "bad" => "mauvais",
                _ => "non décidé",
            };
            format!("verdict précédent : {word}, le {} ({} en tout)", last.at, report.before.len())
        }
    }
}

/// Writes the page: checks, facts, notes, the verdict last.
pub(super) fn page(report: &Report<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for outcome in &report.verdict.outcomes {
        let (title, word) = (outcome.check.title(), status(outcome.status));
        let _ = writeln!(out, "{title:<TITLE_WIDTH$} {word:<12} {} [{}]", outcome.detail, outcome.check.name());
        if outcome.status == Status::Failed {
            let _ = writeln!(out, "    ce que cela peut vouloir dire : {}", outcome.check.meaning());
            let _ = writeln!(out, "    que faire : {}", outcome.check.remedy());
        }
    }
    out.push('\n');
    for (title, value) in facts(report) {
        let _ = writeln!(out, "{title:<TITLE_WIDTH$} {value}");
    }
    for note in &report.verdict.notes {
        let _ = writeln!(out, "note : {note}");
    }
    let _ = writeln!(out, "{}", history(report));
    let _ = writeln!(out, "{} : {}", report.file, standing(report.verdict));
    out
}
