//! `sceau-console make-token`: one soft token, made in a process of its own as the signers' user; not for people.

use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::error::ConsoleError;
use crate::token::{NewPins, initialise};

/// Longest input in bytes: two PINs of 255.
const INPUT_LEN_MAX: u64 = 1024;

/// Crée un jeton logiciel ; ses deux PIN viennent de l'entrée standard. Appelé par la cérémonie.
#[derive(Debug, Args)]
pub(super) struct MakeToken {
    /// Bibliothèque PKCS#11.
    #[arg(long, value_name = "FICHIER")]
    module: PathBuf,
    /// Nom du jeton.
    #[arg(long, value_name = "NOM")]
    label: String,
}

impl MakeToken {
    /// Makes it.
    pub(super) fn run(self) -> Result<(), ConsoleError> {
        crate::sys::process::keep_memory_private().map_err(ConsoleError::System)?;
        let mut input = Zeroizing::new(String::new());
        io::stdin().lock().take(INPUT_LEN_MAX).read_to_string(&mut input).map_err(ConsoleError::System)?;
        let mut lines = input.lines().map(|line| Zeroizing::new(line.to_owned())).filter(|line| !line.is_empty());
        let (Some(officer), Some(user), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(ConsoleError::refused("entrée standard", "il y faut deux PIN, un par ligne ; donnez-les"));
        };
        initialise(&self.module, &self.label, &NewPins { officer, user }).map_err(|cause| ConsoleError::Program {
            step: "création du jeton logiciel",
            complaint: cause.to_string(),
        })
    }
}
