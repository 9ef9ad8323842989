//! The program `sceau-console`: what makes a blank appliance an establishment's, and what its screen shows.
//!
//! | file | noun |
//! |---|---|
//! | `visit` | one visit with a stick as one function: begin here |
//! | `brought`, `accepted`, `stick` | what somebody brought, whether it is taken, and where it lies |
//! | `vault`, `serving` | which tokens and keys a provisioning makes, and which of them serve now |
//! | `configuration`, `units`, `network` | texts that are written from it; pure |
//! | `making` | a blank appliance made an establishment's, by one renaming |
//! | `ceremony`, `soft_token`, `pin`, `credential` | keys made by the signers' user, and their PINs |
//! | `requests`, `certificates` | what leaves to be certified, and what comes back |
//! | `renewal`, `amended` | a key that follows another one, and `sceau.toml` with both |
//! | `convention`, `orders` | what people sign: the convention, orders |
//! | `enrolments` | application servers of other machines: invited, and what they propose |
//! | `foreign` | images of connectors and modules that are brought in |
//! | `attestation`, `recovery` | what officers bring and take away |
//! | `disk`, `rebind`, `reset` | the state's disk: bound to the TPM anew, or ended |
//! | `typed` | a provisioning that was typed at the console |
//! | `screen` | state and menu on a terminal |
//! | `update` | the image's own update, asked for |
//! | `payload` | an update of a stick: whether it is taken, and its way to systemd-sysupdate |
//! | `program` | `sceau` as a child of ours |
//! | `apply` | what is written for one start of the machine |
//! | `report`, `error` | what came of it, for people |
//! | `folder` | folders that are a signers' user's for a while |
//! | `plugged` | which stick is plugged in, and whether its visit was made |
//! | `place` | where everything is, on the appliance or on a staged root |
//!
//! # Invariants
//! - Nothing of a stick counts but what is signed by somebody whom the image names, pinned by what is so signed, or judged by
//!   what signed it: a certificate by its key, an order by its operators.
//! - A provisioning is applied once, to a blank appliance, whole or not at all.
//! - What serves is taken out only beside a valid successor; no step of a renewal touches it.
//! - No secret goes to a stick in clear but an invitation's code, which serves once, within a day, and lets nobody in without a further
//!   order; no code of a vendor runs as root.

mod accepted;
mod amended;
mod apply;
mod attestation;
mod brought;
mod ceremony;
mod certificates;
mod configuration;
mod convention;
mod credential;
mod disk;
mod enrolments;
mod error;
mod folder;
mod foreign;
mod making;
mod network;
mod orders;
mod payload;
mod pin;
mod place;
mod plugged;
mod program;
mod rebind;
mod recovery;
mod renewal;
mod report;
mod requests;
mod reset;
mod screen;
mod serving;
mod soft_token;
mod stick;
mod time;
mod typed;
mod units;
mod update;
mod vault;
mod visit;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::sys::process::keep_memory_private;
use crate::usage;
use credential::TpmDevice;
use error::ConsoleError;
use place::Place;
use stick::Stick;

const AFTER_HELP: &str = "\
Codes de sortie : 0 fait ; 1 quelque chose est refusé, chaque raison est dite ; 2 ligne de commande incorrecte ; 3 TPM, token, \
disque ou clé USB indisponible.";

/// La console de l'appliance Sceau : provisionnement, écran, clés USB
#[derive(Debug, Parser)]
#[command(name = "sceau-console", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_HELP)]
    Provision(Provision),
    /// Écrit pour ce démarrage les unités, le réseau, le temps et le nom que dit le provisionnement, et fait démarrer.
    #[command(after_help = AFTER_HELP)]
    Apply(Staged),
    /// Montre l'écran de l'appliance sur ce terminal, et fait ce qui y est demandé au clavier.
    #[command(after_help = AFTER_HELP)]
    Screen(Staged),
    /// Dit à sceaud que l'horloge a été réglée, si chronyd le dit.
    #[command(after_help = AFTER_HELP)]
    Time(Staged),
    #[command(after_help = AFTER_HELP)]
    TakeUpdate(TakeUpdate),
    /// Lie le disque au TPM de cette machine telle qu'elle est, par la clé de secours saisie à l'écran (unité sceau-rebind).
    #[command(after_help = AFTER_HELP)]
    Rebind(OnDisk),
    /// Rend clés, journal et réglages illisibles pour toujours : l'appliance repart vierge (unité sceau-reset).
    #[command(after_help = AFTER_HELP)]
    FactoryReset(OnDisk),
    #[command(after_help = AFTER_HELP, hide = true)]
    MakeToken(soft_token::MakeToken),
}

/// Where the appliance's files are.
#[derive(Debug, Args)]
struct Staged {
    /// Racine d'un système préparé, au lieu de cette machine ; rien n'y est démarré.
    #[arg(long, value_name = "DOSSIER")]
    root: Option<PathBuf>,
}

/// Work on the disk of the state.
#[derive(Debug, Args)]
struct OnDisk {
    /// TPM à employer, au lieu de celui du noyau (essais).
    #[arg(long, value_name = "TCTI", hide = true)]
    tpm2_device: Option<String>,
    #[command(flatten)]
    staged: Staged,
}

impl OnDisk {
    fn run(self, work: disk::Work) -> Result<(), ConsoleError> {
        keep_memory_private().map_err(ConsoleError::System)?;
        work.run(&Place::new(self.staged.root), &TpmDevice(self.tpm2_device))
    }
}

/// Fait ce que la clé USB apporte : provisionnement signé, certificats ; y écrit les réponses.
#[derive(Debug, Args)]
struct Provision {
    /// Où la clé USB est montée ; ce qui nous concerne y est dans sceau/.
    #[arg(long, value_name = "DOSSIER", default_value = "/run/stick")]
    stick: PathBuf,
    /// TPM à employer, au lieu de celui du noyau (essais).
    #[arg(long, value_name = "TCTI", hide = true)]
    tpm2_device: Option<String>,
    #[command(flatten)]
    staged: Staged,
}

/// Vérifie la mise à jour de la clé USB et la copie là où systemd-sysupdate la prend (unité sceau-update).
#[derive(Debug, Args)]
struct TakeUpdate {
    /// Où la clé USB est montée ; la mise à jour y est dans sceau/update/.
    #[arg(long, value_name = "DOSSIER", default_value = "/run/stick")]
    stick: PathBuf,
    #[command(flatten)]
    staged: Staged,
}

impl TakeUpdate {
    fn run(self) -> Result<(), ConsoleError> {
        let taken = payload::take(&Place::new(self.staged.root), &Stick::at(&self.stick))?;
        println!("mise à jour {} signée par {} : vérifiée et copiée", taken.version, taken.signer);
        Ok(())
    }
}

impl Provision {
    fn run(self) -> Result<u8, ConsoleError> {
        keep_memory_private().map_err(ConsoleError::System)?;
        let place = Place::new(self.staged.root);
        // One visit too many does no harm; one that is not made does.
        let _ = plugged::mark(&place);
        let report = visit::visit(&place, &TpmDevice(self.tpm2_device), &Stick::at(&self.stick));
        let at = crate::sys::clock::now().to_string();
        print!("{}", report.text(&at, &brought::serial(&place), visit::state(&place)));
        Ok(report.code)
    }
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let done = match usage::parse::<Arguments>().verb {
        Verb::Provision(provision) => provision.run(),
        Verb::Apply(staged) => apply::apply(&Place::new(staged.root)).map(|()| 0),
        Verb::Screen(staged) => keep_memory_private()
            .map_err(ConsoleError::System)
            .and_then(|()| screen::run(Place::new(staged.root)))
            .map(|()| 0),
        Verb::Time(staged) => time::touch(&Place::new(staged.root)).map(|()| 0),
        Verb::TakeUpdate(update) => update.run().map(|()| 0),
        Verb::Rebind(on) => on.run(disk::Work::Rebind).map(|()| 0),
        Verb::FactoryReset(on) => on.run(disk::Work::Reset).map(|()| 0),
        Verb::MakeToken(token) => token.run().map(|()| 0),
    };
    usage::exit("sceau-console", done, ConsoleError::exit_code)
}
