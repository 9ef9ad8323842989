//! `sceau traces`: the ledger, for operators and security officers; one file per verb.

mod backup;
mod checkpoint;
mod close_dmp;
mod error;
mod purge;
mod restore;

use clap::{Args, Subcommand};

use super::NotDone;
pub(super) use error::TracesError;
pub(super) use restore::NotCopied;

const AFTER_CHECKPOINT_HELP: &str = "\
Un point de contrôle est une note signée (C2SP) : le nombre d'entrées du journal et les racines de ses deux arbres. Gardé hors de \
cette machine, il permet de prouver plus tard que rien de ce qu'il couvre n'a été changé, retiré ni remplacé : sceau-verify \
traces --since FICHIER.

Demande à sceaud un point de contrôle neuf, par la socket des opérateurs (groupe sceau-admin) ; s'il ne répond pas, lit le dernier \
gardé dans le dossier du journal (utilisateur de sceaud ou root), et le dit.

Codes de sortie : 0 fait ; 1 le point de contrôle gardé n'est pas signé par la clé d'audit ; 2 ligne de commande ou \
configuration incorrecte ; 3 journal illisible, ou pas encore de point de contrôle ; 4 journal incohérent.";

/// Le journal : points de contrôle, clôture des DMP, destruction, sauvegarde, restauration.
#[derive(Debug, Args)]
pub(super) struct Traces {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_CHECKPOINT_HELP)]
    Checkpoint(checkpoint::Checkpoint),
    #[command(name = "close-dmp")]
    CloseDmp(close_dmp::CloseDmp),
    Purge(purge::Purge),
    Backup(backup::Backup),
    Restore(restore::Restore),
}

impl Traces {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            Verb::Checkpoint(checkpoint) => checkpoint.run(),
            Verb::CloseDmp(close_dmp) => close_dmp.run(),
            Verb::Purge(purge) => purge.run(),
            Verb::Backup(backup) => backup.run(),
            Verb::Restore(restore) => restore.run(),
        }
    }
}
