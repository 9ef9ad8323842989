//! One `[[seal]]` of the configuration: a key in a token, its PIN, its certificate, its signers.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::signer_key::{KeyName, PROCESSES_MAX, PinSource, Purpose, SignerKey, check_sealed};
use crate::policy::breach::Breach;

/// Most sessions of one signer process.
const SESSIONS_MAX: u16 = 64;

/// A seal key, or one of mutual TLS, as configured.
#[derive(Clone, Debug)]
pub struct SealKey {
    /// What it signs.
    pub purpose: Purpose,
    /// Place among the configuration's `[[seal]]`, from 0.
    pub entry: usize,
    /// Struct_IdNat as written; checked against the declared structures at load.
    pub structure: String,
    /// Name of signer instances and of the key in Status.
    pub key: KeyName,
    /// As [`SignerKey::uri`].
    pub uri: String,
    /// The vendor's PKCS#11 library; wins over `module-path` in the URI.
    pub module: Option<PathBuf>,
    /// Where the PIN is.
    pub pin: PinSource,
    /// PEM file of the seal certificate.
    pub certificate: PathBuf,
    /// Signer processes, 1 to 16.
    pub processes: u16,
    /// PKCS#11 sessions of each process, 1 to 64.
    pub sessions: u16,
}

impl SealKey {
    /// The key as its signer needs it.
    #[must_use]
    pub fn signer(&self) -> SignerKey {
        SignerKey {
            key: self.key.clone(),
            uri: self.uri.clone(),
            module: self.module.clone(),
            pin: self.pin.clone(),
            certificate: Some(self.certificate.clone()),
            processes: self.processes,
            sessions: self.sessions,
            purpose: self.purpose.clone(),
        }
    }
}

/// The TOML shape of a `[[seal]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealTable {
    structure: String,
    pub(super) key: String,
    pub(super) uri: String,
    module: Option<PathBuf>,
    pin_file: Option<PathBuf>,
    pin_credential: Option<String>,
    pub(super) certificate: PathBuf,
    #[serde(default = "one")]
    processes: u16,
    #[serde(default = "one")]
    sessions: u16,
}

fn one() -> u16 {
    1
}

impl SealTable {
    /// The key, or everything that is wrong with it; `base` is the folder of the configuration.
    pub(super) fn check(self, purpose: Purpose, base: &Path, entry: usize) -> Result<SealKey, Vec<Breach>> {
        let mut breaches = Vec::new();
        let section = purpose.section();
        let mut refuse =
            |rule, field, cause: String| breaches.push(Breach::of(rule, section, field, cause).in_entry(entry));
        let key = KeyName::parse(&self.key)
            .map_err(|cause| refuse("bad-value", "key", format!("[[{section}]] {cause}")));
        let at = format!("[[{section}]] key = {:?}", self.key);
        let pin = PinSource::check(self.pin_file, self.pin_credential, base, &at)
            .map_err(|(rule, field, cause)| refuse(rule, field, cause));
        let sealed = check_sealed(&self.uri, self.module.as_deref(), &at)
            .map_err(|(rule, field, cause)| refuse(rule, field, cause));
        let ranges = [("processes", self.processes, PROCESSES_MAX), ("sessions", self.sessions, SESSIONS_MAX)];
        for (field, number, max) in ranges {
            if !(1..=max).contains(&number) {
                refuse("bad-value", field, format!("{at} : {field} = {number} ; donnez un nombre de 1 à {max}"));
            }
        }
        match (key, pin, sealed) {
            (Ok(key), Ok(pin), Ok(())) if breaches.is_empty() => Ok(SealKey {
                purpose,
                entry,
                structure: self.structure,
                key,
                uri: self.uri,
                module: self.module.map(|module| base.join(module)),
                pin,
                certificate: base.join(self.certificate),
                processes: self.processes,
                sessions: self.sessions,
            }),
            _ => Err(breaches),
        }
    }
}
