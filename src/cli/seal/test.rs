//! `sceau seal test`: whether the PIN would be given back, now or after an update; no try is made.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::name;
use crate::cli::attest::ask::Ask;
use crate::cli::client::CallError;
use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::config::KeyName;
use crate::traces::digest::Digest;

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
    /// Écrire la politique de ces PCR et leur choix, à signer par qui les approuve.
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
            let (policy, pcrs) = told(&answer).ok_or(CallError::Reply)?;
            super::digest::keep(path, &policy, &pcrs)?;
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

/// The policy of an answer, and the PCRs that it is of.
fn told(answer: &Value) -> Option<(Digest, Vec<u8>)> {
    let policy = Digest::from_hex(answer.get("policy")?.as_str()?)?;
    let pcr = |value: &Value| value.as_str()?.split_once('=')?.0.parse().ok();
    let pcrs = answer.get("pcrs")?.as_array()?.iter().map(pcr).collect::<Option<_>>()?;
    Some((policy, pcrs))
}
