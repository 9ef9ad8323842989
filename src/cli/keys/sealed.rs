//! Keys without a token at the ceremony: the wrapping key drawn, a key made into a file.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::KeysError;
use super::choice::Chosen;
use super::table::{kind_name, plain, quoted};
use crate::cli::NotDone;
use crate::sealed::{self, SealedError, SealedKey, WrappingKey};
use crate::sys::durable;
use crate::token::KeyKind;

/// What whoever chooses such a key must know.
const NO_HSM: &str = "Cette clé n'est pas dans un HSM : qui tient à la fois son fichier et sa clé d'enveloppe, ou la mémoire du \
                      signataire, la tient. La production ne s'en sert que si la convention signée dit sealed_keys = true.";

/// Tire au hasard la clé d'enveloppe d'une clé scellée : elle se livre au signataire comme un PIN (credential, TPM, scellement).
#[derive(Debug, Args)]
pub(super) struct Wrapping {
    /// Fichier de la clé d'enveloppe, qui ne doit pas exister (droits 0600) ; à effacer une fois confiée au TPM.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
}

impl Wrapping {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let key = WrappingKey::draw().map_err(|_| KeysError::Sealed(SealedError::Fault))?;
        let mut line = key.digits();
        line.push('\n');
        durable::create(&self.out, line.as_bytes(), 0o600).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => KeysError::Exists(self.out.clone()),
            _ => KeysError::Write { path: self.out.clone(), cause },
        })?;
        println!("Clé d'enveloppe tirée : {}", self.out.display());
        println!(
            "Confiez-la au TPM comme un PIN (systemd-creds encrypt, ou sceau seal create), puis effacez ce fichier."
        );
        println!("Gardez-en une copie hors de la machine, en coffre : sans elle, la clé scellée est perdue.");
        Ok(0)
    }
}

/// Makes a sealed key and tells of it; `next` is the command that follows.
pub(super) fn generate(
    chosen: &Chosen,
    path: &Path,
    kind: KeyKind,
    next: &str,
    as_json: bool,
) -> Result<u8, NotDone> {
    let wrapping = WrappingKey::read(&chosen.pin).map_err(KeysError::from)?;
    let made = sealed::generate(path, &chosen.purpose(), kind, &wrapping).map_err(KeysError::from)?;
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", described(&made, chosen.key_use.name()))?;
    } else {
        writeln!(out, "Clé générée et scellée : {}", plain(&path.display().to_string()))?;
        writeln!(out, "  type   {}", kind_name(Some((made.algorithm(), made.bits()))))?;
        writeln!(out, "  essai  une signature a été faite et vérifiée, après relecture du fichier")?;
        writeln!(out, "ATTENTION : {NO_HSM}")?;
        writeln!(out, "Ensuite : {next}")?;
    }
    out.flush()?;
    Ok(0)
}

/// A sealed key for programs.
pub(super) fn described(key: &SealedKey, key_use: &str) -> Value {
    json!({
        "keyring": "sealed",
        "file": key.path(),
        "type": kind_name(Some((key.algorithm(), key.bits()))),
        "use": key_use,
        "self_test": true,
        "hsm": false,
    })
}

/// `--sealed FILE` as the configuration writes it.
pub(super) fn option(path: &Path) -> String {
    format!("--sealed {}", quoted(&path.display().to_string()))
}
