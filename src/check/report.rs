//! Everything that was found, and how it is told: to people, as JSON, to Nagios.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::finding::{Finding, plain};
use super::rule::{Severity, Verdict};

/// What was looked at; the names in JSON.
pub(super) type Subject = &'static str;

/// Days left of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaysLeft {
    /// Name of the seal key.
    pub key: String,
    /// Whole days; negative afterwards.
    pub days: i64,
}

/// Age of one revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAge {
    /// Its file.
    pub file: PathBuf,
    /// Whole hours since it was made.
    pub hours: i64,
    /// Hours beyond which nothing is sent to the DMP.
    pub max_hours: i64,
}

/// The result of all probes.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong or worth knowing.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub checked: Vec<Subject>,
    /// What was not, and why (French).
    pub not_checked: Vec<(Subject, String)>,
    /// Certificates, for performance data.
    pub days_left: Vec<DaysLeft>,
    /// Revocation lists of the relay.
    pub lists: Vec<ListAge>,
}

impl Report {
    /// Adds a finding.
    pub fn found(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Says that a subject was looked at.
    pub fn checked(&mut self, subject: Subject) {
        if !self.checked.contains(&subject) {
            self.checked.push(subject);
        }
    }

    /// Says that something was not looked at, and why.
    pub fn not_checked(&mut self, subject: Subject, why: impl Into<String>) {
        let entry = (subject, why.into());
        if !self.not_checked.contains(&entry) {
            self.not_checked.push(entry);
        }
    }

    /// How many findings have that weight.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.rule.severity == severity).count()
    }

    /// The whole in one word: the gravest of its errors.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let errors = self.findings.iter().filter(|finding| finding.rule.severity == Severity::Error);
        errors.map(|finding| finding.rule.verdict).max().unwrap_or(Verdict::Good)
    }

    /// One JSON document.
    #[must_use]
    pub fn json(&self) -> Value {
        let verdict = match self.verdict() {
            Verdict::Good => "good",
            Verdict::Wrong => "wrong",
            Verdict::Unavailable => "unavailable",
            Verdict::Misconfigured => "misconfigured",
            Verdict::Halted => "halted",
        };
        let not_checked = |(subject, why): &(Subject, String)| json!({ "subject": subject, "reason": why });
        let list = |list: &ListAge| json!({ "file": list.file.display().to_string(), "hours": list.hours, "max_hours": list.max_hours });
        json!({
            "verdict": verdict,
            "revocation_lists": self.lists.iter().map(list).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Finding::json).collect::<Vec<_>>(),
            "checked": self.checked,
            "not_checked": self.not_checked.iter().map(not_checked).collect::<Vec<_>>(),
        })
    }

    /// The report for people; the last line is the verdict.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        let groups =
            [(Severity::Error, "Erreurs"), (Severity::Warning, "Avertissements"), (Severity::Note, "À savoir")];
        for (severity, title) in groups {
            if self.count(severity) == 0 {
                continue;
            }
            writeln!(out, "{title}")?;
            for finding in self.findings.iter().filter(|finding| finding.rule.severity == severity) {
                writeln!(out, "  {} [{}]", finding.place, finding.rule.name)?;
                writeln!(out, "    {}", finding.message)?;
                writeln!(out, "    Remède : {}", finding.remedy)?;
            }
            writeln!(out)?;
        }
        let checked: Vec<_> = self.checked.iter().map(|subject| french(subject)).collect();
        writeln!(out, "Vérifié : {}.", if checked.is_empty() { "rien".to_owned() } else { checked.join(", ") })?;
        for ListAge { file, hours, max_hours } in &self.lists {
            writeln!(
                out,
                "Liste de révocation {} : {hours} h (au plus {max_hours} h).",
                plain(&file.display().to_string())
            )?;
        }
        for (subject, why) in &self.not_checked {
            writeln!(out, "Non vérifié : {} ({why}).", french(subject))?;
        }
        writeln!(out, "{}", self.last_line())
    }

    /// Each subject of which something was not checked, once; French.
    pub(super) fn unchecked_subjects(&self) -> Vec<&str> {
        let mut subjects: Vec<&str> = Vec::new();
        for (subject, _) in &self.not_checked {
            if !subjects.contains(&french(subject)) {
                subjects.push(french(subject));
            }
        }
        subjects
    }

    fn last_line(&self) -> String {
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let counted = format!("{errors} erreur(s), {warnings} avertissement(s)");
        match self.verdict() {
            Verdict::Good if warnings == 0 && self.not_checked.is_empty() => {
                "Verdict : bon, rien à corriger.".to_owned()
            }
            // What nobody looked at is never called good.
            Verdict::Good if warnings == 0 => {
                "Verdict : bon pour ce qui est vérifié, rien à y corriger.".to_owned()
            }
            Verdict::Good => format!("Verdict : bon, {counted}."),
            Verdict::Wrong => format!("Verdict : à corriger, {counted}."),
            Verdict::Unavailable => format!("Verdict : indisponible, {counted}."),
            Verdict::Misconfigured => format!("Verdict : configuration à corriger, {counted}."),
            Verdict::Halted => {
                format!("Verdict : arrêté sur défaut d'intégrité, {counted} ; un exploitant doit agir.")
            }
        }
    }
}

fn french(subject: &str) -> &str {
    match subject {
        "configuration" => "configuration",
        "registers" => "registres et profils",
        "keys" => "clés et signataires",
        "certificates" => "certificats",
        "clock" => "horloge",
        "permissions" => "droits des fichiers et des sockets",
        "units" => "unités systemd",
        "service" => "service",
        other => other,
    }
}
