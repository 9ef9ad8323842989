//! The signer's socket: bound by one process, open to two users.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use super::StartError;
use super::connection::Service;
use crate::config::{Config, SignerKey};
use crate::sys::peer;

/// Connections beyond the sessions: one for `sceaud`'s self-tests and counters, one for a reconnection that overlaps.
pub(super) const SPARE_CONNECTIONS: usize = 2;
/// Pause after a failed accept(2), which fails at once and again while descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The users that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    own: u32,
    client: Option<u32>,
}

impl Admitted {
    /// Whether `uid` may ask for signatures. Root is not special: who is root has no need of this door.
    pub(super) fn admit(&self, uid: u32) -> bool {
        uid == self.own || Some(uid) == self.client
    }
}

/// The signer's own user and the key's client (`sockets.signer_client`, `sockets.relay_user`), which must exist in
/// production.
pub(super) fn admitted(config: &Config, key: &SignerKey) -> Result<Admitted, StartError> {
    let user = config.client_of(&key.purpose);
    let client = if user.is_empty() { None } else { peer::uid_of(user)? };
    if client.is_none() && !user.is_empty() {
        if !config.is_test() {
            return Err(StartError::Client { user: user.to_owned() });
        }
        warn!(user, "the key's client does not exist; only the signer's own user is admitted");
    }
    Ok(Admitted { own: peer::own_uid(), client })
}

/// The bound socket of one instance; the lock says that its process is alive.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    path: PathBuf,
    admitted: Admitted,
    _lock: File,
}

impl Door {
    /// Binds `<folder>/<key>-<number>.sock`, mode 0660; takes the place of a dead process, never of a living one.
    pub(super) fn bind(
        folder: &Path,
        key: &SignerKey,
        number: u16,
        admitted: Admitted,
    ) -> Result<Self, StartError> {
        let path = key.socket(folder, number);
        let socket = |cause| StartError::Socket { path: path.clone(), cause };
        DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(socket)?;
        let lock_path = path.with_extension("lock");
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock_path);
        let lock = open.map_err(socket)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::Served { path }),
            Err(TryLockError::Error(cause)) => return Err(socket(cause)),
        }
        // No process of ours holds the lock; somebody else's program may still answer there.
        match UnixStream::connect(&path) {
            Ok(_) => return Err(StartError::Served { path }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(&path).map_err(socket)?;
            }
            Err(cause) => return Err(socket(cause)),
        }
        let listener = UnixListener::bind(&path).map_err(socket)?;
        fs::set_permissions(&path, Permissions::from_mode(0o660)).map_err(socket)?;
        Ok(Self { listener, path, admitted, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Accepts for ever; each connection has its thread.
    pub(super) fn serve(self, service: &Arc<Service>, connections_max: usize) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.receive(stream, service, connections_max),
                Err(cause) => {
                    warn!(%cause, "accept failed");
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }

    fn receive(&self, stream: UnixStream, service: &Arc<Service>, connections_max: usize) {
        let uid = match peer::uid(&stream) {
            Ok(uid) => uid,
            Err(cause) => return warn!(%cause, "the peer has no credentials"),
        };
        if !self.admitted.admit(uid) {
            return warn!(uid, "refused: not a user that may ask for signatures");
        }
        let Some(connection) = service.admit(stream, connections_max) else { return };
        let spawned = thread::Builder::new().name("connection".to_owned()).spawn(move || connection.serve());
        match spawned {
            Ok(_) => info!(uid, "connected"),
            Err(cause) => warn!(%cause, "no thread for a connection"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_user_and_the_client_are_admitted_and_root_is_not_special() {
        let both = Admitted { own: 990, client: Some(991) };
        assert!(both.admit(990) && both.admit(991));
        assert!(!both.admit(0) && !both.admit(1000) && !both.admit(u32::MAX));
        let own = Admitted { own: 990, client: None };
        assert!(own.admit(990) && !own.admit(991) && !own.admit(0));
    }
}
