//! Which key a step is about: one of the configuration, or one that the command line describes whole.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::KeysError;
use super::table::quoted;
use crate::certificate::KeyUse;
use crate::config::{Config, PinSource, SealKey};
use crate::token::{KeyUri, OpenToken, PinGuard, Reached, TokenError};

/// State folder of the signers' units (`StateDirectory=sceau-signer`).
const SIGNERS_STATE: &str = "/var/lib/sceau-signer";

/// The options that choose a key.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    pub(super) config: PathBuf,
    /// Clé de cachet de la configuration ([[seal]] key) ; son PIN est celui de [[seal]].
    #[arg(long, value_name = "CLE", conflicts_with_all = ["module", "uri"], required_unless_present = "uri")]
    pub(super) key: Option<String>,
    /// Bibliothèque PKCS#11 du fabricant, avec --uri.
    #[arg(long, value_name = "FICHIER", requires = "uri")]
    pub(super) module: Option<PathBuf>,
    /// Clé hors configuration : 'pkcs11:token=…;object=…' (RFC 7512), entre apostrophes ; jamais de PIN ici.
    #[arg(long, value_name = "URI", requires = "pin_file")]
    pub(super) uri: Option<String>,
    /// Fichier du PIN (droits 0400 ou 0600) ; avec --key, au lieu de celui de [[seal]].
    #[arg(long, value_name = "FICHIER")]
    pub(super) pin_file: Option<PathBuf>,
    /// Usage de la clé : seal (cachet) ou authentication (client TLS du DMP) ; à donner avec --uri.
    #[arg(long = "use", value_name = "USAGE", value_enum, required_unless_present = "key")]
    key_use: Option<UseWord>,
}

/// `--use`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UseWord {
    Seal,
    Authentication,
}

/// A key, chosen; nothing was opened yet.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) uri: KeyUri,
    /// The URI as written, for the texts that repeat it.
    pub(super) uri_text: String,
    pub(super) module: Option<PathBuf>,
    pub(super) pin: PinSource,
    pub(super) key_use: KeyUse,
    /// With `--key`: the configuration and its entry.
    pub(super) configured: Option<(Config, SealKey)>,
    guard: PinGuard,
}

impl Choice {
    /// Reads what the options name.
    pub(super) fn choose(&self) -> Result<Chosen, KeysError> {
        match (&self.key, &self.uri) {
            (Some(key), None) => self.configured(key),
            (None, Some(uri)) => self.described(uri),
            // clap has seen to it.
            _ => Err(KeysError::Usage("donnez --key ou --uri, l'un des deux".to_owned())),
        }
    }

    fn configured(&self, key: &str) -> Result<Chosen, KeysError> {
        if self.key_use == Some(UseWord::Authentication) {
            return Err(KeysError::Usage(
                "les clés de la configuration ([[seal]]) sont des cachets ; pour une clé d'authentification, donnez \
                 --module, --uri et --pin-file"
                    .to_owned(),
            ));
        }
        let config = Config::load(&self.config)?;
        let Some(seal) = config.seals.iter().find(|seal| seal.key.as_str() == key).cloned() else {
            let known: Vec<_> = config.seals.iter().map(|seal| seal.key.as_str()).collect();
            let known = if known.is_empty() { "aucune".to_owned() } else { known.join(", ") };
            let path = self.config.display();
            return Err(KeysError::Usage(format!(
                "--key : {path} n'a pas de [[seal]] de ce nom ; clés configurées : {known}"
            )));
        };
        let pin = self.pin_file.clone().map_or_else(|| seal.pin.clone(), PinSource::File);
        Ok(Chosen {
            uri: KeyUri::parse(&seal.uri).map_err(TokenError::Uri)?,
            uri_text: seal.uri.clone(),
            module: seal.module.clone(),
            pin,
            key_use: KeyUse::Seal,
            guard: guard(Some(&config))?,
            configured: Some((config, seal)),
        })
    }

    fn described(&self, uri: &str) -> Result<Chosen, KeysError> {
        let pin = self.pin_file.clone().map(PinSource::File);
        let pin = pin.ok_or_else(|| KeysError::Usage("--uri demande --pin-file".to_owned()))?;
        let parsed = KeyUri::parse(uri).map_err(TokenError::Uri)?;
        if self.module.is_none() && parsed.module_path.is_none() {
            return Err(KeysError::Usage(
                "--uri demande --module, la bibliothèque PKCS#11 du fabricant".to_owned(),
            ));
        }
        Ok(Chosen {
            uri: parsed,
            uri_text: uri.to_owned(),
            module: self.module.clone(),
            pin,
            key_use: match self.key_use {
                Some(UseWord::Authentication) => KeyUse::Authentication,
                _ => KeyUse::Seal,
            },
            configured: None,
            guard: guard(None)?,
        })
    }
}

impl Chosen {
    /// Finds the token and logs in, once.
    pub(super) fn open(&self) -> Result<OpenToken, KeysError> {
        Ok(Reached::find(self.module.as_deref(), &self.uri)?.login(&self.pin, &self.guard)?)
    }

    /// The options that choose this key again in the next command.
    pub(super) fn options(&self, choice: &Choice) -> String {
        let quoted_path = |path: &Path| quoted(&path.display().to_string());
        match &self.configured {
            Some((_, seal)) if choice.config == Path::new("/etc/sceau/sceau.toml") => {
                format!("--key {}", seal.key)
            }
            Some((_, seal)) => format!("--config {} --key {}", quoted_path(&choice.config), seal.key),
            None => {
                let module = self.module.as_deref().map(|path| format!("--module {} ", quoted_path(path)));
                let pin = choice.pin_file.as_deref().map(quoted_path).unwrap_or_default();
                let (module, key_use) = (module.unwrap_or_default(), self.key_use.name());
                let described =
                    format!("{module}--uri {} --pin-file {pin} --use {key_use}", quoted(&self.uri_text));
                match choice.config.to_str() {
                    Some("/etc/sceau/sceau.toml") => described,
                    _ => format!("--config {} {described}", quoted_path(&choice.config)),
                }
            }
        }
    }
}

/// The memory of refused PINs that the signers of this machine use, so that a PIN refused to one is not tried by another.
///
/// Without any signers' folder (a ceremony before the installation) it is the person's own.
pub(super) fn guard(config: Option<&Config>) -> Result<PinGuard, KeysError> {
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
