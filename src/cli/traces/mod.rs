//! `sceau traces`: the ledger, for operators and security officers; one file per verb.

mod backup;
mod checkpoint;
mod close_dmp;
mod error;
mod export;
mod period;
mod purge;
mod reconcile;
mod restore;
mod usage;
mod verify;

use clap::{Args, Subcommand};

use super::NotDone;
use crate::ledger::{Reader, StoreError};
use crate::traces::entry::Entry;
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

const AFTER_USAGE_HELP: &str = "\
Un DMP compte une fois par service, dès qu'une assertion pour ce patient a été remise à l'application ; aucune identité n'est lue. \
Les mois sont ceux de l'heure de Paris.

Lit le dossier du journal : à lancer par l'utilisateur de sceaud ou root, par exemple sudo -u sceau sceau traces usage.

Codes de sortie : 0 fait ; 2 ligne de commande ou configuration incorrecte ; 3 journal illisible ; 4 journal incohérent.";
const AFTER_RECONCILE_HELP: &str = "\
L'extrait est un CSV (virgule ou point-virgule, UTF-8) dont la première ligne nomme les colonnes : instant (RFC 3339 UTC) et \
id_assertion ou empreinte_assertion (DigestValue, base64 ou hexadécimal) ; ps_idnat est facultatif, les autres colonnes sont ignorées. \
Sa période va de son premier instant à son dernier.

Lit le dossier du journal : à lancer par l'utilisateur de sceaud ou root, par exemple sudo -u sceau sceau traces reconcile EXTRAIT.csv.

Codes de sortie : 0 tout jeton de l'extrait vient d'ici et y a été remis ; 1 au moins un n'en vient pas, ou pas ainsi ; 2 ligne de \
commande, configuration ou extrait incorrect ; 3 journal illisible ; 4 journal incohérent.";
const AFTER_VERIFY_HELP: &str = "\
Relit le journal de la première entrée à la dernière et le confronte à ses points de contrôle signés. Sans --since, un retour à un état \
ancien ne se voit pas : donnez un point de contrôle gardé hors de cette machine.

Lit le dossier du journal : à lancer par l'utilisateur de sceaud ou root, par exemple sudo -u sceau sceau traces verify.

Codes de sortie : 0 bon (ce qui n'a pas été vérifié est dit) ; 1 au moins un défaut ; 2 ligne de commande, configuration, clé ou point de \
contrôle incorrect ; 3 journal illisible ; 4 journal incohérent.";

/// Le journal : points de contrôle, archives, vérification, usage, rapprochement, clôture des DMP, destruction, sauvegarde, restauration.
#[derive(Debug, Args)]
pub(super) struct Traces {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_CHECKPOINT_HELP)]
    Checkpoint(checkpoint::Checkpoint),
    #[command(after_help = super::AFTER_HELP)]
    Export(Box<export::Export>),
    #[command(after_help = AFTER_VERIFY_HELP)]
    Verify(verify::Verify),
    #[command(after_help = AFTER_USAGE_HELP)]
    Usage(usage::Usage),
    #[command(after_help = AFTER_RECONCILE_HELP)]
    Reconcile(reconcile::Reconcile),
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
            Verb::Export(export) => export.run(),
            Verb::Verify(verify) => verify.run(),
            Verb::Usage(usage) => usage.run(),
            Verb::Reconcile(reconcile) => reconcile.run(),
            Verb::CloseDmp(close_dmp) => close_dmp.run(),
            Verb::Purge(purge) => purge.run(),
            Verb::Backup(backup) => backup.run(),
            Verb::Restore(restore) => restore.run(),
        }
    }
}

/// Gives every entry of the ledger, the oldest first, one in memory at a time.
fn each_entry(reader: &Reader, mut each: impl FnMut(&Entry)) -> Result<(), StoreError> {
    reader.leaves(0..reader.edge().frontier.size(), |_, leaf| {
        each(&Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?);
        Ok(())
    })
}
