//! `sceau-verify evidence nonce`: the question that one evidence answers.

use std::path::PathBuf;

use clap::Args;

use super::officer::{Drawn, Kept};
use super::{State, create, print};
use crate::evidence::credential::draw;
use crate::evidence::document::Ledger;
use crate::evidence::nonce::Nonce;
use crate::evidence::question::Question;
use crate::sys::clock;
use crate::verifier::NotJudged;

/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;

/// Tire un nonce : l'appliance le fait signer par son TPM, ce qui prouve que la preuve est récente. Il sert une fois.
#[derive(Debug, Args)]
pub(super) struct Draw {
    #[command(flatten)]
    state: State,
    /// Appliance à interroger ; par défaut, la seule qui est enrôlée.
    #[arg(long, value_name = "NOM")]
    appliance: Option<String>,
    /// Durée de validité en heures, de 1 à 168.
    #[arg(long, value_name = "HEURES", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=168))]
    hours: u64,
    /// Écrit aussi le nonce dans ce fichier, qui n'existe pas encore, avec les entrées du journal au dernier verdict.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
}

impl Draw {
    /// Draws, remembers, then shows: a nonce that is shown is always known.
    ///
    /// # Errors
    /// [`NotJudged`].
    pub(super) fn run(self) -> Result<u8, NotJudged> {
        let mut kept = Kept::open(&self.state.path, false)?;
        let bytes = draw().map_err(|_| NotJudged::Output(std::io::ErrorKind::Unsupported.into()))?;
        let nonce = Nonce::new(*bytes);
        let now = clock::now();
        let appliance = kept.officer.appliance(self.appliance.as_deref())?;
        appliance.draw(Drawn {
            nonce,
            drawn_at: now,
            expires_at: now.plus_ms(self.hours * HOUR_MS),
            answered_by: None,
        });
        let since = appliance.baseline.ledger.as_ref().and_then(Ledger::entries);
        kept.save()?;
        if let Some(out) = &self.out {
            create(out, &Question { nonce, since }.to_string())?;
        } else if let Some(since) = since {
            eprintln!(
                "sceau-verify : sur l'appliance, ajoutez --since {since} : la preuve dira que le journal prolonge celui du dernier verdict"
            );
        }
        print(&format!("{nonce}\n"))?;
        Ok(0)
    }
}
