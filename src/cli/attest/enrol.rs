//! `sceau attest enrol` and `answer`: the appliance's half of an enrolment.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::ask::{Ask, keep, read};
use crate::cli::NotDone;
use crate::cli::client::CallError;

/// Crée dans le TPM la clé d'attestation et le compteur du journal, et écrit la demande d'enrôlement pour l'officier.
#[derive(Debug, Args)]
pub(super) struct Enrol {
    #[command(flatten)]
    ask: Ask,
    /// Fichier de la demande, qui ne doit pas exister.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
    /// Admettre un autre TPM que celui du dernier enrôlement (carte mère changée, TPM réinitialisé).
    #[arg(long)]
    anew: bool,
}

impl Enrol {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let answer = self.ask.ask("Enrol", &json!({ "anew": self.anew }))?;
        let request = answer.get("request").and_then(Value::as_str).ok_or(CallError::Reply)?;
        keep(&self.out, request)?;
        match answer.get("counter_made").and_then(Value::as_bool) {
            Some(true) => println!("Le compteur du journal est créé dans le TPM."),
            Some(false) => println!("Le compteur du journal existait déjà dans le TPM."),
            None => println!("Aucun compteur du TPM n'est configuré ([ledger] counter)."),
        }
        println!(
            "Demande écrite dans {} : remettez-la à l'officier ; sur son poste, sceau-verify evidence enrol",
            self.out.display()
        );
        Ok(0)
    }
}

/// Répond au défi de l'officier : seul le TPM qui tient les deux clés le peut.
#[derive(Debug, Args)]
pub(super) struct Answer {
    #[command(flatten)]
    ask: Ask,
    /// Défi reçu de l'officier.
    #[arg(value_name = "DÉFI")]
    challenge: PathBuf,
    /// Fichier de la réponse, qui ne doit pas exister.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
}

impl Answer {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let challenge = read(&self.challenge)?;
        let answer = self.ask.document("Activate", &json!({ "challenge": challenge }), "answer")?;
        keep(&self.out, &answer)?;
        println!("Réponse écrite dans {} : remettez-la à l'officier.", self.out.display());
        Ok(0)
    }
}
