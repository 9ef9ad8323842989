//! `sceau traces verify`: this machine's ledger from its first entry to its last, against its signed checkpoints.

use std::path::PathBuf;

use clap::Args;

use super::TracesError;
use super::checkpoint::public_key;
use crate::cli::NotDone;
use crate::config::Config;
use crate::ledger::{Reader, StoreError};
use crate::traces::audit::AuditPublicKey;
use crate::traces::verify::judge::Judge;
use crate::verifier::traces::{Progress, Report, kept};

/// Vérifie le journal de cette machine, entier, avec la clé d'audit de la configuration.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Point de contrôle gardé hors de cette machine : juge aussi retour en arrière, dédoublement et fin coupée.
    #[arg(long, value_name = "POINT")]
    since: Option<PathBuf>,
    /// Imprime un document JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let config = Config::load(&self.config)?;
        let audit = config.audit.as_ref().ok_or(TracesError::NoAudit)?;
        let public = public_key(&audit.public_key)?;
        let kept = self.since.as_deref().map(|path| kept(path, std::slice::from_ref(&public))).transpose()?;
        let reader = Reader::open(&config.ledger.folder).map_err(TracesError::from)?;
        let mut judge = Judge::over(opened(&reader, &public).map_err(TracesError::from)?, kept);
        let size = reader.edge().frontier.size();
        let mut bar = Progress::new();
        let mut next = 0;
        while next < size {
            let read = reader.leaves(next..size, |index, leaf| {
                judge.take(leaf);
                next = index + 1;
                bar.show(next, size);
                Ok::<_, StoreError>(())
            });
            match read {
                Ok(()) => break,
                // An entry that is not there is for the judge to name, when the next one comes.
                Err(StoreError::Broken(_)) => next += 1,
                Err(cause) => return Err(TracesError::from(cause).into()),
            }
        }
        bar.end();
        judge.edge(&reader.edge().frontier);
        Ok(Report::of_ledger(&config.ledger.folder, judge.finish()).print(self.json)?)
    }
}

/// The ledger's checkpoints, each verified or refused.
fn opened(
    reader: &Reader,
    public: &AuditPublicKey,
) -> Result<Vec<crate::traces::verify::judge::Opened>, StoreError> {
    let mut opened = Vec::new();
    reader.checkpoints(|_, note| {
        opened.push(public.open(note).map(|(signed, _)| signed));
        Ok::<_, StoreError>(())
    })?;
    Ok(opened)
}
