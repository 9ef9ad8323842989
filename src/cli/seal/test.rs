//! `sceau seal test`: whether the PIN would be given back, now or after an update; no try is made.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::name;
use crate::cli::attest::ask::Ask;
use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::config::KeyName;

/// Prédit si le PIN sera rendu, sans essai du PIN de démarrage : maintenant, ou avec les PCR du prochain démarrage.
#[derive(Debug, Args)]
#[command(after_help = "Codes de sortie : 0 le PIN sera rendu ; 1 il ne le sera pas ; 2 et 3 comme ailleurs.")]
pub(super) struct Test {
    #[command(flatten)]
    ask: Ask,
    /// Nom du scellement.
    #[arg(long, value_name = "NOM", value_parser = name)]
    name: KeyName,
    /// Valeur d'un PCR au prochain démarrage, comme 11=64 chiffres hexadécimaux ; peut être répété.
    #[arg(long, value_name = "PCR=VALEUR")]
    expect: Vec<String>,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    /// Écrire la politique de ces PCR (32 octets), à signer par qui les approuve.
    #[arg(long, value_name = "FICHIER")]
    policy_out: Option<PathBuf>,
}

impl Test {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let parameters = json!({ "name": self.name.as_str(), "expected": self.expect });
        let answer = self.ask.ask("Foresee", &parameters)?;
        let opens = answer.get("opens").and_then(Value::as_bool).unwrap_or_default();
        let policy = answer.get("policy").and_then(Value::as_str).unwrap_or_default();
        if let Some(path) = &self.policy_out {
            super::digest::keep(path, policy)?;
        }
        if self.json {
            println!("{answer}");
        } else {
            for value in answer.get("pcrs").and_then(Value::as_array).into_iter().flatten() {
                println!("PCR {}", value.as_str().unwrap_or_default());
            }
            println!("politique {policy}");
            println!(
                "{}",
                if opens {
                    "Le PIN sera rendu dans cet état, à qui connaît le PIN de démarrage."
                } else {
                    "Le PIN ne sera PAS rendu dans cet état : faites-le approuver (sceau seal digest, puis sceau seal reseal) \
                     avant de redémarrer."
                }
            );
        }
        Ok(if opens { 0 } else { EXIT_NEGATIVE })
    }
}
