//! What is known of the appliance at this moment: asked of its programs, never guessed.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::apply;
use super::super::brought::serial;
use super::super::place::Place;
use super::super::program::sceau;
use super::super::recovery;
use super::super::requests::{awaited, certified, last_of_slots, prepared};
use super::super::serving::serving;
use super::super::visit;
use crate::check::RENEWAL_DAYS;
use crate::sys::clock;
use crate::traces::digest::Digest;

/// How often everything is looked through: `sceau check` reads every file that decides.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// A certificate as people compare it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) key: String,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint` writes it.
    pub(super) fingerprint: String,
    pub(super) not_after: String,
}

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) now: String,
    pub(super) name: String,
    pub(super) machine: String,
    pub(super) version: String,
    /// Version of the image (os-release(5), `IMAGE_VERSION`).
    pub(super) image: String,
    /// What the appliance is: blank, waiting, provisioned.
    pub(super) provisioned: &'static str,
    pub(super) is_blank: bool,
    /// Keys whose certificates are awaited.
    pub(super) awaited: Vec<String>,
    /// What the service says of itself, in words.
    pub(super) service: String,
    pub(super) entries: Option<u64>,
    pub(super) seals: Vec<(String, bool)>,
    pub(super) certificates: Vec<Shown>,
    /// Keys that are made and follow others once their certificates are there.
    pub(super) prepared: Vec<String>,
    /// Keys whose certificates end soon and have no successor, and the days that are left.
    pub(super) ending: Vec<(String, i64)>,
    pub(super) last_attestation: String,
    pub(super) recovery_pending: bool,
    /// What is wrong, gravest first: cause and remedy.
    pub(super) alarms: Vec<(String, String)>,
}

/// Facts, and when the costly ones were asked for.
#[derive(Debug, Default)]
pub(super) struct Watch {
    findings: Vec<(String, String)>,
    checked: Option<Instant>,
}

impl Watch {
    /// Looks.
    pub(super) fn look(&mut self, place: &Place) -> Facts {
        let mut facts = Facts {
            now: clock::now().to_string(),
            machine: serial(place),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            image: image_version(place),
            provisioned: visit::state(place),
            is_blank: !place.is_provisioned(),
            last_attestation: fs::read_to_string(place.last_attestation()).unwrap_or_default().trim().to_owned(),
            recovery_pending: recovery::pending(place).is_ok_and(|key| key.is_some()),
            ..Facts::default()
        };
        let Ok(Some(applied)) = apply::applied(place) else { return facts };
        facts.name = applied.name.clone();
        let vaults = serving(place, &applied);
        facts.awaited = awaited(place, &vaults).iter().map(|key| key.name.clone()).collect();
        facts.prepared = prepared(place, &vaults).into_iter().map(|(_, key)| key.name).collect();
        let last: Vec<_> = last_of_slots(&vaults).into_iter().map(|(_, last)| last.name.as_str()).collect();
        for key in vaults.iter().flat_map(|vault| &vault.keys).filter(|key| key.structure.is_some()) {
            if let Some(read) = certified(place, key) {
                facts.certificates.push(Shown {
                    key: key.name.clone(),
                    fingerprint: colons(&Digest::of(&[read.der()])),
                    not_after: read.not_after().to_string(),
                });
                let days = read.days_left(clock::now());
                // Beside its successor it may end.
                if days <= RENEWAL_DAYS && last.contains(&key.name.as_str()) {
                    facts.ending.push((key.name.clone(), days));
                }
            }
        }
        status(place, &mut facts);
        if self.checked.is_none_or(|at| at.elapsed() >= CHECK_EVERY) {
            self.findings = findings(place);
            self.checked = Some(Instant::now());
        }
        facts.alarms.extend(self.findings.iter().cloned());
        facts.alarms.dedup();
        facts
    }

    /// Has everything looked through at the next look.
    pub(super) fn doubt(&mut self) {
        self.checked = None;
    }
}

/// What `sceau status --json` says.
fn status(place: &Place, facts: &mut Facts) {
    if !facts.awaited.is_empty() {
        facts.service = "arrêté : les certificats manquent".to_owned();
        return;
    }
    let told = sceau(place, &["status"], &["--json"], "état").ok();
    let told: Value = told.and_then(|ended| serde_json::from_slice(&ended.output).ok()).unwrap_or_default();
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    facts.service = match (text("state"), told.get("ready").and_then(Value::as_bool)) {
        ("operational", Some(true)) => "en service, prêt".to_owned(),
        ("operational", _) => "en service, pas prêt".to_owned(),
        ("locked", _) => "verrouillé : les clés ne répondent pas".to_owned(),
        ("unprovisioned", _) => "en service, sans convention en vigueur".to_owned(),
        ("halted", _) => format!("ARRÊTÉ sur défaut d'intégrité ({})", text("halted")),
        _ => "ne répond pas".to_owned(),
    };
    facts.entries = told.get("entries").and_then(Value::as_u64);
    let list = |name: &str| told.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for seal in list("seals") {
        let key = seal.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        facts.seals.push((key, seal.get("ready").and_then(Value::as_bool).unwrap_or_default()));
    }
    for trouble in list("troubles") {
        let message = trouble.get("message").and_then(Value::as_str).unwrap_or_default();
        let (cause, remedy) = message.split_once(" ; ").unwrap_or((message, ""));
        facts.alarms.push((cause.to_owned(), remedy.to_owned()));
    }
}

/// Errors and warnings of `sceau check --json`.
fn findings(place: &Place) -> Vec<(String, String)> {
    let told = sceau(place, &["check"], &["--json"], "vérification").ok();
    let told: Value = told.and_then(|ended| serde_json::from_slice(&ended.output).ok()).unwrap_or_default();
    let found = told.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |finding: &Value, name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    found
        .iter()
        .filter(|finding| text(finding, "severity") != "note")
        .map(|finding| (text(finding, "message"), text(finding, "remedy")))
        .collect()
}

fn image_version(place: &Place) -> String {
    let told = fs::read_to_string(place.at("/usr/lib/os-release")).unwrap_or_default();
    let version = told.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="));
    version.map(|version| version.trim_matches('"').to_owned()).unwrap_or_default()
}

/// `AB:CD:…`.
fn colons(digest: &Digest) -> String {
    let pairs: Vec<_> = digest.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
