//! One `[[seal]]` of the configuration: a key in a token, its PIN, its certificate, its signers.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::policy::breach::Breach;

/// Longest name of a key: it becomes part of a unit's name and of a socket path (108 bytes at most, unix(7)).
const KEY_NAME_LEN_MAX: usize = 32;
/// Most signer processes for one key; a token that wants more is better served by more sessions.
const PROCESSES_MAX: u16 = 16;
/// Most sessions of one signer process.
const SESSIONS_MAX: u16 = 64;

/// Name of a key: 1 to 32 of `a-z 0-9 . _ -`, so that it needs no escaping in a unit's or a socket's name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// Checks a name.
    ///
    /// # Errors
    /// A sentence that says what a name is made of.
    pub fn parse(name: &str) -> Result<Self, String> {
        let ok = (1..=KEY_NAME_LEN_MAX).contains(&name.len())
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
            && !name.starts_with(['.', '-']);
        if ok {
            Ok(Self(name.to_owned()))
        } else {
            Err(format!(
                "[[seal]] key = {name:?} : donnez 1 à {KEY_NAME_LEN_MAX} caractères parmi a-z 0-9 . _ -, sans « . » ni \
                 « - » au début"
            ))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the signer finds the PIN; never the PIN itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// A file, absolute.
    File(PathBuf),
    /// A systemd credential: a file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// A seal key as configured.
#[derive(Clone, Debug)]
pub struct SealKey {
    /// Place among the configuration's `[[seal]]`, from 0.
    pub entry: usize,
    /// Struct_IdNat as written; checked against the declared structures at load.
    pub structure: String,
    /// Name of signer instances and of the key in Status.
    pub key: KeyName,
    /// RFC 7512 URI of the private key.
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
    /// Socket of one signer instance (`<key>-<n>.sock`, n from 1).
    #[must_use]
    pub fn socket(&self, folder: &Path, instance: u16) -> PathBuf {
        folder.join(format!("{}-{instance}.sock", self.key))
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
    pub(super) fn check(self, base: &Path, entry: usize) -> Result<SealKey, Vec<Breach>> {
        let mut breaches = Vec::new();
        let mut refuse =
            |rule, field, cause: String| breaches.push(Breach::of(rule, "seal", field, cause).in_entry(entry));
        let key = match KeyName::parse(&self.key) {
            Ok(key) => Some(key),
            Err(cause) => {
                refuse("bad-value", "key", cause);
                None
            }
        };
        let at = format!("[[seal]] key = {:?}", self.key);
        let pin = match (self.pin_file, self.pin_credential) {
            (Some(file), None) => Some(PinSource::File(base.join(file))),
            (None, Some(name)) if !name.is_empty() && !name.contains('/') => Some(PinSource::Credential(name)),
            (None, Some(_)) => {
                let cause = format!(
                    "{at} : pin_credential n'est pas un nom ; donnez le nom du credential systemd (non vide, sans « / »), \
                     ou pin_file pour un fichier"
                );
                refuse("bad-value", "pin_credential", cause);
                None
            }
            (Some(_), Some(_)) => {
                let cause =
                    format!("{at} : pin_file et pin_credential sont donnés tous les deux ; retirez l'un des deux");
                refuse("contradiction", "pin_credential", cause);
                None
            }
            (None, None) => {
                let cause = format!("{at} : le PIN n'est pas indiqué ; donnez pin_file ou pin_credential");
                refuse("missing-key", "", cause);
                None
            }
        };
        let ranges = [("processes", self.processes, PROCESSES_MAX), ("sessions", self.sessions, SESSIONS_MAX)];
        for (field, number, max) in ranges {
            if !(1..=max).contains(&number) {
                refuse("bad-value", field, format!("{at} : {field} = {number} ; donnez un nombre de 1 à {max}"));
            }
        }
        match (key, pin) {
            (Some(key), Some(pin)) if breaches.is_empty() => Ok(SealKey {
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
