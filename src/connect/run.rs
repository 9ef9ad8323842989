//! Life of the companion: read, watch over the appliances, open the doors, stop in good order.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::appliance::Appliance;
use super::arguments;
use super::http;
use super::identity::{Identity, IdentityError};
use super::known::Known;
use super::pair::Pair;
use super::refusals::Refusals;
use super::settings::Settings;
use crate::sys::log;
use crate::sys::places::Places;
use crate::tables::{ConfigError, system_words};
use crate::usage::{EXIT_UNAVAILABLE, EXIT_USAGE};

/// Share of all connections, in percent, that one user may have; also that of HTTP, and of these again, one user's.
const USER_SHARE_PERCENT: usize = 75;
/// Longest wait for calls under way when the companion stops.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);
/// Threads that carry: TLS of some thousand assertions a second takes less than one.
const WORKERS: usize = 2;

/// Why the companion does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRun {
    #[error("{0}")]
    Settings(#[from] ConfigError),
    #[error("{0}")]
    Identity(#[from] IdentityError),
    #[error("aucune appliance n'est connue ; faites connaître ce serveur : sceau-connect enrol")]
    NoAppliance,
    #[error(
        "aucune porte n'est ouverte ; écrivez [socket] (Linux), [pipe] (Windows) ou [http] dans la configuration"
    )]
    NoDoor,
    #[error(
        "{door} ne peut pas être ouverte ({}) ; vérifiez le dossier, le port, et que rien d'autre ne l'occupe",
        system_words(cause)
    )]
    Door { door: String, cause: std::io::Error },
    #[cfg(unix)]
    #[error("{0}")]
    Socket(#[from] super::unix::NotOpen),
    #[error("le système refuse ce qu'il faut pour démarrer ({0})")]
    System(#[from] std::io::Error),
}

impl NotRun {
    /// Exit code: what a person mends, or what may pass by itself.
    fn code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Identity(_) | Self::NoAppliance | Self::NoDoor => EXIT_USAGE,
            #[cfg(unix)]
            Self::Socket(super::unix::NotOpen::NoUser(_)) => EXIT_USAGE,
            _ => EXIT_UNAVAILABLE,
        }
    }
}

/// `sceau-connect run`.
pub(super) fn main(given: &arguments::Run) -> ExitCode {
    #[cfg(windows)]
    if given.service {
        return super::service::main(&given.config);
    }
    log::init("sceau-connect");
    log::end("sceau-connect", run(&given.config, asked_to_stop()), NotRun::code)
}

/// What was read, before anything is opened.
pub(super) fn appliances(settings: &Settings) -> Result<Vec<Arc<Appliance>>, NotRun> {
    let known = Known::read(&settings.folder)?.ok_or(NotRun::NoAppliance)?;
    let identity = Identity::read(&settings.folder)?;
    let appliances: Vec<_> = known.appliance.iter().filter_map(|entry| Appliance::of(entry, &identity)).collect();
    if appliances.is_empty() { Err(NotRun::NoAppliance) } else { Ok(appliances) }
}

/// Runs until `stopped` returns.
///
/// # Errors
/// Why it does not run.
pub(super) fn run(config: &Path, stopped: impl Future<Output = ()>) -> Result<(), NotRun> {
    #[cfg(unix)]
    crate::sys::process::keep_memory_private()?;
    let settings = Settings::read(config)?;
    let pair = Pair::new(appliances(&settings)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let outcome = runtime.block_on(serve(settings, pair, stopped));
    runtime.shutdown_timeout(SHUTDOWN_WAIT);
    outcome
}

async fn serve(settings: Settings, pair: Arc<Pair>, stopped: impl Future<Output = ()>) -> Result<(), NotRun> {
    let max = settings.limits.connections_max;
    let user_max = (max * USER_SHARE_PERCENT / 100).max(1);
    let places = Places::new(max);
    let (stop, stopping) = watch::channel(false);
    let mut doors: JoinSet<()> = JoinSet::new();
    #[cfg(unix)]
    if let Some(socket) = &settings.socket {
        let door = super::unix::Door::open(socket)?;
        doors.spawn(door.accept(
            Arc::clone(&pair),
            (Arc::clone(&places), user_max),
            stopping.clone(),
            SHUTDOWN_WAIT,
        ));
    }
    #[cfg(windows)]
    if let Some(pipe) = &settings.pipe {
        let named = |cause| NotRun::Door { door: format!("le tube {}", pipe.name), cause };
        let door = super::pipe::Door::open(pipe).map_err(named)?;
        doors.spawn(door.accept(Arc::clone(&pair), (Arc::clone(&places), max), stopping.clone(), SHUTDOWN_WAIT));
    }
    if let Some(http) = &settings.http {
        let named = |cause| NotRun::Door { door: format!("l'adresse {}", http.address), cause };
        let listener = TcpListener::bind(http.address).await.map_err(named)?;
        #[cfg(unix)]
        let uids = if http.users.is_empty() { Vec::new() } else { super::unix::uids(&http.users)? };
        #[cfg(not(unix))]
        let uids = Vec::new();
        let door = http::Door {
            pair: Arc::clone(&pair),
            port: http.address.port(),
            uids,
            folder: settings.folder.clone(),
            places,
            users: Places::new(user_max),
            connections_max: user_max,
            user_max: (user_max * USER_SHARE_PERCENT / 100).max(1),
            refusals: Refusals::default(),
        };
        doors.spawn(http::accept(Arc::new(door), listener, stopping, SHUTDOWN_WAIT));
    }
    if doors.is_empty() {
        return Err(NotRun::NoDoor);
    }
    let watching = tokio::spawn(pair.watch());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sceau-connect listens");
    #[cfg(unix)]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    stopped.await;
    #[cfg(unix)]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = stop.send(true);
    while doors.join_next().await.is_some() {}
    watching.abort();
    Ok(())
}

/// Returns once somebody asks the program to stop.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
