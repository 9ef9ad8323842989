//! The listening sockets: handed over by systemd, or bound at the configured path.

use std::env;
use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Daemon;
use super::admin::{self, CONNECTIONS_PER_USER_MAX};
use super::answer::{Answer, No};
use super::dispatch::Served;
use super::door;
use super::gate::UNINTRODUCED_MAX;
use crate::policy::application::remote;
use crate::sys::accepting;
use crate::sys::socket::Listening;

/// Which door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The applications'.
    Token,
    /// The operators'.
    Admin,
    /// The relay's.
    Relay,
}

impl Kind {
    /// Name among the sockets that systemd hands over (`FileDescriptorName=` of the socket units).
    const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Admin => "admin",
            Self::Relay => "relay-ledger",
        }
    }

    /// Mode of a socket that is made here.
    const fn mode(self) -> u32 {
        match self {
            // Any local user may ask for Status (contract); who calls is told by the kernel, what for by the registers.
            Self::Token => 0o666,
            // Who may order is told by signatures; who may knock by the file's group.
            Self::Admin | Self::Relay => 0o660,
        }
    }
}

/// The sockets that systemd hands over (sd_listen_fds_with_names(3)).
pub(super) struct Handed {
    sockets: ListenFd,
    names: Vec<String>,
}

impl Handed {
    /// Reads the environment.
    pub(super) fn over() -> Self {
        let sockets = ListenFd::from_env();
        let mut names: Vec<String> =
            env::var("LISTEN_FDNAMES").unwrap_or_default().split(':').map(str::to_owned).collect();
        names.resize(sockets.len(), String::new());
        Self { sockets, names }
    }

    /// The socket of that door. A nameless one is the applications', as it was before there were two.
    fn take(&mut self, kind: Kind) -> io::Result<Option<StdListener>> {
        let named = self.names.iter().position(|name| name == kind.name());
        let others = || {
            self.names.iter().position(|name| ![Kind::Admin.name(), Kind::Relay.name()].contains(&name.as_str()))
        };
        match named.or_else(|| if kind == Kind::Token { others() } else { None }) {
            Some(place) => self.sockets.take_unix_listener(place),
            None => Ok(None),
        }
    }
}

/// Opens a door: the socket that systemd hands over, or a new one at `path`. None: systemd hands others over, and not this
/// one; its folder is then not ours to write.
///
/// A stale socket at `path` is replaced; one that somebody answers on is not.
///
/// # Errors
/// What the system said, with the path.
pub(super) fn open(handed: &mut Handed, kind: Kind, path: &Path) -> io::Result<Option<Door>> {
    let socket = match handed.take(kind)? {
        Some(listener) => Listening::handed(listener)?,
        None if handed.names.is_empty() => Listening::bind(path, kind.mode())?,
        None => return Ok(None),
    };
    Ok(Some(Door { kind, socket }))
}

/// The open door.
#[derive(Debug)]
pub(super) struct Door {
    kind: Kind,
    socket: Listening,
}

/// Accepts connections until `stop` says so, then waits for what is under way, at most `shutdown_ms`.
pub(super) async fn accept(daemon: Arc<Daemon>, door: Door, stop: watch::Receiver<bool>) {
    let finish = Duration::from_millis(daemon.config.limits.shutdown_ms);
    let Door { kind, socket } = door;
    let stopped = stop.clone();
    accepting::accept(socket, stop, finish, move |stream, connections| match kind {
        Kind::Token => admit(&daemon, Served::Token, stream, &stopped, connections),
        Kind::Relay => admit(&daemon, Served::Relay, stream, &stopped, connections),
        Kind::Admin => admit_operator(&daemon, stream, &stopped, connections),
    })
    .await;
}

/// Gives a connection its task, or hangs up when its user has too many.
fn admit(
    daemon: &Arc<Daemon>,
    served: Served,
    stream: UnixStream,
    stop: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    let Ok(peer) = stream.peer_cred() else {
        return;
    };
    let uid = peer.uid();
    if remote::is_reserved(uid) {
        // A number that stands for an application of another machine: no user of this one speaks for it.
        daemon.refusals.count(uid, "reserved-user");
        return;
    }
    if served == Served::Relay && daemon.relay != Some(uid) {
        daemon.refusals.count(uid, "not-the-relay");
        return;
    }
    let limits = &daemon.config.limits;
    let user_max = if served == Served::Relay {
        limits.connections_max
    } else if daemon.gate.is(uid) {
        UNINTRODUCED_MAX
    } else if daemon.registers.applications().get(uid).is_some() {
        limits.connections_per_application_max
    } else {
        limits.connections_per_stranger_max
    };
    match daemon.connections.take(uid, user_max) {
        Some(place) => {
            connections.spawn(door::serve(Arc::clone(daemon), stream, (served, uid), place, stop.clone()));
        }
        None => {
            // Told without waiting: a peer that takes no answer must not hold the door.
            let mut busy = Vec::new();
            Answer::No(No::Busy).write(&mut busy, served.interface());
            let _ = stream.try_write(&busy);
            daemon.refusals.count(uid, "too-many-connections");
        }
    }
}

/// The same for an operator's connection: its places are its own, so that applications and operators cannot crowd each other out.
fn admit_operator(
    daemon: &Arc<Daemon>,
    stream: UnixStream,
    stop: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    let Ok(peer) = stream.peer_cred() else {
        return;
    };
    let uid = peer.uid();
    match daemon.admin.connections.take(uid, CONNECTIONS_PER_USER_MAX) {
        Some(place) => {
            connections.spawn(admin::door::serve(Arc::clone(daemon), stream, uid, place, stop.clone()));
        }
        None => {
            admin::door::hang_up(&stream);
            daemon.refusals.count(uid, "too-many-connections");
        }
    }
}
