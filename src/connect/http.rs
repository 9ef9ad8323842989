//! The loopback door: HTTP/1.1 for callers that cannot speak varlink, and for the relay.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};

use super::fault::Fault;
use super::pair::Pair;
use super::proxy::{self, Line};
use super::refusals::{NOBODY, Refusals};
use super::secrets;
use crate::sys::accepting;
use crate::sys::places::{Place, Places};
use crate::sys::serving::{self, BUSY};

/// Time for a head, and between two calls.
const HEAD_WAIT: Duration = Duration::from_secs(60);

/// What every call needs.
pub(super) struct Door {
    pub(super) pair: Arc<Pair>,
    pub(super) port: u16,
    /// Uids that need no secret.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "no other system says whose a connection is"))]
    pub(super) uids: Vec<u32>,
    /// Where the hashes of secrets are.
    pub(super) folder: PathBuf,
    /// Places of all doors.
    pub(super) places: Arc<Places>,
    /// Of all connections of this one, those of one user.
    pub(super) users: Arc<Places>,
    pub(super) connections_max: usize,
    pub(super) user_max: usize,
    pub(super) refusals: Refusals,
}

/// A local connection: its far end, and whose it is where the system says so. It is the same user's as long as it lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    owner: Option<u32>,
    far: SocketAddr,
}

impl Door {
    /// Whether a caller may: by his uid where the system tells it, else by his secret.
    ///
    /// # Errors
    /// He may not.
    pub(super) fn admit(&self, local: &Local, secret: Option<&str>) -> Result<(), Fault> {
        if let Some(secret) = secret {
            return if secrets::is_known(&self.folder, secret) { Ok(()) } else { Err(Fault::NotAllowed) };
        }
        #[cfg(target_os = "linux")]
        if local.owner.is_some_and(|owner| self.uids.contains(&owner)) {
            return Ok(());
        }
        if let Some(times) = self.refusals.count(local.owner.unwrap_or(NOBODY), Instant::now()) {
            let (uid, from) = (local.owner, local.far);
            tracing::warn!(?uid, %from, times, "a local call without a right to be made was refused");
        }
        Err(Fault::NotAllowed)
    }
}

/// Accepts until `stop` says so, then waits for the calls under way, at most `finish`.
pub(super) async fn accept(door: Arc<Door>, listener: TcpListener, stop: watch::Receiver<bool>, finish: Duration) {
    let stopped = stop.clone();
    accepting::accept(listener, stop, finish, move |(stream, far), connections| {
        match door.places.take(NOBODY, door.connections_max) {
            Some(place) => {
                connections.spawn(serve(Arc::clone(&door), stream, far, place, stopped.clone()));
            }
            // Told without waiting: a caller that takes no answer must not hold the door.
            None => drop(stream.try_write(BUSY)),
        }
    })
    .await;
}

/// Whose a connection is, where the system says so.
async fn owner(far: SocketAddr, near: SocketAddr) -> Option<u32> {
    #[cfg(target_os = "linux")]
    return tokio::task::spawn_blocking(move || super::owner::of(far, near)).await.ok().flatten();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (far, near);
        None
    }
}

async fn serve(door: Arc<Door>, stream: TcpStream, far: SocketAddr, _place: Place, stop: watch::Receiver<bool>) {
    let Ok(near) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let owner = owner(far, near).await;
    // One user who only connects leaves the others theirs.
    let Some(_own) = door.users.take(owner.unwrap_or(NOBODY), door.user_max) else {
        drop(stream.try_write(BUSY));
        return;
    };
    let local = Local { owner, far };
    let line = Arc::new(Mutex::new(Line::default()));
    let service = service_fn(|request| {
        let (door, line) = (Arc::clone(&door), Arc::clone(&line));
        async move { Ok::<_, Infallible>(proxy::answer(&door, &local, &line, request).await) }
    });
    serving::serve(stream, HEAD_WAIT, stop, service).await;
}
