//! `sceau check`: what is wrong with this machine, all of it at once, each with its place and its remedy.
//!
//! One probe per subject looks and never changes anything; no PIN is ever tried. What the caller may not read is said as
//! "not checked", never as good.

mod certificates;
mod clock;
mod configuration;
mod convention;
mod finding;
mod keys;
mod ledger;
mod lists;
pub mod nagios;
mod permissions;
mod registers;
mod report;
mod rule;
mod sandbox;
mod service;
mod signers;
mod tpm;
mod unit_file;
mod units;

pub use certificates::RENEWAL_DAYS;
pub use finding::{Finding, Place};
pub use report::{DaysLeft, ListAge, Report};
pub use rule::{RULES, Rule, Severity, Verdict, rule};
pub use service::Answer;

use std::path::{Path, PathBuf};

use self::units::Optional;
use crate::config::{Config, Reading, SignerKey};
use crate::sys::synchronisation::synchronised;
use crate::sys::{clock as system, peer};

/// Unix user of the gate as its own unit has it.
const GATE_USER: &str = "sceau-gate";

/// Looks at everything that `config` leads to.
///
/// `units` is the root of a staged system whose units are looked at instead of this one's; `ask` gives what `sceaud` says
/// of itself at that socket.
#[must_use]
pub fn examine(config: &Path, units: Option<&Path>, ask: impl FnOnce(&Path) -> Answer) -> Report {
    let mut report = Report::default();
    let now = system::now();
    let Reading { config, faults, whole } = Config::examine(config);
    configuration::probe(&faults, config.is_some(), &mut report);
    if let Some(config) = &config {
        let named = config.examine_named(&whole, |user| peer::uid_of(user).ok().flatten(), now);
        registers::probe(&named, &whole, &mut report);
        convention::probe(config, &named, now, &mut report);
        certificates::probe(config, &named, now, &mut report);
        lists::probe(config, now, &mut report);
        let answer = whole.sockets.then(|| ask(&config.sockets.token));
        keys::probe(config, &mut report);
        signers::probe(config, &named, answer.as_ref(), &mut report);
        if let Some(answer) = &answer {
            service::probe(config, answer, &mut report);
        }
        permissions::probe(config, &whole, &mut report);
        ledger::probe(config, &mut report);
        tpm::probe(config, &mut report);
    }
    clock::probe(synchronised(), now, &mut report);
    let instances = config.as_ref().map(instances).unwrap_or_default();
    let optional = config.as_ref().map(optional).unwrap_or_default();
    units::probe(units, &instances, &optional, &mut report);
    report.findings.sort_by_key(|finding| finding.rule.severity);
    report
}

/// What runs beside `sceaud`.
fn optional(config: &Config) -> Vec<Optional> {
    // A connector's unit is another one, made from the ledger's word.
    let gate = config.gate.as_ref().is_some_and(|gate| gate.user == GATE_USER);
    let all = [
        (Optional::Attest, tpm::is_used(config)),
        (Optional::Gate, gate),
        (Optional::Relay, config.relay.is_some()),
    ];
    all.into_iter().filter_map(|(program, runs)| runs.then_some(program)).collect()
}

/// `<key>-<n>` of every signer process.
fn instances(config: &Config) -> Vec<String> {
    config.signer_keys().iter().flat_map(SignerKey::instances).collect()
}

/// Whether the caller may read what others may not.
fn is_root() -> bool {
    peer::own_uid() == 0
}

/// What to say of a file that this caller may not look at.
fn not_readable(path: &Path) -> String {
    format!("{} : accès refusé ; relancez en root", path.display())
}

/// Every folder above a path, as written and as links lead, nearest first.
fn folders_above(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
    if let Ok(real) = path.canonicalize() {
        for folder in real.ancestors().skip(1) {
            if !folders.iter().any(|known| known == folder) {
                folders.push(folder.to_owned());
            }
        }
    }
    folders
}
