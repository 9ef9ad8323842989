//! `[audit]` of the configuration: which ledger this is, and the key that signs its checkpoints.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::signer_key::{KeyName, PROCESSES_MAX, PinSource, Purpose, SignerKey, check_sealed};
use crate::policy::breach::Breach;
use crate::traces::audit::is_origin;

/// The audit key as configured.
#[derive(Clone, Debug)]
pub struct AuditKey {
    /// Name of the ledger over all its generations; a schema-less URL of the establishment.
    pub origin: String,
    /// File of its public half (`AUDIT.pub`), which officers have too.
    pub public_key: PathBuf,
    /// The key in its token.
    pub signer: SignerKey,
}

/// The TOML shape of `[audit]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditTable {
    origin: String,
    key: String,
    pub(super) uri: String,
    module: Option<PathBuf>,
    pin_file: Option<PathBuf>,
    pin_credential: Option<String>,
    public_key: PathBuf,
    #[serde(default = "one")]
    processes: u16,
}

fn one() -> u16 {
    1
}

impl AuditTable {
    /// The key, or everything that is wrong with it; `base` is the folder of the configuration.
    pub(super) fn check(self, base: &Path) -> Result<AuditKey, Vec<Breach>> {
        let mut breaches = Vec::new();
        let mut refuse = |rule, field, cause: String| breaches.push(Breach::of(rule, "audit", field, cause));
        if !is_origin(&self.origin) {
            let cause = format!(
                "[audit] origin = {:?} : donnez un nom propre à l'établissement, comme « ch-exemple.fr/sceau » : 1 à 100 \
                 caractères parmi a-z 0-9 . _ - /, sans « / » au début ni à la fin",
                self.origin
            );
            refuse("bad-value", "origin", cause);
        }
        let key =
            KeyName::parse(&self.key).map_err(|cause| refuse("bad-value", "key", format!("[audit] {cause}")));
        let pin = PinSource::check(self.pin_file, self.pin_credential, base, "[audit]")
            .map_err(|(rule, field, cause)| refuse(rule, field, cause));
        let sealed = check_sealed(&self.uri, self.module.as_deref(), "[audit]")
            .map_err(|(rule, field, cause)| refuse(rule, field, cause));
        if !(1..=PROCESSES_MAX).contains(&self.processes) {
            let cause =
                format!("[audit] processes = {} ; donnez un nombre de 1 à {PROCESSES_MAX}", self.processes);
            refuse("bad-value", "processes", cause);
        }
        match (key, pin, sealed) {
            (Ok(key), Ok(pin), Ok(())) if breaches.is_empty() => Ok(AuditKey {
                public_key: base.join(self.public_key),
                signer: SignerKey {
                    key,
                    uri: self.uri,
                    module: self.module.map(|module| base.join(module)),
                    pin,
                    certificate: None,
                    processes: self.processes,
                    // A checkpoint at a time: nothing would use another.
                    sessions: 1,
                    purpose: Purpose::Audit { origin: self.origin.clone() },
                },
                origin: self.origin,
            }),
            _ => Err(breaches),
        }
    }
}
