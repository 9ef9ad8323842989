//! `provisioning.toml`: what makes a blank appliance an establishment's, read whole before anything is done.
//!
//! Trusts nothing of the text: whoever calls has judged its signature. After `Ok` every value is of its form and may stand
//! in a unit, a network file or a command's arguments as it is; after `Err` there is every fault with its line.

mod address;
mod establishment;
mod files;
mod network;
mod token;

pub use address::{Interface, Subnet};
pub use establishment::{AUDIT_KEY_TYPES, Establishment, KEY_TYPES, Keys};
pub use files::PinnedFile;
pub use network::{Addressing, Network};
pub use token::TokenModule;

use std::path::Path;

use serde::Deserialize;

use super::schema::PROVISIONING;
use super::{Fault, Mode, Trust};
use crate::policy::application::end_of_day;
use crate::policy::breach::{Breach, unique};
use crate::policy::operator::{Named, Operator};
use crate::tables::Document;
use crate::vihf::instant::Instant;

/// The format that this version reads.
const FORMAT: u64 = 1;
/// Longest file in bytes: five operators with RSA keys and twenty pinned files are a fifth of it.
pub const PROVISIONING_LEN_MAX: usize = 64 * 1024;
/// Longest name of a machine or an appliance in bytes (RFC 1123 §2.1: a label).
const NAME_LEN_MAX: usize = 63;
/// Most operators that one order registers.
const OPERATORS_MAX: usize = 5;

/// What makes an appliance an establishment's.
#[derive(Clone, Debug)]
pub struct Provisioning {
    /// First instant at which it is no longer applied.
    pub ends_at: Instant,
    /// The one machine that it is for, by the serial number that its firmware tells; none: any.
    pub machine: Option<String>,
    /// Host name.
    pub name: String,
    /// Production unless the file says otherwise.
    pub mode: Mode,
    /// A pinned file whose text goes behind the generated `sceau.toml`: identity providers, relay, limits.
    pub complement: Option<String>,
    /// The one interface of the appliance.
    pub network: Network,
    /// NTS servers.
    pub time_sources: Vec<String>,
    /// Where keys are made.
    pub token: TokenModule,
    /// Whose appliance it is, as certificates will say.
    pub establishment: Establishment,
    /// Which keys are made.
    pub keys: Keys,
    /// Names of pinned files, and the policy.
    pub trust: Trust,
    /// Files that come with it, each by its digest.
    pub files: Vec<PinnedFile>,
    /// Who is to be registered by the first order.
    pub operators: Vec<Named>,
    /// A pinned certificate for which the recovery key is encrypted; none: it is shown on the screen.
    pub recovery_officer: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u64,
    until: String,
    machine: Option<String>,
    appliance: ApplianceTable,
    network: network::NetworkTable,
    time: TimeTable,
    token: token::TokenTable,
    establishment: establishment::EstablishmentTable,
    #[serde(default)]
    keys: Keys,
    trust: Trust,
    #[serde(default)]
    file: Vec<files::FileTable>,
    #[serde(default)]
    operator: Vec<Named>,
    recovery: Option<RecoveryTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplianceTable {
    name: String,
    #[serde(default)]
    mode: Mode,
    complement: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeTable {
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecoveryTable {
    officer: String,
}

impl Provisioning {
    /// Reads the text; `path` is where faults are told.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<Fault>> {
        if text.len() > PROVISIONING_LEN_MAX {
            let cause =
                format!("il a {} octets ; donnez un fichier de {PROVISIONING_LEN_MAX} au plus", text.len());
            return Err(vec![Fault::of("file-unusable", path, cause)]);
        }
        let mut document: Document<File> = Document::parse(path, text.to_owned(), PROVISIONING);
        let Some(file) = document.take() else { return Err(document.faults) };
        let mut breaches = Vec::new();
        let provisioning = check(file, &mut breaches);
        let mut faults = std::mem::take(&mut document.faults);
        faults.extend(document.locate(breaches));
        faults.sort_by_key(|fault| fault.position);
        match provisioning {
            Some(provisioning) if faults.is_empty() => Ok(provisioning),
            _ if faults.is_empty() => {
                Err(vec![Fault::of("bad-value", path, "une valeur manque ; complétez d'après le guide")])
            }
            _ => Err(faults),
        }
    }

    /// Whether test material may be accepted.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.mode == Mode::Test
    }
}

fn check(file: File, breaches: &mut Vec<Breach>) -> Option<Provisioning> {
    let File { appliance, establishment, .. } = &file;
    if file.format != FORMAT {
        let cause = format!(
            "format = {} : cette version lit le format {FORMAT} ; mettez l'appliance à jour, ou corrigez",
            file.format
        );
        breaches.push(Breach::of("bad-value", "", "format", cause));
    }
    let ends_at = end_of_day(&file.until);
    if ends_at.is_none() {
        let cause = "until n'est pas une date AAAA-MM-JJ ; donnez le dernier jour où ce fichier s'applique";
        breaches.push(Breach::of("bad-value", "", "until", cause));
    }
    if file.machine.as_deref().is_some_and(|name| !is_machine(name)) {
        let cause =
            "machine n'est pas un numéro de série ; donnez celui que montre l'écran de l'appliance, ou retirez-le";
        breaches.push(Breach::of("bad-value", "", "machine", cause));
    }
    if !is_host(&appliance.name) || appliance.name.contains('.') {
        let cause = "[appliance] name n'est pas un nom de machine ; donnez 1 à 63 caractères parmi a-z 0-9 -";
        breaches.push(Breach::of("bad-value", "appliance", "name", cause));
    }
    let test = appliance.mode == Mode::Test;
    if file.time.sources.is_empty() && !test {
        let cause = "[time] sources est vide ; donnez au moins un serveur NTS, sans heure sûre rien n'est délivré";
        breaches.push(Breach::of("missing-key", "time", "sources", cause));
    }
    if !file.time.sources.iter().all(|name| is_host(name)) {
        let cause = "[time] sources : un nom n'est pas celui d'un serveur ; donnez des noms comme ntp.exemple.fr";
        breaches.push(Breach::of("bad-value", "time", "sources", cause));
    }
    establishment.check(test, breaches);
    let mut names = vec![("complement", "appliance", appliance.complement.iter().cloned().collect::<Vec<_>>())];
    let shown = |paths: &[std::path::PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    names.push(("anchors", "trust", shown(&file.trust.anchors)));
    names.push(("intermediates", "trust", shown(&file.trust.intermediates)));
    names.push(("officer", "recovery", file.recovery.iter().map(|table| table.officer.clone()).collect()));
    if file.trust.anchors.is_empty() {
        let cause = "[trust] anchors est vide ; donnez la racine de l'IGC-Santé parmi les [[file]]";
        breaches.push(Breach::of("missing-key", "trust", "anchors", cause));
    }
    let files = files::check(file.file, &names, breaches);
    operators(&file.operator, breaches);
    let network = file.network.check(breaches);
    let token = file.token.check(breaches);
    Some(Provisioning {
        ends_at: ends_at?,
        machine: file.machine,
        name: file.appliance.name,
        mode: file.appliance.mode,
        complement: file.appliance.complement,
        network: network?,
        time_sources: file.time.sources,
        token: token?,
        establishment: file.establishment.into(),
        keys: file.keys,
        trust: file.trust,
        files,
        operators: file.operator,
        recovery_officer: file.recovery.map(|table| table.officer),
    })
}

fn operators(named: &[Named], breaches: &mut Vec<Breach>) {
    if named.len() > OPERATORS_MAX {
        let cause = format!(
            "[[operator]] : {} opérateurs ; le premier ordre en inscrit {OPERATORS_MAX} au plus",
            named.len()
        );
        breaches.push(Breach::of("bad-value", "operator", "name", cause));
    }
    unique("operator", "name", named.iter().map(|operator| operator.name.as_str()), breaches);
    unique("operator", "key", named.iter().map(|operator| operator.key.as_str()), breaches);
    for (entry, operator) in named.iter().enumerate() {
        if let Err(refusal) = Operator::new(operator, Instant::from_ms(0)) {
            let cause = format!("[[operator]] : {}", refusal.message());
            breaches.push(Breach::of("bad-value", "operator", "key", cause).in_entry(entry));
        }
    }
}

/// What firmware may tell as a serial number, without what could be taken for something else on a screen.
fn is_machine(name: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/ ".contains(&b))
}

/// A host name (RFC 1123 §2.1): labels of letters, digits and inner hyphens.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=NAME_LEN_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests;
