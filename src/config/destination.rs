//! `[[dmp]]` of the configuration: a call that may be made, and where its patient stands.

use rustls_pki_types::ServerName;
use serde::Deserialize;

use crate::policy::breach::Breach;
use crate::policy::rights::Transaction;

/// Most `[[dmp]]`: the DMP has some ten calls at a handful of addresses.
const CALLS_MAX: usize = 64;
/// Longest path or action in bytes: those of the DMP have under 100.
const WORD_LEN_MAX: usize = 256;
/// Paths that begin so are the relay's own.
const OWN_PATH: &str = "/sceau/";

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
        if self.path.starts_with(OWN_PATH) {
            wrong.push((
                "path",
                format!("les chemins {OWN_PATH}… sont ceux du relais lui-même ; donnez celui du DMP"),
            ));
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
