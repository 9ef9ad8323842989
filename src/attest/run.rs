//! Life of `sceau-attestd`: read, open the door, answer, stop in good order.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::admission::Admission;
use super::door::{self, Door};
use super::task::Tasks;
use super::worker::Worker;
use super::{Admitted, Attester};
use crate::config::{Config, ConfigError};
use crate::sys::{log, peer, process, watchdog};
use crate::usage::{self, EXIT_UNAVAILABLE, EXIT_USAGE};

/// Uid of root.
const ROOT: u32 = 0;

const AFTER_HELP: &str = "\
Seul programme de Sceau qui parle au TPM ([tpm] tcti) : il tient le compteur du journal, enrôle la machine, fait la preuve \
de son état et garde les PIN scellés, une demande à la fois, sur sockets.attest. SIGTERM termine ce qui est en cours.

Journal : variable SCEAU_LOG (error, warn, info, debug).

Codes de sortie : 0 arrêt demandé (SIGTERM) ; 2 ligne de commande ou configuration refusées ; 3 socket ou système \
indisponible.";

/// Le TPM derrière une socket : compteur, preuve d'état, PIN scellés
#[derive(Debug, Parser)]
#[command(name = "sceau-attestd", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
}

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
enum NotRun {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error(
        "sockets.signer_client = {0:?} : cet utilisateur n'existe pas ; créez-le (sysusers), ou corrigez la configuration"
    )]
    Client(String),
    #[error(
        "la socket {path} ne peut pas être ouverte ({cause}) : vérifiez son dossier et qu'aucun autre sceau-attestd ne l'occupe"
    )]
    Socket { path: PathBuf, cause: std::io::Error },
    #[error("le service s'est arrêté sur un défaut interne ; il est relancé, signalez-le avec le journal")]
    Door,
    #[error("le système refuse ce qu'il faut pour démarrer ({0})")]
    System(#[from] std::io::Error),
}

/// Runs `sceau-attestd`; 0 after an orderly stop, 2 when the configuration is refused, 3 not possible now.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Arguments = usage::parse();
    log::init("sceau-attestd");
    log::end("sceau-attestd", run(&arguments), |not_run| match not_run {
        NotRun::Config(_) | NotRun::Client(_) => EXIT_USAGE,
        NotRun::Socket { .. } | NotRun::Door | NotRun::System(_) => EXIT_UNAVAILABLE,
    })
}

fn run(arguments: &Arguments) -> Result<(), NotRun> {
    process::keep_memory_private()?;
    let config = Config::load(&arguments.config)?;
    let admitted = admitted(&config)?;
    let (worker, thread) = Worker::start(Tasks::new(config.clone()))?;
    // One thread: what takes time is in the TPM, and has its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let admission = Admission::new(admitted);
    let attester = Attester { config, admitted, admission, worker, started: Instant::now() };
    let outcome = runtime.block_on(serve(Arc::new(attester)));
    drop(runtime);
    // The last attester is gone with its worker: the thread ends once the task under way does.
    if outcome.is_ok() {
        let _ = thread.join();
    }
    outcome
}

/// The user of `sceaud`, which must exist in production, and root. In a test establishment that has no such user everything is our
/// own user's; a machine on trial that has one is as strict as any.
fn admitted(config: &Config) -> Result<Admitted, NotRun> {
    let user = &config.sockets.signer_client;
    let ledger = if user.is_empty() { None } else { peer::uid_of(user)? };
    match ledger {
        Some(ledger) => Ok(Admitted { ledger, sealing: ROOT }),
        None if config.is_test() => Ok(Admitted { ledger: peer::own_uid(), sealing: peer::own_uid() }),
        None => Err(NotRun::Client(user.clone())),
    }
}

async fn serve(attester: Arc<Attester>) -> Result<(), NotRun> {
    let path = attester.config.sockets.attest.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let door = Door::open(&path).map_err(|cause| NotRun::Socket { path, cause })?;
    let (stop, stopped) = watch::channel(false);
    let mut accepting = tokio::spawn(door::accept(Arc::clone(&attester), door, stopped));
    let guarding = {
        let attester = Arc::clone(&attester);
        tokio::spawn(watchdog::tell(move || attester.worker.moves()))
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sceau-attestd listens");
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = &mut accepting => Err(NotRun::Door),
    };
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    let _ = stop.send(true);
    if !accepting.is_finished() {
        let _ = accepting.await;
    }
    guarding.abort();
    outcome
}
