//! The program `sceau-signer`: one key, of a token or sealed, behind a socket, in a process that may hang, crash or be killed.
//!
//! Blocking threads: one accepts, one serves each connection, one keeps the device open, one watches the library.

mod arguments;
mod connection;
mod door;
mod keeper;
mod keyring;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::{info, warn};

use self::arguments::{Arguments, Instance};
use self::connection::Service;
use self::door::Door;
use self::keeper::Keeper;
use self::keyring::KeyError;
use crate::config::{Config, ConfigError};
use crate::sys::process::{self, Termination};
use crate::sys::{confinement, log};
use crate::token::{Meter, PinGuard};
use crate::usage::{self, EXIT_UNAVAILABLE, EXIT_USAGE};

/// How long readiness waits for the first opening, so that a key refused in production is a start refused.
const FIRST_OPENING: Duration = Duration::from_millis(5_000);

/// Why the program does not run; French cause and remedy.
#[derive(Debug, thiserror::Error)]
enum StartError {
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The instance is none of the configuration's.
    #[error("l'instance {instance:?} n'existe pas ; instances de la configuration : {known}")]
    Instance { instance: String, known: String },
    /// The user that may connect does not exist.
    #[error(
        "{user:?} (sockets.signer_client, sockets.relay_user) : cet utilisateur n'existe pas ; créez-le (sysusers), ou corrigez la configuration"
    )]
    Client { user: String },
    /// Another process serves this instance.
    #[error("l'instance est déjà servie par un autre processus sur {path} ; arrêtez-le d'abord")]
    Served { path: PathBuf },
    /// The socket cannot be made.
    #[error(
        "la socket {path} ne peut pas être créée ({cause}) : vérifiez le dossier sockets.signers et ses droits (chemin de 107 octets au plus)"
    )]
    Socket { path: PathBuf, cause: std::io::Error },
    /// The kernel refused what protects the process.
    #[error("le système refuse une protection du processus ({0}) : vérifiez l'unité systemd")]
    System(#[from] std::io::Error),
    /// The key or its description.
    #[error("clé {key} : {cause}")]
    Key { key: String, cause: KeyError },
}

impl StartError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Instance { .. } | Self::Client { .. } => EXIT_USAGE,
            // A sealed key that did not sign once may in the next process.
            Self::Key { cause, .. } if !cause.is_configuration() && !cause.is_secret() => EXIT_UNAVAILABLE,
            Self::Key { .. } => EXIT_USAGE,
            Self::Served { .. } | Self::Socket { .. } | Self::System(_) => EXIT_UNAVAILABLE,
        }
    }
}

/// What the threads tell the first one.
#[derive(Debug)]
enum Event {
    /// The first opening ended, well or in a way that heals.
    Tried,
    /// The configuration or the key must change.
    Fatal(KeyError),
    /// SIGTERM or SIGINT.
    Terminate,
}

/// Runs the program until SIGTERM; 0 done, 2 usage, configuration or key refused, 3 not possible now.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::read();
    log::init("sceau-signer");
    usage::exit("sceau-signer", serve(&arguments).map(|()| 0), StartError::exit_code)
}

fn serve(arguments: &Arguments) -> Result<(), StartError> {
    let termination = Termination::hold()?;
    process::keep_memory_private()?;
    let config = Config::load(&arguments.config)?;
    let Instance { key, number } = Instance::find(&config, &arguments.instance)?;
    if !key.keyring().is_token()
        && let Err(cause) = confinement::lock_memory()
    {
        if !config.is_test() {
            return Err(StartError::System(cause));
        }
        warn!(%cause, "the memory is not locked; production would refuse this");
    }
    let admitted = door::admitted(&config, &key)?;
    let folder = config.signers_of(&key.purpose).to_owned();
    let door = Door::bind(&folder, &key, number, admitted)?;
    let name = key.key.as_str().to_owned();
    let (events, inbox) = mpsc::channel();
    let meter = Arc::new(Meter::new(key.sessions));
    let connections_max = usize::from(key.sessions) + door::SPARE_CONNECTIONS;
    let guard = PinGuard::new(&memory_folder(&folder)).remembering(&folder);
    let keeper = Arc::new(Keeper::new(key, guard, Arc::clone(&meter), !config.is_test()));
    watch::start(Arc::clone(&meter), &config.limits)?;
    let closed = start_keeper(&keeper, events.clone())?;
    let service = Arc::new(Service::new(Arc::clone(&keeper), meter, config.limits));
    let path = door.path().to_owned();
    spawn("accept", {
        let service = Arc::clone(&service);
        move || door.serve(&service, connections_max)
    })?;
    spawn("signals", move || {
        if termination.wait().is_ok() {
            let _ = events.send(Event::Terminate);
        }
    })?;
    let ended = wait(&inbox, &path.display().to_string());
    notify(&[NotifyState::Stopping]);
    // Nobody new comes in; those who are in get the answer to what they have asked.
    let _ = std::fs::remove_file(&path);
    let deadline = Duration::from_millis(service.limits.shutdown_ms);
    if !service.finish(deadline) {
        warn!(?deadline, "a signature did not end in time");
    }
    keeper.stop();
    if closed.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
        warn!(?deadline, "the module did not close in time");
    }
    ended.map_err(|cause| StartError::Key { key: name, cause })
}

/// Where refused PINs are remembered: systemd's state directory, which survives the machine's restart, else the sockets'
/// folder, which a machine that starts again and again empties each time.
fn memory_folder(signers: &Path) -> PathBuf {
    PinGuard::state_directory().unwrap_or_else(|| signers.to_owned())
}

/// Says ready once the first opening ended, then waits for the end.
fn wait(inbox: &Receiver<Event>, socket: &str) -> Result<(), KeyError> {
    let ready = || {
        info!(socket, "listening");
        notify(&[NotifyState::Ready]);
    };
    match inbox.recv_timeout(FIRST_OPENING) {
        Ok(Event::Fatal(error)) => return Err(error),
        Ok(Event::Terminate) => return Ok(()),
        Ok(Event::Tried) | Err(_) => ready(),
    }
    loop {
        match inbox.recv() {
            Ok(Event::Tried) => {}
            Ok(Event::Fatal(error)) => return Err(error),
            Ok(Event::Terminate) | Err(_) => return Ok(()),
        }
    }
}

/// The thread that keeps the device open; the receiver disconnects when it has closed it for good.
fn start_keeper(keeper: &Arc<Keeper>, events: Sender<Event>) -> Result<Receiver<()>, StartError> {
    let (open, closed) = mpsc::channel::<()>();
    let keeper = Arc::clone(keeper);
    spawn("keeper", move || {
        keeper.keep(&events);
        drop(open);
    })?;
    Ok(closed)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
    thread::Builder::new().name(name.to_owned()).spawn(body)?;
    Ok(())
}

/// Tells systemd, if it is there; without it there is nobody to tell.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(state) {
        warn!(%cause, "systemd was not told");
    }
}
