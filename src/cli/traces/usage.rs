//! `sceau traces usage`: how many DMPs each service consulted, against the convention's target.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{TracesError, each_entry, period};
use crate::cli::NotDone;
use crate::config::Config;
use crate::ledger::Reader;
use crate::policy::rights::Transaction;
use crate::sys::clock;
use crate::traces::usage::{self, Count, TARGET};
use crate::vihf::instant::Instant;

/// Compte les DMP consultés par service sur les trois derniers mois révolus ; la cible de la convention est 100.
#[derive(Debug, Args)]
pub(super) struct Usage {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Les trois mois qui finissent maintenant, au lieu des trois derniers mois révolus.
    #[arg(long)]
    rolling: bool,
    /// Imprime un document JSON.
    #[arg(long)]
    json: bool,
}

impl Usage {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let (from, to) = period::months(clock::now(), self.rolling);
        let counts = self.counts(from, to)?;
        let mut out = io::stdout().lock();
        if self.json {
            let services: Vec<_> = counts
                .iter()
                .map(|one| json!({ "service": one.service, "dmps": one.dmps, "assertions": one.assertions }))
                .collect();
            let document =
                json!({ "from": from.to_string(), "to": to.to_string(), "target": TARGET, "services": services });
            writeln!(out, "{document:#}")?;
        } else {
            table(&counts, from, to, &mut out)?;
        }
        out.flush()?;
        Ok(0)
    }

    fn counts(&self, from: Instant, to: Instant) -> Result<Vec<Count>, TracesError> {
        let config = Config::load(&self.config)?;
        let reader = Reader::open(&config.ledger.folder)?;
        let mut usage = usage::Usage::new(from, to, Transaction::consults);
        each_entry(&reader, |entry| usage.take(entry))?;
        Ok(usage.counts())
    }
}

fn table(counts: &[Count], from: Instant, to: Instant, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "DMP consultés de {from} à {to} (exclu) ; cible {TARGET} par service")?;
    if counts.is_empty() {
        writeln!(out, "aucun")?;
    }
    for Count { service, assertions, dmps } in counts {
        let verdict = match TARGET.checked_sub(*dmps) {
            None | Some(0) => "cible atteinte".to_owned(),
            Some(missing) => format!("il en manque {missing}"),
        };
        writeln!(out, "{service} : {dmps} DMP, {assertions} assertions remises, {verdict}")?;
    }
    Ok(())
}
