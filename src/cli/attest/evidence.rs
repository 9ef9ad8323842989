//! `sceau attest evidence`: the machine's state for an officer's nonce.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::ask::{Ask, keep, read};
use super::logs;
use crate::cli::NotDone;
use crate::cli::client::{CallError, Client};
use crate::config::Config;
use crate::evidence::document::{Consistency, Document as _, Evidence, Ledger};
use crate::evidence::nonce::Nonce;
use crate::evidence::question::Question;

/// Écrit la preuve d'état de cette machine pour un nonce de l'officier, à lui remettre ; à faire en tant que root.
#[derive(Debug, Args)]
pub(super) struct Collect {
    #[command(flatten)]
    ask: Ask,
    #[command(flatten)]
    question: Asked,
    /// Fichier de la preuve, qui ne doit pas exister.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
    /// Nombre d'entrées au dernier verdict de l'officier, si le fichier du nonce ne le dit pas : joint la preuve que le journal n'a fait que croître depuis.
    #[arg(long, value_name = "ENTRÉES")]
    since: Option<u64>,
}

/// The officer's question.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Asked {
    /// Nonce de l'officier : 64 chiffres hexadécimaux.
    #[arg(long, value_name = "NONCE", value_parser = nonce)]
    nonce: Option<Nonce>,
    /// Fichier que « sceau-verify evidence nonce --out » a écrit : le nonce, et les entrées du journal au dernier verdict.
    #[arg(long, value_name = "FICHIER")]
    nonce_file: Option<PathBuf>,
}

impl Asked {
    fn read(&self) -> Result<Question, NotDone> {
        if let Some(nonce) = self.nonce {
            return Ok(Question { nonce, since: None });
        }
        let Some(path) = &self.nonce_file else {
            return Err(NotDone::Usage("donnez --nonce ou --nonce-file".to_owned()));
        };
        Question::parse(&read(path)?).ok_or_else(|| {
            let path = path.display();
            NotDone::Usage(format!(
                "--nonce-file {path} : ce n'est pas ce que « sceau-verify evidence nonce --out » écrit"
            ))
        })
    }
}

fn nonce(text: &str) -> Result<Nonce, String> {
    Nonce::parse(text)
        .ok_or_else(|| "donnez les 64 chiffres hexadécimaux, en minuscules, du vérificateur".to_owned())
}

impl Collect {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let question = self.question.read()?;
        let nonce = json!({ "nonce": question.nonce.to_string() });
        let text = self.ask.document("Evidence", &nonce, "evidence")?;
        let mut evidence = Evidence::read(text.as_bytes()).map_err(|_| CallError::Reply)?;
        logs::add(&Config::load(&self.ask.config)?.tpm, &mut evidence)?;
        let entries = evidence.claims.ledger.as_ref().and_then(Ledger::entries);
        if entries.is_none() {
            eprintln!(
                "sceau : la preuve ne montre pas le journal : sceaud n'a pas donné de point de contrôle ; vérifiez-le"
            );
        }
        evidence.consistency = match (self.since, question.since, entries) {
            (Some(since), _, entries) => Some(self.grown(since, entries)?),
            // What an officer asks in a file is answered whatever became of the ledger: that it went back is his to see.
            (None, Some(since), Some(entries)) if since <= entries => self
                .grown(since, Some(entries))
                .inspect_err(|cause| {
                    eprintln!("sceau : la preuve ne montre pas que le journal n'a fait que croître : {cause}")
                })
                .ok(),
            _ => None,
        };
        keep(&self.out, &evidence.text())?;
        println!("Preuve écrite dans {} : remettez-la à l'officier.", self.out.display());
        Ok(0)
    }

    /// The proof that the ledger of the evidence's checkpoint extends the one of `since` entries; from `sceaud`, for neither the
    /// attester nor the officer's visit may read the ledger.
    fn grown(&self, since: u64, entries: Option<u64>) -> Result<Consistency, NotDone> {
        let not = |why: &str| NotDone::Usage(format!("--since {since} : {why}"));
        let entries = entries.ok_or_else(|| not("la preuve ne montre pas le journal"))?;
        if since > entries {
            return Err(not("le journal a moins d'entrées ; donnez le nombre du dernier verdict"));
        }
        let admin = Config::load(&self.ask.config)?.sockets.admin;
        let span = json!({ "since": since, "size": entries });
        let mut answer = Client::connect_admin(&admin)?.call_admin("Consistency", &span)?;
        let proof = answer.get_mut("proof").map(Value::take).and_then(|proof| serde_json::from_value(proof).ok());
        let proof = proof.ok_or(CallError::Reply)?;
        Ok(Consistency { since, proof })
    }
}
