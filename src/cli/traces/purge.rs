//! `sceau traces purge`: destroys the identities whose term is over, or counts them.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::{Map, json};

use super::super::NotDone;
use super::super::order::Signing;
use super::NotCopied;
use crate::config::Config;
use crate::ledger::{self, Tally};
use crate::policy::order::Verb;
use crate::sys::clock;

const AFTER_HELP: &str = "\
Deux personnes signent : un administrateur et un approbateur. Les traces restent et se vérifient ; les identités échues ne \
peuvent plus être lues, ni ici ni dans une copie plus ancienne de la base. Ensuite : une sauvegarde, un nouveau séquestre \
(sceau traces backup --escrow), et la destruction de tous les séquestres d'avant.

--dry-run lit le dossier du journal : à lancer par l'utilisateur de sceaud ou root.";

/// Détruit les identités dont la conservation est échue.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Purge {
    /// Compter seulement ce qui est échu ; rien n'est ordonné.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signing: Signing,
}

impl Purge {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        if !self.dry_run {
            return self.signing.give(Verb::TracesPurge, Map::new(), None);
        }
        let config = Config::load(self.signing.config())?.ledger;
        let Tally { due, running, reopened } =
            ledger::due(&config.folder, &config.retention, clock::now()).map_err(NotCopied::from)?;
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            let due = json!({ "patients": due.patients, "practitioners": due.practitioners });
            writeln!(out, "{}", json!({ "due": due, "running": running, "reopened": reopened }))?;
        } else {
            writeln!(out, "échus : {} patients, {} professionnels", due.patients, due.practitioners)?;
            writeln!(out, "DMP clos dont la conservation court : {running}")?;
            writeln!(out, "DMP clos et utilisés depuis, à clore de nouveau s'ils le sont : {reopened}")?;
        }
        out.flush()?;
        Ok(0)
    }
}
