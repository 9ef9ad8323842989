//! Life of `sceau-relayd`: read, open the door, keep the files' state, stop in good order.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::Relay;
use super::counts::Counts;
use super::door::{self, Door};
use super::files::{self, Files, Unusable};
use super::ledger::Ledger;
use super::lists::Lists;
use super::seals::Seals;
use super::servers::Servers;
use super::web_ps::Tickets;
use crate::config::{Config, Fault};
use crate::sys::places::Places;
use crate::sys::{log, peer, process, watchdog};
use crate::traces::digest::Digest;
use crate::usage::{self, EXIT_UNAVAILABLE, EXIT_USAGE};

/// Threads that run calls; a signature that blocks one is replaced for that time.
const WORKERS: usize = 2;

const AFTER_HELP: &str = "\
Les applications envoient leurs appels SOAP en HTTP/1.1 sur sockets.relay ; le relais y place l'assertion, ou vérifie celle \
qui y est, la dépense une fois, et transmet au DMP en TLS mutuel. Seuls passent les appels de [[dmp]]. SIGTERM termine ce \
qui est en cours.

Certificats, listes de révocation, [[seal]] et [[authentication]] sont relus quand ils changent, sans couper d'appel ; le \
reste de la configuration au démarrage.

Journal : variable SCEAU_LOG (error, warn, info, debug).

Codes de sortie : 0 arrêt demandé (SIGTERM) ; 2 ligne de commande, configuration ou certificat refusés ; 3 socket ou \
système indisponible.";

/// Le relais vers le DMP : TLS mutuel et une assertion par appel
#[derive(Debug, Parser)]
#[command(name = "sceau-relayd", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
}

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
enum NotRun {
    #[error("{0}")]
    Files(#[from] Unusable),
    #[error("{0}")]
    Authorities(Fault),
    #[error(
        "la socket {path} ne peut pas être ouverte ({cause}) : vérifiez son dossier et qu'aucun autre relais ne l'occupe"
    )]
    Socket { path: PathBuf, cause: std::io::Error },
    #[error("[gate] user = {0:?} : cet utilisateur n'existe pas ; créez-le (sysusers), ou retirez [gate]")]
    Gate(String),
    #[error("le service s'est arrêté sur un défaut interne ; il est relancé, signalez-le avec le journal")]
    Door,
    #[error("le système refuse ce qu'il faut pour démarrer ({0})")]
    System(#[from] std::io::Error),
}

/// Runs `sceau-relayd`; 0 after an orderly stop, 2 when configuration or certificate is refused, 3 not possible now.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Arguments = usage::parse();
    log::init("sceau-relayd");
    log::end("sceau-relayd", run(&arguments), |not_run| match not_run {
        NotRun::Files(_) | NotRun::Authorities(_) | NotRun::Gate(_) => EXIT_USAGE,
        NotRun::Socket { .. } | NotRun::Door | NotRun::System(_) => EXIT_UNAVAILABLE,
    })
}

fn run(arguments: &Arguments) -> Result<(), NotRun> {
    process::keep_memory_private()?;
    let files = Files::read(&arguments.config, None)?;
    let started = files.digest();
    let Files { config, relay: limits, tls, seals } = files;
    let lists = Lists::of(&limits).map_err(NotRun::Authorities)?;
    if limits.crls.is_empty() && limits.crl_urls.is_empty() {
        tracing::warn!("no revocation list: test mode alone does without");
    }
    for place in &config.web_ps {
        tracing::warn!(name = place.name, "web_ps is a stand-in: the real delivery of TD0.10 is not public");
    }
    let servers = Servers::new(&config.destinations, &limits, tls);
    let own = Seals::default();
    own.change(seals);
    let calls = Places::new(limits.calls_max);
    let gate = match &config.gate {
        None => None,
        Some(rules) => {
            let user = peer::uid_of_named(&rules.user, config.is_test())?;
            Some(user.ok_or_else(|| NotRun::Gate(rules.user.clone()))?)
        }
    };
    let relay = Arc::new(Relay {
        gate,
        destinations: config.destinations.clone(),
        web_ps: config.web_ps.clone(),
        ledger: Ledger::new(config.sockets.relay_ledger.clone()),
        limits,
        servers,
        seals: own,
        tickets: Tickets::default(),
        counts: Arc::new(Counts::default()),
        calls,
        tasks: std::sync::Mutex::default(),
    });
    // Signatures block within a connection's poll: the other tasks of that thread need another one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    runtime.block_on(serve(config, relay, (lists, started)))
}

async fn serve(config: Config, relay: Arc<Relay>, (lists, started): (Lists, Digest)) -> Result<(), NotRun> {
    let path = config.sockets.relay.clone();
    let shutdown = Duration::from_millis(config.limits.shutdown_ms);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let door = Door::open(&path).map_err(|cause| NotRun::Socket { path, cause })?;
    let (stop, stopped) = watch::channel(false);
    let mut accepting = tokio::spawn(door::accept(Arc::clone(&relay), door, stopped, shutdown));
    let fetched = Arc::new(Notify::new());
    let fetching = tokio::spawn(lists.keep_fresh(Arc::clone(&fetched)));
    let watching = tokio::spawn(files::watch(config.path, started, Arc::clone(&relay), fetched));
    let guarding = tokio::spawn(watchdog::tell(|| true));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sceau-relayd listens");
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
    watching.abort();
    fetching.abort();
    guarding.abort();
    let _ = tokio::time::timeout(shutdown, relay.finish()).await;
    relay.counts.tell();
    outcome
}
