//! The Unix socket: varlink as on the appliance, for the users that the configuration names.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::carry::carry;
use super::pair::Pair;
use super::refusals::Refusals;
use super::settings::SocketDoor;
use crate::sys::places::{Place, Places};
use crate::sys::socket::Listening;
use crate::sys::{accepting, peer};

/// Anybody may connect; the kernel's word on who it is decides (as on the appliance).
const SOCKET_MODE: u32 = 0o666;

/// What one connection too many is told.
const BUSY: &[u8] = b"{\"error\":\"fr.sceau.Token.Busy\",\"parameters\":{\"retry_after_ms\":1000}}\0";

/// The open socket and those who may.
#[derive(Debug)]
pub(super) struct Door {
    listening: Listening,
    uids: Vec<u32>,
}

/// Why it is not open.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotOpen {
    /// A name of the configuration.
    #[error("l'utilisateur « {0} » n'existe pas sur ce serveur ; créez-le, ou retirez-le de la configuration")]
    NoUser(String),
    /// What the system said.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// The uids of those users, and our own.
///
/// # Errors
/// The user that does not exist.
pub(super) fn uids(users: &[String]) -> Result<Vec<u32>, NotOpen> {
    let mut uids = vec![peer::own_uid()];
    for user in users {
        uids.push(peer::uid_of(user)?.ok_or_else(|| NotOpen::NoUser(user.clone()))?);
    }
    Ok(uids)
}

impl Door {
    /// Takes the socket that systemd hands over, or makes one; a stale socket is replaced, a living one is not.
    ///
    /// # Errors
    /// Why it is not open.
    pub(super) fn open(settings: &SocketDoor) -> Result<Self, NotOpen> {
        let uids = uids(&settings.users)?;
        let listening = match ListenFd::from_env().take_unix_listener(0)? {
            Some(listener) => Listening::handed(listener)?,
            None => Listening::bind(&settings.path, SOCKET_MODE)?,
        };
        Ok(Self { listening, uids })
    }

    /// Accepts until `stop` says so, then waits for the exchanges under way, at most `finish`.
    pub(super) async fn accept(
        self,
        pair: Arc<Pair>,
        (places, user_max): (Arc<Places>, usize),
        stop: watch::Receiver<bool>,
        finish: Duration,
    ) {
        let Self { listening, uids } = self;
        let stopped = stop.clone();
        let refusals = Refusals::default();
        accepting::accept(listening, stop, finish, move |stream, connections| {
            if let Some(place) = admitted(&uids, &stream, (&places, user_max), &refusals) {
                connections.spawn(serve(Arc::clone(&pair), stream, place, stopped.clone()));
            }
        })
        .await;
    }
}

/// A place for whoever may connect; others are closed without a word.
fn admitted(
    uids: &[u32],
    stream: &UnixStream,
    (places, user_max): (&Arc<Places>, usize),
    refusals: &Refusals,
) -> Option<Place> {
    let uid = stream.peer_cred().ok()?.uid();
    if !uids.contains(&uid) {
        if let Some(times) = refusals.count(uid, Instant::now()) {
            tracing::warn!(uid, times, "a user who is not in socket.users was refused");
        }
        return None;
    }
    let place = places.take(uid, user_max);
    if place.is_none() {
        // Told without waiting: a caller that takes no answer must not hold the door.
        let _ = stream.try_write(BUSY);
        if let Some(times) = refusals.count(uid, Instant::now()) {
            tracing::warn!(uid, times, "every place is taken");
        }
    }
    place
}

async fn serve(pair: Arc<Pair>, stream: UnixStream, _place: Place, stop: watch::Receiver<bool>) {
    carry(&pair, stream, stop).await;
}
