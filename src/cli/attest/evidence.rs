//! `sceau attest evidence`: the machine's state for an officer's nonce.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::ask::{Ask, keep};
use super::logs;
use crate::cli::NotDone;
use crate::cli::client::CallError;
use crate::cli::traces::TracesError;
use crate::config::Config;
use crate::evidence::document::{Consistency, Document as _, Evidence};
use crate::evidence::nonce::Nonce;
use crate::ledger::Reader;
use crate::traces::merkle::prove;

/// Écrit la preuve d'état de cette machine pour un nonce de l'officier, à lui remettre ; à faire en tant que root.
#[derive(Debug, Args)]
pub(super) struct Collect {
    #[command(flatten)]
    ask: Ask,
    /// Nonce de l'officier : 64 chiffres hexadécimaux.
    #[arg(long, value_name = "NONCE", value_parser = nonce)]
    nonce: Nonce,
    /// Fichier de la preuve, qui ne doit pas exister.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
    /// Nombre d'entrées au dernier verdict de l'officier : joint la preuve que le journal n'a fait que croître depuis.
    #[arg(long, value_name = "ENTRÉES")]
    since: Option<u64>,
}

fn nonce(text: &str) -> Result<Nonce, String> {
    Nonce::parse(text)
        .ok_or_else(|| "donnez les 64 chiffres hexadécimaux, en minuscules, du vérificateur".to_owned())
}

impl Collect {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let nonce = json!({ "nonce": self.nonce.to_string() });
        let text = self.ask.document("Evidence", &nonce, "evidence")?;
        let mut evidence = Evidence::read(text.as_bytes()).map_err(|_| CallError::Reply)?;
        logs::add(&Config::load(&self.ask.config)?.tpm, &mut evidence)?;
        if evidence.claims.ledger.is_none() {
            eprintln!(
                "sceau : la preuve ne montre pas le journal : sceaud n'a pas donné de point de contrôle ; vérifiez-le"
            );
        }
        if let Some(since) = self.since {
            evidence.consistency = Some(self.grown(&evidence, since)?);
        }
        keep(&self.out, &evidence.text())?;
        println!("Preuve écrite dans {} : remettez-la à l'officier.", self.out.display());
        Ok(0)
    }

    /// The proof that the ledger of the evidence's checkpoint extends the one of `since` entries; from the ledger itself,
    /// which the attester may not read.
    fn grown(&self, evidence: &Evidence, since: u64) -> Result<Consistency, NotDone> {
        let not = |why: &str| NotDone::Usage(format!("--since {since} : {why}"));
        let ledger = evidence.claims.ledger.as_ref().ok_or_else(|| not("la preuve ne montre pas le journal"))?;
        let size = size_of(&ledger.checkpoint).ok_or(CallError::Reply)?;
        if since > size {
            return Err(not("le journal a moins d'entrées ; donnez le nombre du dernier verdict"));
        }
        let config = Config::load(&self.ask.config)?;
        let reader = Reader::open(&config.ledger.folder).map_err(TracesError::from)?;
        let proof = prove::consistency(&reader.tree(), since, size)
            .map_err(|_| not("le journal ne donne pas cette preuve ; vérifiez-le par sceau traces verify"))?;
        Ok(Consistency { since, proof })
    }
}

/// Number of entries that a checkpoint covers (C2SP tlog-checkpoint: its second line).
fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}
