//! `sceau seal open`: the PIN for a signer's credential, at each boot.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::boot_pin::BootPin;
use super::name;
use crate::cli::NotDone;
use crate::cli::attest::ask::Ask;
use crate::cli::client::CallError;
use crate::config::KeyName;
use crate::sys::durable;

/// Times a person may type the boot PIN. Reason: a slip or two; each is a try that the TPM counts for days.
const TRIES: usize = 3;

/// Rend le PIN scellé, dans un fichier que le signataire reçoit comme credential ; à faire au démarrage (sceau-pin@.service).
#[derive(Debug, Args)]
pub(super) struct Open {
    #[command(flatten)]
    ask: Ask,
    /// Nom du scellement.
    #[arg(long, value_name = "NOM", value_parser = name)]
    name: KeyName,
    /// Fichier du PIN, en mémoire (/run) seulement.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
    #[command(flatten)]
    boot_pin: BootPin,
}

impl Open {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut tries = if self.boot_pin.is_typed() { TRIES } else { 1 };
        let secret = loop {
            tries -= 1;
            match self.unsealed() {
                Err(NotDone::Call(CallError::Refused { error, parameters }))
                    if tries > 0 && parameters.get("reason").and_then(Value::as_str) == Some("secret-refused") =>
                {
                    drop(error);
                    eprintln!("sceau : PIN de démarrage refusé ; encore {tries} essai(s)");
                }
                other => break other?,
            }
        };
        durable::replace(&self.out, secret.as_bytes(), 0o400)?;
        Ok(0)
    }

    fn unsealed(&self) -> Result<Zeroizing<String>, NotDone> {
        let boot_pin = self.boot_pin.read()?;
        let answer =
            self.ask.ask("Unseal", &json!({ "name": self.name.as_str(), "boot_pin": boot_pin.as_str() }))?;
        match answer {
            Value::Object(mut members) => match members.remove("secret") {
                Some(Value::String(secret)) => Ok(Zeroizing::new(secret)),
                _ => Err(CallError::Reply.into()),
            },
            _ => Err(CallError::Reply.into()),
        }
    }
}
