//! The listening socket of `token.sock`: handed over by systemd, or bound at the configured path.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Daemon;
use super::answer::{Answer, No};
use super::door;

/// Pause when no connection can be accepted (descriptors exhausted): the next attempt must not burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Any local user may ask for Status (contract); who calls is told by the kernel, what for by the registers.
const SOCKET_MODE: u32 = 0o666;
/// Name of the door's socket among those that systemd hands over (`FileDescriptorName=` of `sceaud.socket`).
const SOCKET_NAME: &str = "token";

/// Opens the door: the socket that systemd hands over, or a new one at `path`.
///
/// A stale socket at `path` is replaced; one that somebody answers on is not.
///
/// # Errors
/// What the system said, with the path.
pub(super) fn open(path: &Path) -> io::Result<Door> {
    let handed = ListenFd::from_env().take_unix_listener(place(SOCKET_NAME))?;
    let (listener, own) = match handed {
        Some(listener) => (listener, None),
        None => (bind(path)?, Some(path.to_owned())),
    };
    listener.set_nonblocking(true)?;
    Ok(Door { listener: UnixListener::from_std(listener)?, own })
}

/// The open door; one that was bound here leaves no socket behind.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    own: Option<PathBuf>,
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(path) = &self.own {
            let _ = fs::remove_file(path);
        }
    }
}

/// Place of a socket among those handed over, by its name (sd_listen_fds_with_names(3)); the first where none is named so.
fn place(name: &str) -> usize {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    names.split(':').position(|handed| handed == name).unwrap_or(0)
}

fn bind(path: &Path) -> io::Result<StdListener> {
    if fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another sceaud answers on it"));
        }
        fs::remove_file(path)?;
    }
    let listener = StdListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

/// Accepts connections until `stop` says so, then waits for what is under way, at most `shutdown_ms`.
pub(super) async fn accept(daemon: Arc<Daemon>, door: Door, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = door.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => admit(&daemon, stream, &stop, &mut connections),
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(door);
    let finish = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_millis(daemon.config.limits.shutdown_ms), finish).await;
}

/// Gives a connection its task, or hangs up when its user has too many.
fn admit(daemon: &Arc<Daemon>, stream: UnixStream, stop: &watch::Receiver<bool>, connections: &mut JoinSet<()>) {
    let Ok(peer) = stream.peer_cred() else {
        return;
    };
    let uid = peer.uid();
    let limits = &daemon.config.limits;
    let user_max = if daemon.loaded.applications.get(uid).is_some() {
        limits.connections_per_application_max
    } else {
        limits.connections_per_stranger_max
    };
    match daemon.connections.take(uid, user_max) {
        Some(place) => {
            connections.spawn(door::serve(Arc::clone(daemon), stream, uid, place, stop.clone()));
        }
        None => {
            // Told without waiting: a peer that takes no answer must not hold the door.
            let mut busy = Vec::new();
            Answer::No(No::Busy).write(&mut busy);
            let _ = stream.try_write(&busy);
            daemon.refusals.count(uid, "too-many-connections");
        }
    }
}
