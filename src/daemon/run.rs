//! Life of `sceaud`: read, connect to the signers, open the door, tell systemd, stop in good order.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::gate::Gate;
use super::providers::keep_keys;
use super::{Daemon, checkpointing, convention, listen, providers, trace};
use crate::config::{Config, ConfigError};
use crate::ledger::{Guards, Ledger, StoreError};
use crate::proof::Providers;
use crate::seal::audit::Audit;
use crate::seal::seals::{Seal, Seals};
use crate::sys::timekeeper::Timekeeper;
use crate::sys::{clock, log, peer, process};
use crate::usage::{self, EXIT_HALTED, EXIT_UNAVAILABLE, EXIT_USAGE};

/// How often readiness, certificates and the watchdog are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a start waits for the last seals once one is ready: signers start beside sceaud, tokens take seconds to open.
const SETTLE_MAX: Duration = Duration::from_secs(10);
/// Days before a certificate's end at which an alarm is raised (vihf.md §6: renewal opens 60 days before).
const RENEWAL_ALARM_DAYS: [i64; 3] = [60, 30, 7];
/// How often the renewal alarm is repeated.
const RENEWAL_ALARM_EVERY: Duration = Duration::from_secs(24 * 3600);

const AFTER_HELP: &str = "\
Les sockets sont celles que systemd transmet sous les noms « token » et « admin », sinon celles de la configuration. \
SIGTERM termine ce qui est en cours ; SIGHUP (systemctl reload) fait relire la convention, sans rien interrompre.

Journal : variable SCEAU_LOG (error, warn, info, debug).

Codes de sortie : 0 arrêt demandé (SIGTERM) ; 2 ligne de commande, configuration, certificat ou \
clé refusés ; 3 socket, journal ou système indisponible ; 4 arrêté : le journal n'est plus ce qu'il était.";

/// Le service de jetons : reçoit les demandes d'assertions VIHF des applications sur une socket locale.
#[derive(Debug, Parser)]
#[command(name = "sceaud", version, after_help = AFTER_HELP)]
struct Arguments {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
}

/// Why `sceaud` did not start or did not go on.
#[derive(Debug, thiserror::Error)]
enum NotRun {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Key(String),
    #[error("{0}")]
    Ledger(#[from] StoreError),
    #[error("le service s'est arrêté sur un défaut interne ; il est relancé, signalez-le avec le journal")]
    Door,
    #[error(
        "la socket {path} ne peut pas être ouverte ({cause}) : vérifiez son dossier et qu'aucun autre sceaud ne l'occupe"
    )]
    Socket { path: PathBuf, cause: std::io::Error },
    #[error("sockets.relay_user = {0:?} : cet utilisateur n'existe pas ; créez-le (sysusers), ou retirez [relay]")]
    Relay(String),
    #[error("[gate] user = {0:?} : cet utilisateur n'existe pas ; créez-le (sysusers), ou retirez [gate]")]
    Gate(String),
    #[error("le système refuse ce qu'il faut pour démarrer ({0})")]
    System(#[from] std::io::Error),
}

/// Runs `sceaud`; 0 after an orderly stop, 2 when configuration, certificate or key is refused.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Arguments = usage::parse();
    log::init("sceaud");
    log::end("sceaud", run(&arguments), |not_run| match not_run {
        NotRun::Config(_) | NotRun::Key(_) | NotRun::Relay(_) | NotRun::Gate(_) => EXIT_USAGE,
        NotRun::Ledger(StoreError::Broken(_) | StoreError::KeyMissing | StoreError::KeyErased) => EXIT_HALTED,
        NotRun::Ledger(StoreError::KeyExposed | StoreError::Format(_)) => EXIT_USAGE,
        NotRun::Ledger(_) => EXIT_UNAVAILABLE,
        NotRun::Door | NotRun::Socket { .. } | NotRun::System(_) => EXIT_UNAVAILABLE,
    })
}

fn run(arguments: &Arguments) -> Result<(), NotRun> {
    process::keep_memory_private()?;
    let config = Config::load(&arguments.config)?;
    let loaded = config.load_named(|user| peer::uid_of(user).ok().flatten(), clock::now())?;
    for remark in &loaded.remarks {
        tracing::warn!(remark, "configuration");
    }
    // One thread: everything here is input and output, and a signature's arithmetic is in the signers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, loaded))
}

/// The Unix user that may call for the relay.
fn relay_user(config: &Config) -> Result<Option<u32>, NotRun> {
    let user = &config.sockets.relay_user;
    if config.relay.is_none() {
        return Ok(None);
    }
    peer::uid_of_named(user, config.is_test())?.map(Some).ok_or_else(|| NotRun::Relay(user.clone()))
}

/// The gate, whose Unix user may speak for applications of other machines.
fn gate(config: &Config) -> Result<Gate, NotRun> {
    let Some(rules) = &config.gate else { return Ok(Gate::new(None, 0)) };
    let user = peer::uid_of_named(&rules.user, config.is_test())?;
    let user = user.ok_or_else(|| NotRun::Gate(rules.user.clone()))?;
    Ok(Gate::new(Some(user), rules.invitation_ms))
}

async fn serve(config: Config, loaded: crate::config::Loaded) -> Result<(), NotRun> {
    let (relay, gate) = (relay_user(&config)?, gate(&config)?);
    let mut start = trace::start(config.digest, convention::told_by_start(&config), &loaded.register_files);
    start.files.extend(providers::files(&config, &loaded.providers));
    // Proofs are kept with the nonces of their time.
    let window_ms = config.session_lifetime_max_ms().max(Providers::memory_ms());
    // The ledger makes its folder; what is believed of the clock is read from there if it is there.
    let clock = Timekeeper::begin(&config.ledger.folder, config.clock.tolerances, config.clock.sign())?;
    let clock = Arc::new(clock);
    let guards = Guards { clock: Some(Arc::clone(&clock)), reserve_len: config.ledger.reserve_len };
    let (ledger, restored) = Ledger::open_guarded(&config.ledger.folder, start, window_ms, guards)?;
    tokio::spawn(ledger.hand_answers());
    let (refused, refusals) = mpsc::unbounded_channel();
    let seals = Seals::connect(&config, &loaded.seals, &refused);
    let audit = loaded.audit.as_ref().and_then(|audit| Audit::connect(&config, audit, &refused));
    drop(refused);
    let (token, admin) = (config.sockets.token.clone(), config.sockets.admin.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let (daemon, asked) = Daemon::new(config, loaded, (seals, audit), (ledger, &restored), clock, (relay, gate))?;
    let daemon = Arc::new(daemon);
    if daemon.config.convention_file().is_some() {
        // Before the first request: a file that was signed while sceaud was away is what it is decided by.
        daemon.present_convention().await;
    }
    let (stop, stopped) = watch::channel(false);
    let mut doors = JoinSet::new();
    let mut handed = listen::Handed::over();
    let relay_ledger = relay.map(|_| (listen::Kind::Relay, daemon.config.sockets.relay_ledger.clone()));
    for (kind, path) in
        [(listen::Kind::Token, token), (listen::Kind::Admin, admin)].into_iter().chain(relay_ledger)
    {
        let door = listen::open(&mut handed, kind, &path).map_err(|cause| NotRun::Socket { path, cause })?;
        match door {
            Some(door) => drop(doors.spawn(listen::accept(Arc::clone(&daemon), door, stopped.clone()))),
            None if kind == listen::Kind::Relay => {
                tracing::warn!(
                    "relay-ledger.sock is not handed over: no call can be made; enable sceau-relay-ledger.socket"
                )
            }
            None => {
                tracing::warn!("admin.sock is not handed over: no order can be given; enable sceau-admin.socket")
            }
        }
    }
    let (end, ended) = watch::channel(false);
    let checkpoints = tokio::spawn(checkpointing::run(Arc::clone(&daemon), asked, ended));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sceaud listens; locked until a signature verifies");
    daemon.introduce_clock();
    daemon.count_aside(false).await;
    let started = AtomicBool::new(false);
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        refused = watch_over(&daemon, refusals, &started) => Err(NotRun::Key(refused)),
        () = keep_up(&daemon) => Err(NotRun::Door),
        () = reload(&daemon, hangup, &started) => Err(NotRun::Door),
        () = keep_keys(&daemon) => Err(NotRun::Door),
        _ = doors.join_next() => Err(NotRun::Door),
    };
    let signatures_checked = daemon.providers.now().signatures_checked();
    tracing::info!(signatures_checked, "sceaud stops; what is under way is finished");
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    let _ = stop.send(true);
    while doors.join_next().await.is_some() {}
    daemon.record_refusals(true).await;
    daemon.count_aside(true).await;
    if let Err(error) = daemon.clock.tick(true) {
        tracing::warn!(%error, "what is believed of the clock was not kept");
    }
    // Behind the last answer: what was issued is signed before the silence.
    let _ = end.send(true);
    let _ = checkpoints.await;
    outcome
}

/// Watches readiness, tells systemd, raises renewal alarms; returns only if a key is refused while starting.
///
/// The start is over, and READY told, once a seal is ready and every other one is ready or has had its time: a token that
/// comes back later with another key must not stop the structures that are well.
async fn watch_over(
    daemon: &Daemon,
    mut refusals: mpsc::UnboundedReceiver<String>,
    started: &AtomicBool,
) -> String {
    let watchdog = sd_notify::watchdog_enabled();
    let began = tokio::time::Instant::now();
    let (mut told_ready, mut alarm_at) = (None, began);
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            Some(refused) = refusals.recv() => {
                if !started.load(Ordering::Acquire) {
                    return refused;
                }
                continue;
            }
        }
        if watchdog.is_some() {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
        let now = clock::now();
        let seals = daemon.seals.all();
        if seals.iter().any(|seal| seal.is_ready(now)) {
            if !daemon.unlocked.swap(true, Ordering::AcqRel) {
                tracing::info!("operational: a signature was made and verified");
            }
            let settled = |seal: &Seal| seal.is_ready(now) || !seal.certificate.is_valid_at(now);
            let settled = seals.iter().all(settled) || began.elapsed() >= SETTLE_MAX;
            if settled && refusals.is_empty() && !started.swap(true, Ordering::AcqRel) {
                let _ = sd_notify::notify(&[NotifyState::Ready]);
            }
        }
        let ready = daemon.is_ready();
        if told_ready != Some(ready) {
            told_ready = Some(ready);
            let status = if ready { "ready" } else { "not ready: sceau status tells why" };
            tracing::info!(ready, "readiness");
            let _ = sd_notify::notify(&[NotifyState::Status(status)]);
        }
        if tokio::time::Instant::now() >= alarm_at {
            alarm_at += RENEWAL_ALARM_EVERY;
            renewal_alarms(daemon);
            daemon.alarm_convention();
            daemon.homologation_alarms();
        }
    }
}

/// `systemctl reload`: the convention's file is presented anew; who asks meanwhile is answered. systemd is told nothing before
/// the start is over: READY would end it.
async fn reload(daemon: &Daemon, mut hangup: Signal, started: &AtomicBool) {
    while hangup.recv().await.is_some() {
        let tells = started.load(Ordering::Acquire);
        if tells && let Ok(moment) = NotifyState::monotonic_usec_now() {
            let _ = sd_notify::notify(&[NotifyState::Reloading, moment]);
        }
        daemon.present_convention().await;
        if tells {
            let _ = sd_notify::notify(&[NotifyState::Ready]);
        }
    }
}

/// What goes on between requests, and must not wait for the disk in the place of anything else.
async fn keep_up(daemon: &Arc<Daemon>) {
    let mut tick = tokio::time::interval(TICK);
    let mut told = None;
    loop {
        tick.tick().await;
        daemon.watch_clock(&mut told);
        daemon.watch_space();
        daemon.settle_lost().await;
        daemon.watch_volumes().await;
        daemon.watch_exceptional();
        daemon.count_aside(false).await;
        daemon.record_refusals(false).await;
        let clock = Arc::clone(&daemon.clock);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || clock.tick(false)).await {
            tracing::warn!(%error, "what is believed of the clock was not kept");
        }
    }
}

fn renewal_alarms(daemon: &Daemon) {
    let now = clock::now();
    for seal in daemon.seals.all() {
        let days_left = seal.certificate.days_left(now);
        if let Some(threshold_days) =
            RENEWAL_ALARM_DAYS.into_iter().rev().find(|threshold| days_left <= *threshold)
        {
            tracing::warn!(
                key = %seal.key, structure = seal.structure, days_left, threshold_days,
                "renewal alarm: the seal certificate ends soon; have it renewed and install both while they overlap"
            );
        }
    }
}
