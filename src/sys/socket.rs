//! A listening Unix socket: handed over by systemd, or bound here and then not left behind.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// A socket that is listened on; one that was bound here leaves no file behind.
#[derive(Debug)]
pub struct Listening {
    listener: UnixListener,
    own: Option<PathBuf>,
}

impl Listening {
    /// A socket that was handed over; its file is its giver's.
    ///
    /// # Errors
    /// What the system said.
    pub fn handed(listener: StdListener) -> io::Result<Self> {
        Self::new(listener, None)
    }

    /// A new socket at `path` with the file mode `mode`. A stale one is replaced; one that somebody answers on is not.
    ///
    /// # Errors
    /// What the system said; [`io::ErrorKind::AddrInUse`] where somebody answers.
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
            if StdStream::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers on it"));
            }
            fs::remove_file(path)?;
        }
        let listener = StdListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        Self::new(listener, Some(path.to_owned()))
    }

    fn new(listener: StdListener, own: Option<PathBuf>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(listener)?, own })
    }

    /// The next connection.
    ///
    /// # Errors
    /// What the system said.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(path) = &self.own {
            let _ = fs::remove_file(path);
        }
    }
}
