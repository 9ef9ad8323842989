//! The command line of `sceau-connect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::settings::DEFAULT_FILE;
use super::{enrol, install, run, secrets, status};
use crate::usage;

const AFTER_HELP: &str = "\
Le compagnon ouvre, sur un serveur d'applications, une porte locale vers une ou deux appliances Sceau : socket Unix (Linux), \
tube nommé (Windows) et HTTP sur la boucle locale. Il ne conserve ni assertion, ni session, ni réponse.

Mise en service : « enrol » avec le code d'invitation que donne l'exploitant de l'appliance, puis « install ».

Journal : variable SCEAU_LOG (error, warn, info, debug).

Codes de sortie : 0 fait ; 1 refusé ; 2 ligne de commande ou configuration refusée ; 3 appliance, socket ou système \
indisponible.";

/// Le compagnon de Sceau sur un serveur d'applications
#[derive(Debug, Parser)]
#[command(name = "sceau-connect", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fait connaître ce serveur à une appliance, avec un code d'invitation ; une fois par appliance
    Enrol(Enrol),
    /// Ouvre les portes locales, jusqu'à SIGTERM
    Run(Run),
    /// Interroge chaque appliance et dit laquelle répond
    Status(Status),
    /// Crée le secret d'un utilisateur de la porte HTTP locale
    Secret(Secret),
    /// Installe le service : unité systemd (Linux) ou service Windows
    Install(Place),
    /// Retire le service ; la clé et la configuration restent
    Uninstall(Place),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Codes de sortie : 0 confirmé, ou demande déposée avec --wait 0 ; 1 refusé ; 2 ligne de commande, configuration ou code refusés ; 3 appliance injoignable ou confirmation non venue."
)]
pub(super) struct Enrol {
    /// Adresse de l'appliance
    #[arg(long, value_name = "HÔTE:PORT")]
    pub(super) appliance: String,
    /// Nom de l'application au registre de l'appliance, sans « gate: »
    #[arg(long, value_name = "NOM")]
    pub(super) application: String,
    /// Fichier du code d'invitation ; « - » : l'entrée standard
    #[arg(long, value_name = "FICHIER")]
    pub(super) code: PathBuf,
    /// Secondes d'attente de la confirmation par l'exploitant ; 0 : ne pas attendre
    #[arg(long, value_name = "S", default_value_t = 900)]
    pub(super) wait: u64,
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = DEFAULT_FILE)]
    pub(super) config: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Codes de sortie : 0 arrêt demandé (SIGTERM) ; 2 configuration, clé ou appliances refusées ; 3 porte ou système indisponible."
)]
pub(super) struct Run {
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = DEFAULT_FILE)]
    pub(super) config: PathBuf,
    /// Lancé par le gestionnaire de services de Windows
    #[arg(long, hide = true)]
    pub(super) service: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Codes de sortie : 0 une appliance au moins délivre des assertions ; 2 rien à interroger ; 3 aucune n'en délivre."
)]
pub(super) struct Status {
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = DEFAULT_FILE)]
    pub(super) config: PathBuf,
    /// Un document JSON au lieu d'un tableau
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Codes de sortie : 0 fait ; 2 nom ou configuration refusés ; 3 fichier ou système indisponible."
)]
pub(super) struct Secret {
    /// Utilisateur du système à qui le secret est remis
    #[arg(value_name = "UTILISATEUR")]
    pub(super) user: String,
    /// Fichier à créer, lisible de cet utilisateur seul
    #[arg(long, value_name = "FICHIER")]
    pub(super) out: PathBuf,
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = DEFAULT_FILE)]
    pub(super) config: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Codes de sortie : 0 fait ; 3 droits, configuration ou système ne le permettent pas.")]
pub(super) struct Place {
    /// Fichier de configuration du service
    #[arg(long, value_name = "FICHIER", default_value = DEFAULT_FILE)]
    pub(super) config: PathBuf,
}

/// Runs `sceau-connect`; exit codes as its help has them.
#[must_use]
pub fn main() -> ExitCode {
    match usage::parse::<Arguments>().verb {
        Verb::Enrol(given) => enrol::main(&given),
        Verb::Run(given) => run::main(&given),
        Verb::Status(given) => status::main(&given),
        Verb::Secret(given) => secrets::main(&given),
        Verb::Install(given) => install::install(&given),
        Verb::Uninstall(given) => install::uninstall(&given),
    }
}
