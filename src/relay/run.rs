//! Life of `sceau-relayd`: read, open the door, read certificates and lists again as they change, stop in good order.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Relay;
use super::counts::Counts;
use super::door::{self, Door};
use super::ledger::Ledger;
use super::servers::Servers;
use super::tls::Tls;
use crate::certificate::SealCertificate;
use crate::config::{Config, ConfigError, Fault, Reread, Rereading};
use crate::sys::{log, process};
use crate::usage;

/// Configuration or certificate is refused (contract, exit codes): systemd does not start it again.
const EXIT_CONFIGURATION: u8 = 2;
/// The world's trouble: systemd starts it again.
const EXIT_UNAVAILABLE: u8 = 3;
/// How often the watchdog is told.
const WATCHDOG_EVERY: Duration = Duration::from_secs(5);
/// Days before a client certificate's end at which an alarm is raised (vihf.md §6).
const RENEWAL_ALARM_DAYS: i64 = 60;
/// Between two alarms.
const ALARM_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Threads that run calls; a signature that blocks one is replaced for that time.
const WORKERS: usize = 2;

const AFTER_HELP: &str = "\
Les applications envoient leurs appels SOAP en HTTP/1.1 sur sockets.relay ; le relais y place l'assertion, ou vérifie celle \
qui y est, la dépense une fois, et transmet au DMP en TLS mutuel. Seuls passent les appels de [[dmp]]. SIGTERM termine ce \
qui est en cours.

Certificats et listes de révocation sont relus quand ils changent, sans couper d'appel.

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
    Config(#[from] ConfigError),
    #[error("{0}")]
    File(Fault),
    #[error(
        "la configuration n'a pas de [relay] ; ajoutez-le, avec [[authentication]] et [[dmp]], ou n'activez pas le relais"
    )]
    NoRelay,
    #[error(
        "la socket {path} ne peut pas être ouverte ({cause}) : vérifiez son dossier et qu'aucun autre relais ne l'occupe"
    )]
    Socket { path: PathBuf, cause: std::io::Error },
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
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(not_run) => {
            tracing::error!(cause = %not_run, "sceau-relayd does not run");
            eprintln!("sceau-relayd : {not_run}");
            ExitCode::from(match not_run {
                NotRun::Config(_) | NotRun::File(_) | NotRun::NoRelay => EXIT_CONFIGURATION,
                NotRun::Socket { .. } | NotRun::Door | NotRun::System(_) => EXIT_UNAVAILABLE,
            })
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), NotRun> {
    process::keep_memory_private()?;
    let config = Config::load(&arguments.config)?;
    let limits = config.relay.clone().ok_or(NotRun::NoRelay)?;
    let writable = if config.is_test() { Vec::new() } else { config.writable() };
    if !writable.is_empty() {
        return Err(ConfigError::from(writable).into());
    }
    let tls = Tls::read(&config, &limits).map_err(NotRun::File)?;
    if limits.crls.is_empty() {
        tracing::warn!("no revocation list: test mode alone does without");
    }
    let mut seals = Vec::new();
    for seal in &config.seals {
        let path = &seal.certificate;
        let pem = std::fs::read(path).map_err(|cause| NotRun::File(Fault::unread(path, &cause)))?;
        let refuse = |cause: crate::certificate::CertificateError| {
            NotRun::File(Fault::of("certificate-unreadable", path, format!("clé {} : {cause}", seal.key)))
        };
        seals.push(SealCertificate::parse(&pem).map_err(refuse)?);
    }
    let servers = Servers::new(&config.destinations, &limits, tls);
    let relay = Arc::new(Relay {
        destinations: config.destinations.clone(),
        ledger: Ledger::new(config.sockets.relay_ledger.clone()),
        limits,
        servers,
        seals,
        counts: Arc::new(Counts::default()),
        seats: door::Seats::default(),
        tasks: std::sync::Mutex::default(),
    });
    // Signatures block within a connection's poll: the other tasks of that thread need another one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    runtime.block_on(serve(config, relay))
}

async fn serve(config: Config, relay: Arc<Relay>) -> Result<(), NotRun> {
    let path = config.sockets.relay.clone();
    let shutdown = Duration::from_millis(config.limits.shutdown_ms);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let door = Door::open(&path).map_err(|cause| NotRun::Socket { path, cause })?;
    let (stop, stopped) = watch::channel(false);
    let mut accepting = tokio::spawn(door::accept(Arc::clone(&relay), door, stopped, shutdown));
    let watching = tokio::spawn(watch_files(config, Arc::clone(&relay)));
    let guarding = tokio::spawn(watchdog());
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
    guarding.abort();
    let _ = tokio::time::timeout(shutdown, relay.finish()).await;
    relay.counts.tell();
    outcome
}

/// Reads certificates and lists again when they change; what cannot be read leaves the last good state, which ages.
async fn watch_files(config: Config, relay: Arc<Relay>) {
    let every = Duration::from_millis(relay.limits.reload_ms);
    let (mut files, mut alarm_at) = (Rereading::of(relay.servers.tls().digest), tokio::time::Instant::now());
    loop {
        if let Some(days_left) = relay.servers.tls().days_left().filter(|days| *days <= RENEWAL_ALARM_DAYS)
            && tokio::time::Instant::now() >= alarm_at
        {
            alarm_at = tokio::time::Instant::now() + ALARM_EVERY;
            tracing::warn!(days_left, "renewal alarm: the client certificate ends soon");
        }
        tokio::time::sleep(every).await;
        let read = Tls::read(&config, &relay.limits).map(|read| {
            let digest = read.digest;
            (read, digest)
        });
        match files.judge(read) {
            Reread::Same => {}
            Reread::Mended => tracing::info!("certificates and lists can be read again; they have not changed"),
            Reread::Changed(read) => {
                tracing::info!("certificates or lists have changed; new connections use them");
                relay.servers.change(read);
            }
            Reread::Refused(fault) => tracing::error!(
                cause = %fault,
                "certificates or lists cannot be read again; the last ones stay"
            ),
        }
        relay.servers.prune();
        relay.counts.tell();
    }
}

async fn watchdog() {
    if sd_notify::watchdog_enabled().is_none() {
        return;
    }
    loop {
        let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        tokio::time::sleep(WATCHDOG_EVERY).await;
    }
}
