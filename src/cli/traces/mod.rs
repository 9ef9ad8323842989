//! `sceau traces`: the ledger, for operators and security officers; one file per verb.

mod checkpoint;
mod error;

use clap::{Args, Subcommand};

use super::NotDone;
pub(super) use error::TracesError;

const AFTER_CHECKPOINT_HELP: &str = "\
Un point de contrôle est une note signée (C2SP) : le nombre d'entrées du journal et les racines de ses deux arbres. Gardé hors de \
cette machine, il permet de prouver plus tard que rien de ce qu'il couvre n'a été changé, retiré ni remplacé : sceau-verify \
traces --since FICHIER.

Lit le dossier du journal : à lancer par l'utilisateur de sceaud ou root, par exemple sudo -u sceau sceau traces checkpoint.

Codes de sortie : 0 fait ; 1 le point de contrôle gardé n'est pas signé par la clé d'audit ; 2 ligne de commande ou \
configuration incorrecte ; 3 journal illisible, ou pas encore de point de contrôle ; 4 journal incohérent.";

/// Le journal : points de contrôle.
#[derive(Debug, Args)]
pub(super) struct Traces {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_CHECKPOINT_HELP)]
    Checkpoint(checkpoint::Checkpoint),
}

impl Traces {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            Verb::Checkpoint(checkpoint) => checkpoint.run(),
        }
    }
}
