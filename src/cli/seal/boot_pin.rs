//! The boot PIN: typed by a person at the console, through systemd's own agents.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use zeroize::Zeroizing;

use super::pin;
use crate::cli::NotDone;

/// Asks on a terminal, on the console at boot, or through whatever agent runs (systemd-ask-password(1)).
const ASK: &str = "systemd-ask-password";

/// Where the boot PIN comes from.
#[derive(Debug, Args)]
pub(super) struct BootPin {
    /// Fichier du PIN de démarrage ; sans cette option il est demandé à la console.
    #[arg(long, value_name = "FICHIER")]
    boot_pin_file: Option<PathBuf>,
}

impl BootPin {
    /// Whether a person types it, who may mistype it.
    pub(super) fn is_typed(&self) -> bool {
        self.boot_pin_file.is_none()
    }

    /// The PIN.
    pub(super) fn read(&self) -> Result<Zeroizing<String>, NotDone> {
        match &self.boot_pin_file {
            Some(path) => pin(path),
            None => ask("PIN de démarrage :"),
        }
    }

    /// A PIN that is new: typed twice.
    pub(super) fn choose(&self) -> Result<Zeroizing<String>, NotDone> {
        let chosen = self.read()?;
        if self.is_typed() && *ask("PIN de démarrage, encore :")? != *chosen {
            return Err(NotDone::Usage("les deux saisies du PIN de démarrage diffèrent ; recommencez".to_owned()));
        }
        Ok(chosen)
    }
}

fn ask(question: &str) -> Result<Zeroizing<String>, NotDone> {
    let mut command = Command::new(ASK);
    command.args(["--timeout=0", question]).stdout(Stdio::piped());
    let unasked = |cause: &dyn std::fmt::Display| {
        let remedy = "donnez --boot-pin-file, ou installez systemd";
        NotDone::Usage(format!("le PIN de démarrage n'a pas pu être demandé ({cause}) ; {remedy}"))
    };
    let output = command.output().map_err(|cause| unasked(&cause))?;
    let said = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(unasked(&Path::new(ASK).display()));
    }
    let typed = std::str::from_utf8(&said).map_err(|_| unasked(&"ce n'est pas de l'UTF-8"))?;
    Ok(Zeroizing::new(typed.trim_end_matches(['\n', '\r']).to_owned()))
}
