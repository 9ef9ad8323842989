//! `[relay]` and `[[dmp]]` of the configuration: which calls may go where, and what is borne on the way.

use std::path::{Path, PathBuf};

use rustls_pki_types::ServerName;
use serde::Deserialize;

use crate::policy::breach::Breach;
use crate::policy::rights::Transaction;

/// Most `[[dmp]]`: the DMP has some ten calls at a handful of addresses.
const CALLS_MAX: usize = 64;
/// Longest path or action in bytes: those of the DMP have under 100.
const WORD_LEN_MAX: usize = 256;
/// Longest envelope that may be set, in bytes: it is judged as a tree in memory, some thirty times its size.
const ENVELOPE_LEN_MAX: u64 = 4 * 1024 * 1024;
/// Longest body that may be set, in bytes; it streams.
const BODY_LEN_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Longest time that may be set, in milliseconds.
const TIME_MAX_MS: u64 = 3_600_000;
/// Oldest list of revocations that may be admitted, in milliseconds: a month.
const CRL_AGE_MAX_MS: u64 = 31 * 86_400_000;
/// Most calls or connections that may be set.
const COUNT_MAX: u64 = 100_000;

/// Whether a stapled answer on the server certificate's state (RFC 6066 §8) is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stapling {
    /// Judged where the server sends one; the lists decide otherwise.
    #[default]
    Optional,
    /// A server without one is refused.
    Required,
}

/// Where the patient of a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatientPlace {
    /// In the body, which must name the assertion's patient and nobody else.
    Body,
    /// Nowhere (ITI-43 names documents): the assertion alone says it.
    Assertion,
    /// The call is about no patient.
    None,
}

impl PatientPlace {
    pub(super) const NAMES: [&'static str; 3] = ["body", "assertion", "none"];
}

/// A call that may be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Server's name, as its certificate has it.
    pub host: String,
    /// TCP port.
    #[serde(default = "https")]
    pub port: u16,
    /// Path of the service, whole.
    pub path: String,
    /// `wsa:Action`.
    pub action: String,
    /// Transactions whose assertions may go there (keys of the rights table).
    pub transactions: Vec<String>,
    /// Where the patient stands.
    pub patient: PatientPlace,
}

fn https() -> u16 {
    443
}

/// `[relay]`: files and limits, all but the authorities with defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Relay {
    /// PEM files of the authorities that the servers' certificates must chain to; no others are trusted.
    pub anchors: Vec<PathBuf>,
    /// Files of certificate revocation lists, PEM or DER, one for each authority of the chain.
    pub crls: Vec<PathBuf>,
    /// Oldest `thisUpdate` of a list; beyond, nothing is sent.
    pub crl_age_max_ms: u64,
    /// Stapled answers.
    pub stapling: Stapling,
    /// How often certificates and lists are read again.
    pub reload_ms: u64,
    /// From the connection to the end of its handshake.
    pub connect_ms: u64,
    /// From the application's first byte to its whole envelope.
    pub envelope_ms: u64,
    /// From the call's last byte to the answer's head.
    pub answer_ms: u64,
    /// Silence in the middle of a body.
    pub silence_ms: u64,
    /// Silence after which a connection to a server is closed; also of an application's.
    pub idle_ms: u64,
    /// Longest envelope in bytes: it is judged whole before anything is sent.
    pub envelope_len_max: u64,
    /// Longest body of a call in bytes.
    pub call_len_max: u64,
    /// Longest body of an answer in bytes.
    pub answer_len_max: u64,
    /// Calls under way, all applications together.
    pub calls_max: u64,
    /// Calls under way of one application.
    pub calls_per_application_max: u64,
    /// Failures one after the other at which a server is left alone.
    pub breaker_failures: u64,
    /// How long it is left alone.
    pub breaker_ms: u64,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            anchors: Vec::new(),
            crls: Vec::new(),
            // IGC-Santé publishes daily; two missed days are a fault to be mended, not borne.
            crl_age_max_ms: 3 * 86_400_000,
            stapling: Stapling::Optional,
            reload_ms: 60_000,
            connect_ms: 10_000,
            envelope_ms: 10_000,
            answer_ms: 60_000,
            silence_ms: 30_000,
            idle_ms: 60_000,
            envelope_len_max: 512 * 1024,
            call_len_max: 256 * 1024 * 1024,
            answer_len_max: 1024 * 1024 * 1024,
            calls_max: 256,
            calls_per_application_max: 128,
            breaker_failures: 5,
            breaker_ms: 10_000,
        }
    }
}

impl Relay {
    /// The same with paths made absolute.
    pub(super) fn based(mut self, base: &Path) -> Self {
        for path in self.anchors.iter_mut().chain(&mut self.crls) {
            *path = base.join(&path);
        }
        self
    }

    pub(super) fn check(&self, production: bool) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if self.anchors.is_empty() {
            let cause = "[relay] anchors est vide ; donnez le certificat racine des serveurs du DMP";
            breaches.push(Breach::of("missing-key", "relay", "anchors", cause));
        }
        if production && self.crls.is_empty() {
            let cause = "[relay] crls est vide ; donnez les listes de révocation des autorités du DMP (seul le mode test s'en passe)";
            breaches.push(Breach::of("missing-key", "relay", "crls", cause));
        }
        let ranges = [
            ("crl_age_max_ms", self.crl_age_max_ms, CRL_AGE_MAX_MS),
            ("reload_ms", self.reload_ms, TIME_MAX_MS),
            ("connect_ms", self.connect_ms, TIME_MAX_MS),
            ("envelope_ms", self.envelope_ms, TIME_MAX_MS),
            ("answer_ms", self.answer_ms, TIME_MAX_MS),
            ("silence_ms", self.silence_ms, TIME_MAX_MS),
            ("idle_ms", self.idle_ms, TIME_MAX_MS),
            ("envelope_len_max", self.envelope_len_max, ENVELOPE_LEN_MAX),
            ("call_len_max", self.call_len_max, BODY_LEN_MAX),
            ("answer_len_max", self.answer_len_max, BODY_LEN_MAX),
            ("calls_max", self.calls_max, COUNT_MAX),
            ("calls_per_application_max", self.calls_per_application_max, COUNT_MAX),
            ("breaker_failures", self.breaker_failures, COUNT_MAX),
            ("breaker_ms", self.breaker_ms, TIME_MAX_MS),
        ];
        for (field, value, max) in ranges {
            if !(1..=max).contains(&value) {
                let cause = format!("[relay] {field} = {value} ; donnez un nombre de 1 à {max}");
                breaches.push(Breach::of("bad-value", "relay", field, cause));
            }
        }
        breaches
    }
}

impl Destination {
    /// The address as it stands in `Host` and in `wsa:To`: without the port where it is the usual one.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == https() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let visible = |text: &str| {
            !text.is_empty() && text.len() <= WORD_LEN_MAX && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if !visible(&self.host)
            || self.host.bytes().any(|b| b.is_ascii_uppercase())
            || ServerName::try_from(self.host.as_str()).is_err()
        {
            wrong.push((
                "host",
                "ce n'est pas un nom de serveur en minuscules ; écrivez-le comme son certificat".to_owned(),
            ));
        }
        if self.port == 0 {
            wrong.push(("port", "donnez un port de 1 à 65535".to_owned()));
        }
        if !visible(&self.path) || !self.path.starts_with('/') || self.path.contains(['?', '#', '"', '\\']) {
            wrong.push(("path", "donnez le chemin entier du service, de la forme /si-dmp/…".to_owned()));
        }
        if !visible(&self.action) || self.action.contains(['"', '<', '>', '&']) {
            wrong.push(("action", "donnez l'URI de wsa:Action".to_owned()));
        }
        let unknown = self.transactions.iter().any(|name| Transaction::parse(name).is_none());
        if self.transactions.is_empty() || unknown {
            let known: Vec<_> = Transaction::known().collect();
            wrong.push((
                "transactions",
                format!("donnez une ou plusieurs transactions parmi {}", known.join(", ")),
            ));
        }
        wrong
    }
}

/// What is wrong with the `[[dmp]]`; those that are right are kept.
pub(super) fn check_destinations(tables: Vec<Destination>, breaches: &mut Vec<Breach>) -> Vec<Destination> {
    if tables.len() > CALLS_MAX {
        let cause = format!("[[dmp]] : {} appels, le maximum est {CALLS_MAX}", tables.len());
        breaches.push(Breach::of("bad-value", "dmp", "action", cause));
    }
    let mut kept: Vec<Destination> = Vec::new();
    for (entry, destination) in tables.into_iter().enumerate() {
        let wrong = destination.check();
        let same = |other: &Destination| {
            (&other.host, other.port, &other.path, &other.action)
                == (&destination.host, destination.port, &destination.path, &destination.action)
        };
        if wrong.is_empty() && kept.iter().any(same) {
            let cause = "[[dmp]] : cet appel est déclaré deux fois ; réunissez leurs transactions";
            breaches.push(Breach::of("declared-twice", "dmp", "action", cause).in_entry(entry));
        } else if wrong.is_empty() {
            kept.push(destination);
        } else {
            let refuse = |(field, cause): (&'static str, String)| {
                Breach::of("bad-value", "dmp", field, format!("[[dmp]] {field} : {cause}")).in_entry(entry)
            };
            breaches.extend(wrong.into_iter().map(refuse));
        }
    }
    kept
}
