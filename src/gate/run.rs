//! Life of `sceau-gate`: read, open the door, ask whom to admit, stop in good order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::clients::{self, Clients, Teller};
use super::counts::Counts;
use super::pace::Pace;
use super::tls::Tls;
use super::{Gate, door, enrolment};
use crate::config::{ConfigError, Fault, GateFile};
use crate::policy::fingerprint::Fingerprint;
use crate::sys::places::Places;
use crate::sys::{log, process, watchdog};
use crate::usage::{self, EXIT_UNAVAILABLE, EXIT_USAGE};

/// How often refusals are told.
const COUNTS_EVERY: Duration = Duration::from_secs(60);

const AFTER_HELP: &str = "\
Les serveurs d'application s'y connectent en TLS avec le certificat qu'un exploitant a confirmé : HTTP et JSON (/openapi.json), appels au \
relais sous /relay/, et le flux varlink de sceau-connect. La clé et le certificat du portail sont faits au premier démarrage s'ils manquent.

SIGTERM termine ce qui est en cours ; SIGHUP fait relire le certificat et les listes de révocation.

Journal : variable SCEAU_LOG (error, warn, info, debug).

Codes de sortie : 0 arrêt demandé (SIGTERM) ; 2 ligne de commande, configuration, clé ou certificat refusés ; 3 adresse ou système \
indisponible.";

/// Le portail : jetons et relais pour les applications d'autres machines
#[derive(Debug, Parser)]
#[command(name = "sceau-gate", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/gate.toml")]
    config: PathBuf,
}

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
enum NotRun {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Files(Fault),
    #[error(
        "l'adresse {address} ne peut pas être écoutée ({cause}) : vérifiez listen et qu'aucun autre portail ne l'occupe"
    )]
    Listen { address: SocketAddr, cause: std::io::Error },
    #[error("le service s'est arrêté sur un défaut interne ; il est relancé, signalez-le avec le journal")]
    Door,
    #[error("le système refuse ce qu'il faut pour démarrer ({0})")]
    System(#[from] std::io::Error),
}

/// Runs `sceau-gate`; 0 after an orderly stop, 2 when configuration, key or certificate is refused, 3 not possible now.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Arguments = usage::parse();
    log::init("sceau-gate");
    log::end("sceau-gate", run(&arguments), |not_run| match not_run {
        NotRun::Config(_) | NotRun::Files(_) => EXIT_USAGE,
        NotRun::Listen { .. } | NotRun::Door | NotRun::System(_) => EXIT_UNAVAILABLE,
    })
}

fn run(arguments: &Arguments) -> Result<(), NotRun> {
    process::keep_memory_private()?;
    let config = GateFile::load(&arguments.config)?;
    let (clients, teller) = Clients::none();
    let (tls, key) = Tls::read(&config, &clients).map_err(NotRun::Files)?;
    tracing::info!(key = %key, "the gate's own key");
    let gate = Arc::new(Gate {
        connections: Places::new(config.limits.connections_max),
        pending: Places::new(config.limits.pending_max),
        returning: Places::new(config.limits.pending_max),
        pace: Pace::new(config.limits.failures_per_source_per_minute, config.limits.strangers_per_minute),
        calls: Places::new(config.limits.connections_max),
        proposals: enrolment::Budget::default(),
        counts: Counts::default(),
        clients,
        tls,
        config,
    });
    // Handshakes are arithmetic: two threads, so that one of them still answers those who are in.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(gate, key, teller))
}

async fn serve(gate: Arc<Gate>, key: Fingerprint, teller: Teller) -> Result<(), NotRun> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let address = gate.config.listen;
    let listener = door::open(address).map_err(|cause| NotRun::Listen { address, cause })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, "sceau-gate listens");
    }
    let (stop, stopped) = watch::channel(false);
    let mut accepting = tokio::spawn(door::accept(Arc::clone(&gate), listener, stopped));
    let asking = {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move { clients::ask(&gate.config.token, key, teller).await })
    };
    let guarding = tokio::spawn(watchdog::tell(|| true));
    let telling = {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(COUNTS_EVERY).await;
                gate.counts.tell();
            }
        })
    };
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let outcome = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = hangup.recv() => reread(&gate),
            _ = &mut accepting => break Err(NotRun::Door),
        }
    };
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    let _ = stop.send(true);
    if !accepting.is_finished() {
        let _ = accepting.await;
    }
    asking.abort();
    guarding.abort();
    telling.abort();
    gate.counts.tell();
    outcome
}

fn reread(gate: &Gate) {
    if let Ok(moment) = NotifyState::monotonic_usec_now() {
        let _ = sd_notify::notify(&[NotifyState::Reloading, moment]);
    }
    match gate.tls.reread(&gate.config, &gate.clients) {
        Ok(()) => tracing::info!("certificates and revocation lists were read again"),
        Err(fault) => tracing::error!(%fault, "what was read before stays in force"),
    }
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}
