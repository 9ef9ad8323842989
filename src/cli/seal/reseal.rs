//! `sceau seal reseal`: further states of the machine are approved, before it is in them.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{name, text};
use crate::cli::NotDone;
use crate::cli::attest::ask::Ask;
use crate::config::KeyName;

/// Admet de nouveaux états approuvés, avant le redémarrage qui y mène ; ceux d'avant restent admis.
#[derive(Debug, Args)]
pub(super) struct Reseal {
    #[command(flatten)]
    ask: Ask,
    /// Nom du scellement.
    #[arg(long, value_name = "NOM", value_parser = name)]
    name: KeyName,
    /// Approbations signées, comme systemd-measure ou sceau seal digest les écrivent.
    #[arg(long, value_name = "FICHIER.json")]
    signatures: PathBuf,
}

impl Reseal {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let parameters = json!({ "name": self.name.as_str(), "signatures": text(&self.signatures)? });
        let answer = self.ask.ask("Approve", &parameters)?;
        match answer.get("added").and_then(Value::as_u64) {
            Some(0) | None => println!("Aucun état nouveau : ceux de ce fichier étaient déjà admis."),
            Some(added) => println!(
                "{added} état(s) admis de plus ; sceau seal test --name {} --expect PCR=VALEUR dit si le prochain démarrage \
                 rendra le PIN",
                self.name
            ),
        }
        Ok(0)
    }
}
