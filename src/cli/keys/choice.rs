//! Which key a step is about: one of the configuration, or one that the command line describes whole.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::KeysError;
use super::held::Opened;
use super::sealed;
use super::table::quoted;
use crate::certificate::KeyUse;
use crate::config::{AuditKey, Config, PinSource, Purpose, SEALED_SCHEME, SealKey};
use crate::sealed::{SealedKey, WrappingKey};
use crate::token::{KeyUri, PinGuard, Reached, TokenError};

/// State folder of the signers' units (`StateDirectory=sceau-signer`).
const SIGNERS_STATE: &str = "/var/lib/sceau-signer";

/// The options that choose a key.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    pub(super) config: PathBuf,
    /// Clé de la configuration ([[seal]] key, [audit] key) ; son PIN est celui qui y est nommé.
    #[arg(long, value_name = "CLE", conflicts_with_all = ["module", "uri", "sealed"], required_unless_present_any = ["uri", "sealed"])]
    pub(super) key: Option<String>,
    /// Bibliothèque PKCS#11 du fabricant, avec --uri.
    #[arg(long, value_name = "FICHIER", requires = "uri")]
    pub(super) module: Option<PathBuf>,
    /// Clé hors configuration : 'pkcs11:token=…;object=…' (RFC 7512), entre apostrophes ; jamais de PIN ici.
    #[arg(long, value_name = "URI", requires = "pin_file", conflicts_with = "sealed")]
    pub(super) uri: Option<String>,
    /// Clé scellée hors configuration, sans HSM : son fichier ; le fichier du PIN est alors celui de sa clé d'enveloppe.
    #[arg(long, value_name = "FICHIER", requires = "pin_file", conflicts_with = "module")]
    pub(super) sealed: Option<PathBuf>,
    /// Fichier du PIN (droits 0400 ou 0600) ; avec --key, au lieu de celui de la configuration.
    #[arg(long, value_name = "FICHIER")]
    pub(super) pin_file: Option<PathBuf>,
    /// Usage de la clé : seal (cachet), authentication (client TLS du DMP) ou audit (journal) ; à donner avec --uri.
    #[arg(long = "use", value_name = "USAGE", value_enum, required_unless_present = "key")]
    key_use: Option<UseWord>,
}

/// `--use`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UseWord {
    Seal,
    Authentication,
    Audit,
}

/// What a chosen key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A certificate will say so.
    Certified(KeyUse),
    /// The ledger's checkpoints; its public half is handed to officers, nobody certifies it.
    Audit,
}

impl Use {
    /// The name in JSON and on command lines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Certified(key_use) => key_use.name(),
            Self::Audit => "audit",
        }
    }

    /// The use of a key that gets a certificate.
    pub(super) fn certified(self) -> Result<KeyUse, KeysError> {
        match self {
            Self::Certified(key_use) => Ok(key_use),
            Self::Audit => Err(KeysError::Usage(
                "une clé d'audit n'a pas de certificat : sa clé publique se remet aux responsables de la sécurité ; faites \
                 « sceau keys audit-public »"
                    .to_owned(),
            )),
        }
    }
}

/// A key, chosen; nothing was opened yet.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Of a sealed key, its file's name alone.
    pub(super) uri: KeyUri,
    /// The file of a sealed key.
    pub(super) sealed: Option<PathBuf>,
    /// The URI as written, for the texts that repeat it.
    pub(super) uri_text: String,
    pub(super) module: Option<PathBuf>,
    pub(super) pin: PinSource,
    pub(super) key_use: Use,
    /// With `--key` of a `[[seal]]`: the configuration and its entry.
    pub(super) configured: Option<(Config, SealKey)>,
    /// With `--key` of `[audit]`: the configuration and its entry.
    pub(super) audit: Option<(Config, AuditKey)>,
    guard: PinGuard,
}

impl Choice {
    /// Reads what the options name.
    pub(super) fn choose(&self) -> Result<Chosen, KeysError> {
        match (&self.key, &self.uri, &self.sealed) {
            (Some(key), None, None) => self.configured(key),
            (None, Some(uri), None) => self.described(uri),
            (None, None, Some(path)) => {
                let path = std::path::absolute(path)
                    .map_err(|cause| KeysError::Usage(format!("--sealed {} : {cause}", path.display())))?;
                self.described(&format!("{SEALED_SCHEME}{}", path.display()))
            }
            // clap has seen to it.
            _ => Err(KeysError::Usage("donnez --key, --uri ou --sealed, l'un des trois".to_owned())),
        }
    }

    fn configured(&self, key: &str) -> Result<Chosen, KeysError> {
        if self.key_use == Some(UseWord::Authentication) {
            return Err(KeysError::Usage(
                "les clés de la configuration ([[seal]], [audit]) sont des cachets et la clé d'audit ; pour une clé \
                 d'authentification, donnez --module, --uri et --pin-file"
                    .to_owned(),
            ));
        }
        let config = Config::load(&self.config)?;
        if let Some(audit) = config.audit.clone().filter(|audit| audit.signer.key.as_str() == key) {
            let signer = &audit.signer;
            return Ok(Chosen {
                uri: key_uri(&signer.uri)?,
                sealed: signer.sealed_file().map(Path::to_owned),
                uri_text: signer.uri.clone(),
                module: signer.module.clone(),
                pin: self.pin_file.clone().map_or_else(|| signer.pin.clone(), PinSource::File),
                key_use: Use::Audit,
                guard: guard(Some(&config))?,
                configured: None,
                audit: Some((config, audit)),
            });
        }
        let Some(seal) = config.seals.iter().find(|seal| seal.key.as_str() == key).cloned() else {
            let keys = config.signer_keys();
            // An authentication key is described by --uri (above).
            let certified = keys.iter().filter(|key| key.purpose != Purpose::Authentication);
            let known: Vec<_> = certified.map(|key| key.key.as_str()).collect();
            let known = if known.is_empty() { "aucune".to_owned() } else { known.join(", ") };
            let path = self.config.display();
            return Err(KeysError::Usage(format!(
                "--key : {path} n'a pas de [[seal]] ni d'[audit] de ce nom ; clés configurées : {known}"
            )));
        };
        let pin = self.pin_file.clone().map_or_else(|| seal.pin.clone(), PinSource::File);
        Ok(Chosen {
            uri: key_uri(&seal.uri)?,
            sealed: seal.signer().sealed_file().map(Path::to_owned),
            uri_text: seal.uri.clone(),
            module: seal.module.clone(),
            pin,
            key_use: Use::Certified(KeyUse::Seal),
            guard: guard(Some(&config))?,
            configured: Some((config, seal)),
            audit: None,
        })
    }

    fn described(&self, uri: &str) -> Result<Chosen, KeysError> {
        let pin = self.pin_file.clone().map(PinSource::File);
        let pin = pin.ok_or_else(|| KeysError::Usage("--uri demande --pin-file".to_owned()))?;
        let parsed = key_uri(uri)?;
        let sealed = uri.strip_prefix(SEALED_SCHEME).map(PathBuf::from);
        if sealed.is_none() && self.module.is_none() && parsed.module_path.is_none() {
            return Err(KeysError::Usage(
                "--uri demande --module, la bibliothèque PKCS#11 du fabricant".to_owned(),
            ));
        }
        Ok(Chosen {
            uri: parsed,
            sealed,
            uri_text: uri.to_owned(),
            module: self.module.clone(),
            pin,
            key_use: match self.key_use {
                Some(UseWord::Authentication) => Use::Certified(KeyUse::Authentication),
                Some(UseWord::Audit) => Use::Audit,
                _ => Use::Certified(KeyUse::Seal),
            },
            configured: None,
            audit: None,
            guard: guard(None)?,
        })
    }
}

impl Chosen {
    /// Finds the token and logs in, once; or opens the sealed key.
    pub(super) fn open(&self) -> Result<Opened, KeysError> {
        if let Some(path) = &self.sealed {
            let wrapping = WrappingKey::read(&self.pin)?;
            return Ok(Opened::Sealed(Box::new(SealedKey::open(path, &self.purpose(), &wrapping)?)));
        }
        let token = Reached::find(self.module.as_deref(), &self.uri)?.login(&self.pin, &self.guard)?;
        Ok(Opened::Token(Box::new(token)))
    }

    /// What the key is for, as its signer will know it.
    pub(super) fn purpose(&self) -> Purpose {
        match self.key_use {
            Use::Certified(KeyUse::Seal) => Purpose::Seal,
            Use::Certified(KeyUse::Authentication) => Purpose::Authentication,
            Use::Audit => {
                let origin = self.audit.as_ref().map(|(_, audit)| audit.origin.clone());
                Purpose::Audit { origin: origin.unwrap_or_default() }
            }
        }
    }

    /// The options that choose this key again in the next command.
    pub(super) fn options(&self, choice: &Choice) -> String {
        let quoted_path = |path: &Path| quoted(&path.display().to_string());
        let seal = self.configured.as_ref().map(|(_, seal)| &seal.key);
        match seal.or(self.audit.as_ref().map(|(_, audit)| &audit.signer.key)) {
            Some(key) if choice.config == Path::new("/etc/sceau/sceau.toml") => format!("--key {key}"),
            Some(key) => format!("--config {} --key {key}", quoted_path(&choice.config)),
            None => {
                let module = self.module.as_deref().map(|path| format!("--module {} ", quoted_path(path)));
                let pin = choice.pin_file.as_deref().map(quoted_path).unwrap_or_default();
                let (module, key_use) = (module.unwrap_or_default(), self.key_use.name());
                let place = match &self.sealed {
                    Some(path) => sealed::option(path),
                    None => format!("{module}--uri {}", quoted(&self.uri_text)),
                };
                let described = format!("{place} --pin-file {pin} --use {key_use}");
                match choice.config.to_str() {
                    Some("/etc/sceau/sceau.toml") => described,
                    _ => format!("--config {} {described}", quoted_path(&choice.config)),
                }
            }
        }
    }
}

/// The URI of a key in a token; of a sealed one, its file's name as a label.
fn key_uri(text: &str) -> Result<KeyUri, KeysError> {
    match text.strip_prefix(SEALED_SCHEME) {
        Some(path) => {
            let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok(KeyUri { object: Some(name.into_bytes()), ..KeyUri::default() })
        }
        None => Ok(KeyUri::parse(text).map_err(TokenError::Uri)?),
    }
}

/// The memory of refused PINs that the signers of this machine use, so that a PIN refused to one is not tried by another.
///
/// Without any signers' folder (a ceremony before the installation) it is the person's own.
pub(in crate::cli) fn guard(config: Option<&Config>) -> Result<PinGuard, KeysError> {
    let installed = || Some(PathBuf::from(SIGNERS_STATE)).filter(|folder| folder.is_dir());
    let configured = || config.map(|config| config.sockets.signers.clone()).filter(|folder| folder.is_dir());
    if let Some(folder) = PinGuard::state_directory().or_else(installed).or_else(configured) {
        return Ok(PinGuard::new(&folder));
    }
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let Some(folder) = state.or(home).map(|state| state.join("sceau")) else {
        return Err(KeysError::Usage(
            "aucun dossier pour se souvenir d'un PIN refusé : installez les unités de Sceau, ou définissez HOME"
                .to_owned(),
        ));
    };
    std::fs::create_dir_all(&folder).map_err(|cause| KeysError::Write { path: folder.clone(), cause })?;
    Ok(PinGuard::new(&folder))
}
