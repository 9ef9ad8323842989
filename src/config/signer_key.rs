//! A key in a token as its signer needs it, whatever it signs: name, place, PIN, processes.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::policy::keyring::Keyring;

/// Longest name of a key: it becomes part of a unit's name and of a socket path (108 bytes at most, unix(7)).
const KEY_NAME_LEN_MAX: usize = 32;
/// Most signer processes for one key; a token that wants more is better served by more sessions.
pub(super) const PROCESSES_MAX: u16 = 16;

/// Begins the `uri` of a key that is sealed in a file of the appliance; the file's path follows.
pub const SEALED_SCHEME: &str = "sealed:";

/// Makes the path of a sealed key absolute, so that one file has one uri.
pub(super) fn locate(uri: &mut String, base: &Path) {
    if let Some(path) = uri.strip_prefix(SEALED_SCHEME).filter(|path| !path.is_empty()) {
        *uri = format!("{SEALED_SCHEME}{}", base.join(path).display());
    }
}

/// A sealed key that names no file, or a library; the error is rule, field, cause and remedy.
pub(super) fn check_sealed(
    uri: &str,
    module: Option<&Path>,
    at: &str,
) -> Result<(), (&'static str, &'static str, String)> {
    match uri.strip_prefix(SEALED_SCHEME) {
        Some("") => {
            let cause =
                format!("{at} : uri = \"sealed:\" ne nomme aucun fichier ; donnez celui de la clé scellée");
            Err(("bad-value", "uri", cause))
        }
        Some(_) if module.is_some() => {
            let cause =
                format!("{at} : une clé scellée n'a pas de module PKCS#11 ; retirez module, ou corrigez uri");
            Err(("contradiction", "module", cause))
        }
        _ => Ok(()),
    }
}

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
                "key = {name:?} : donnez 1 à {KEY_NAME_LEN_MAX} caractères parmi a-z 0-9 . _ -, sans « . » ni « - » au \
                 début"
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

/// Where the signer finds the PIN of a token, or the wrapping key of a sealed key; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// A file, absolute.
    File(PathBuf),
    /// A systemd credential: a file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl PinSource {
    /// What `pin_file` and `pin_credential` say; the error is rule, field, cause and remedy.
    pub(super) fn check(
        file: Option<PathBuf>,
        credential: Option<String>,
        base: &Path,
        at: &str,
    ) -> Result<Self, (&'static str, &'static str, String)> {
        match (file, credential) {
            (Some(file), None) => Ok(Self::File(base.join(file))),
            (None, Some(name)) if !name.is_empty() && !name.contains('/') => Ok(Self::Credential(name)),
            (None, Some(_)) => {
                let cause = format!(
                    "{at} : pin_credential n'est pas un nom ; donnez le nom du credential systemd (non vide, sans « / »), \
                     ou pin_file pour un fichier"
                );
                Err(("bad-value", "pin_credential", cause))
            }
            (Some(_), Some(_)) => {
                let cause =
                    format!("{at} : pin_file et pin_credential sont donnés tous les deux ; retirez l'un des deux");
                Err(("contradiction", "pin_credential", cause))
            }
            (None, None) => {
                let cause = format!("{at} : le PIN n'est pas indiqué ; donnez pin_file ou pin_credential");
                Err(("missing-key", "", cause))
            }
        }
    }
}

/// What a key signs, its self-tests apart, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Canonical `SignedInfo` of assertions.
    Seal,
    /// Checkpoints of the ledger of that origin, whatever its generation.
    Audit {
        /// As configured, without generation.
        origin: String,
    },
    /// Handshakes of the relay's mutual TLS.
    Authentication,
}

impl Purpose {
    /// Its section of the configuration.
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Audit { .. } => "audit",
            Self::Authentication => "authentication",
        }
    }
}

/// A key as its signer needs it.
#[derive(Clone, Debug)]
pub struct SignerKey {
    /// Name of signer instances.
    pub key: KeyName,
    /// RFC 7512 URI of the private key, or [`SEALED_SCHEME`] and a file.
    pub uri: String,
    /// The vendor's PKCS#11 library; wins over `module-path` in the URI.
    pub module: Option<PathBuf>,
    /// Where the PIN is.
    pub pin: PinSource,
    /// PEM file of its certificate; an audit key has none.
    pub certificate: Option<PathBuf>,
    /// Signer processes, 1 to 16.
    pub processes: u16,
    /// PKCS#11 sessions of each process.
    pub sessions: u16,
    /// What it signs.
    pub purpose: Purpose,
}

impl SignerKey {
    /// Where the key is kept.
    #[must_use]
    pub fn keyring(&self) -> Keyring {
        if self.sealed_file().is_some() { Keyring::Sealed } else { Keyring::Pkcs11 }
    }

    /// The file of a sealed key; none: the key is in a token.
    #[must_use]
    pub fn sealed_file(&self) -> Option<&Path> {
        self.uri.strip_prefix(SEALED_SCHEME).map(Path::new)
    }

    /// Socket of one signer instance (`<key>-<n>.sock`, n from 1).
    #[must_use]
    pub fn socket(&self, folder: &Path, instance: u16) -> PathBuf {
        folder.join(format!("{}-{instance}.sock", self.key))
    }

    /// Names of its instances, `<key>-<n>`.
    pub fn instances(&self) -> impl Iterator<Item = String> {
        (1..=self.processes).map(|n| format!("{}-{n}", self.key))
    }
}
