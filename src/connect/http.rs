//! The loopback door: HTTP/1.1 for callers that cannot speak varlink, and for the relay.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use tokio::sync::OnceCell;
use tokio::sync::{Mutex, watch};

use super::fault::Fault;
use super::pair::Pair;
use super::proxy::{self, Line};
use super::secrets;
use crate::sys::accepting;
use crate::sys::places::{Place, Places};
use crate::sys::serving::{self, BUSY};

/// Time for a head, and between two calls.
const HEAD_WAIT: Duration = Duration::from_secs(60);
/// Whom the places of connections are counted for: the loopback says no uid before it is asked.
const NOBODY: u32 = u32::MAX;

/// What every call needs.
pub(super) struct Door {
    pub(super) pair: Arc<Pair>,
    pub(super) port: u16,
    /// Uids that need no secret.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "no other system says whose a connection is"))]
    pub(super) uids: Vec<u32>,
    /// Where the hashes of secrets are.
    pub(super) folder: PathBuf,
    pub(super) places: Arc<Places>,
    pub(super) connections_max: usize,
}

/// Both ends of a local connection, and whose the far one is, once it was asked.
#[derive(Debug)]
pub(super) struct Admitted {
    near: SocketAddr,
    far: SocketAddr,
    #[cfg(target_os = "linux")]
    owner: OnceCell<u32>,
}

impl Door {
    /// Whether a caller may: by his uid where the system tells it, else by his secret.
    ///
    /// # Errors
    /// He may not.
    pub(super) async fn admit(&self, ends: &Admitted, secret: Option<&str>) -> Result<(), Fault> {
        if let Some(secret) = secret {
            return if secrets::is_known(&self.folder, secret) { Ok(()) } else { Err(Fault::NotAllowed) };
        }
        #[cfg(target_os = "linux")]
        if !self.uids.is_empty() {
            let (near, far) = (ends.near, ends.far);
            let look = async || {
                let looked = tokio::task::spawn_blocking(move || super::owner::of(far, near));
                looked.await.ok().flatten().ok_or(())
            };
            if ends.owner.get_or_try_init(look).await.is_ok_and(|owner| self.uids.contains(owner)) {
                return Ok(());
            }
        }
        tracing::warn!(from = %ends.far, to = %ends.near, "a local call without a right to be made was refused");
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

async fn serve(door: Arc<Door>, stream: TcpStream, far: SocketAddr, _place: Place, stop: watch::Receiver<bool>) {
    let Ok(near) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let ends = &Admitted {
        near,
        far,
        #[cfg(target_os = "linux")]
        owner: OnceCell::new(),
    };
    let line = Arc::new(Mutex::new(Line::default()));
    let service = service_fn(|request| {
        let (door, line) = (Arc::clone(&door), Arc::clone(&line));
        async move { Ok::<_, Infallible>(proxy::answer(&door, ends, &line, request).await) }
    });
    serving::serve(stream, HEAD_WAIT, stop, service).await;
}
