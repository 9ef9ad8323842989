//! Who is at the other end of a Unix socket, and which uid a user's name stands for.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Uid, User, geteuid};

/// The effective uid that the peer had when it connected (SO_PEERCRED, unix(7)); the kernel vouches for it.
///
/// # Errors
/// What the system said; the peer is then nobody.
pub fn uid(socket: &impl AsFd) -> io::Result<u32> {
    Ok(getsockopt(socket, sockopt::PeerCredentials)?.uid())
}

/// The effective uid of this process.
#[must_use]
pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// The uid of a user by name, or by a number that stands for itself; `None` if there is no such user.
///
/// # Errors
/// What the user database said.
pub fn uid_of(name: &str) -> io::Result<Option<u32>> {
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(name.parse().ok());
    }
    Ok(User::from_name(name)?.map(|user| user.uid.as_raw()))
}

/// The same of a name that a configuration for tests may leave out (`own`): then it is this process's own user.
///
/// # Errors
/// As [`uid_of`].
pub fn uid_of_named(name: &str, own: bool) -> io::Result<Option<u32>> {
    if name.is_empty() && own { Ok(Some(own_uid())) } else { uid_of(name) }
}

/// The uid and the gid of a user by name; `None` if there is no such user.
///
/// # Errors
/// What the user database said.
pub fn ids_of(name: &str) -> io::Result<Option<(u32, u32)>> {
    Ok(User::from_name(name)?.map(|user| (user.uid.as_raw(), user.gid.as_raw())))
}

/// The name that the system gives a uid; `None`: it has none.
///
/// # Errors
/// What the user database said.
pub fn name_of(uid: u32) -> io::Result<Option<String>> {
    Ok(User::from_uid(Uid::from_raw(uid))?.map(|user| user.name))
}

/// Waits until there is something to read, the peer has left (both: true), or `until` has passed (false).
///
/// # Errors
/// What the system said.
pub fn readable(socket: &impl AsFd, until: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout =
            left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut sockets, timeout) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
}
