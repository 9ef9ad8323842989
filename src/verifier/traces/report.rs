//! The judgement of traces for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::traces::archive::manifest::Manifest;
use crate::traces::chain::Complete;
use crate::traces::verify::archive::{Judged, Since};
use crate::traces::verify::{From, Restoration, Verdict};
use crate::usage::EXIT_NEGATIVE;

/// What was judged, and what was found.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    /// `archive` or `ledger`.
    kind: &'static str,
    verdict: Verdict,
    manifest: Option<Manifest>,
    chains: Vec<Complete>,
    unreadable: u64,
    since: Since,
}

impl Report {
    /// Of an archive.
    pub(crate) fn of_archive(file: &Path, judged: Judged) -> Self {
        let Judged { verdict, manifest, chains, unreadable, since } = judged;
        Self { file: file.display().to_string(), kind: "archive", verdict, manifest, chains, unreadable, since }
    }

    /// Of a ledger, judged from its first entry to its last.
    #[cfg(all(unix, feature = "appliance"))]
    pub(crate) fn of_ledger(file: &Path, verdict: Verdict) -> Self {
        let since = if verdict.since_checked { Since::Checked } else { Since::NotGiven };
        let file = file.display().to_string();
        Self { file, kind: "ledger", verdict, manifest: None, chains: Vec::new(), unreadable: 0, since }
    }

    /// The contract's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.verdict.is_good() { 0 } else { EXIT_NEGATIVE }
    }

    /// What was not judged, in French.
    fn not_checked(&self) -> Vec<String> {
        let mut all = Vec::new();
        match self.since {
            Since::Checked => {}
            Since::NotGiven => all.push(
                "retour en arrière, dédoublement et fin coupée : donnez par --since un point de contrôle que vous avez conservé"
                    .to_owned(),
            ),
            Since::NoProof => all.push(
                "retour en arrière et dédoublement : l'archive ne porte pas de preuve depuis votre point de contrôle ; redemandez-la \
                 avec --since"
                    .to_owned(),
            ),
        }
        let beyond = self.verdict.entries.saturating_sub(self.verdict.covered);
        if self.kind == "ledger" && self.verdict.is_good() && beyond > 0 {
            all.push(format!(
                "les {beyond} dernières entrées : aucun point de contrôle signé ne les couvre encore"
            ));
        }
        if self.unreadable > 0 {
            all.push(format!(
                "{} identité(s) : leur clé a été détruite, ou retirée de l'archive ; leurs entrées sont prouvées",
                self.unreadable
            ));
        }
        all.extend(self.manifest.iter().flat_map(|manifest| manifest.not_proved.iter().cloned()));
        all
    }

    /// The report for people: findings first, the verdict last.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{words}");
        };
        for finding in &self.verdict.findings {
            line(format_args!("{} : défaut [{}] {finding}", self.file, finding.rule()));
        }
        if let Some(manifest) = &self.manifest {
            line(format_args!(
                "journal      : {}, {} entrées au point de contrôle",
                manifest.origin, manifest.size
            ));
            line(format_args!("période      : de {} à {} (exclu)", manifest.from, manifest.to));
            for (practitioner, chain) in manifest.practitioners.iter().flatten().zip(&self.chains) {
                let Complete { from_number, to_number, head } = chain;
                let count = head.map_or(0, |head| head.count);
                let said = match count {
                    0 => "aucune entrée au journal".to_owned(),
                    count => format!("complet, entrées n° {from_number} à {to_number} sur {count}"),
                };
                line(format_args!("professionnel: {} : {said}", practitioner.id.escape_debug()));
            }
            if manifest.patient.is_some() {
                line(format_args!("patient      : chaque entrée est prouvée, la complétude ne peut pas l'être"));
            }
            if let Some(order) = manifest.order {
                line(format_args!("ordre        : entrée {order}"));
            }
        }
        for restoration in &self.verdict.restorations {
            let Restoration { generation, from, entries, at, acknowledged } = restoration;
            let from = match from {
                From::Backup => "d'une sauvegarde",
                From::OlderCopy => "d'une copie que son compteur contredisait (counter-accept)",
            };
            let by = match acknowledged {
                Some(entry) => format!("reconnue par deux personnes, entrée {entry}"),
                None => "reconnue par personne (ordre ledger-restore)".to_owned(),
            };
            line(format_args!(
                "restauration : génération {generation}, {from} de {entries} entrées, déclarée par l'entrée {entries} le {at}, {by}"
            ));
        }
        line(format_args!("entrées      : {} lues, {} prouvées", self.verdict.entries, self.verdict.covered));
        for what in self.not_checked() {
            line(format_args!("non vérifié  : {what}"));
        }
        let verdict = match self.verdict.findings.len() {
            0 => "BON".to_owned(),
            count => format!("MAUVAIS : {count} défaut(s)"),
        };
        line(format_args!("{} : {verdict}", self.file));
        out
    }

    /// The report as one JSON document.
    pub(crate) fn json(&self) -> String {
        let manifest = self.manifest.as_ref();
        let practitioners = manifest.and_then(|manifest| manifest.practitioners.as_deref()).unwrap_or_default();
        let chain = |(practitioner, chain): (&crate::traces::archive::manifest::Practitioner, &Complete)| {
            json!({
                "id": practitioner.id,
                "from_number": chain.from_number,
                "to_number": chain.to_number,
                "count": chain.head.map_or(0, |head| head.count),
            })
        };
        let findings: Vec<Value> = self
            .verdict
            .findings
            .iter()
            .map(|finding| json!({ "rule": finding.rule(), "message": finding.to_string() }))
            .collect();
        let restoration = |one: &Restoration| {
            json!({
                "generation": one.generation.number(),
                "name": one.generation.to_string(),
                "from": match one.from {
                    From::Backup => "backup",
                    From::OlderCopy => "older-copy",
                },
                "entries": one.entries,
                "at": one.at.to_string(),
                "acknowledged": one.acknowledged,
            })
        };
        let document = json!({
            "file": self.file,
            "kind": self.kind,
            "verdict": if self.verdict.is_good() { "good" } else { "bad" },
            "origin": manifest.map(|manifest| &manifest.origin),
            "size": manifest.map(|manifest| manifest.size),
            "from": manifest.map(|manifest| &manifest.from),
            "to": manifest.map(|manifest| &manifest.to),
            "complete": practitioners.iter().zip(&self.chains).map(chain).collect::<Vec<_>>(),
            "entries": self.verdict.entries,
            "covered": self.verdict.covered,
            "restorations": self.verdict.restorations.iter().map(restoration).collect::<Vec<_>>(),
            "unreadable": self.unreadable,
            "since": match self.since {
                Since::NotGiven => "not-given",
                Since::NoProof => "no-proof",
                Since::Checked => "checked",
            },
            "findings": findings,
            "not_checked": self.not_checked(),
        });
        format!("{document:#}\n")
    }
}
