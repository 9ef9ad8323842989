//! `relay.sock`: who connects is told by the kernel, how many of whose connections there may be by the configuration.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use listenfd::ListenFd;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Relay;
use super::caller::Caller;
use super::pipeline::answer;
use crate::policy::application::remote;
use crate::sys::accepting;
use crate::sys::places::Place;
use crate::sys::serving::{self, BUSY};
use crate::sys::socket::Listening;

/// Any local user may connect; the registers of `sceaud` say whose calls are made.
const SOCKET_MODE: u32 = 0o666;
/// Share of all places, in percent, that the gate's clients may take together.
const GATE_SHARE_PERCENT: usize = 75;

/// The open door.
#[derive(Debug)]
pub(super) struct Door(Listening);

impl Door {
    /// Takes the socket that systemd hands over, or makes one at `path`; a stale socket is replaced, a living one is not.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(match ListenFd::from_env().take_unix_listener(0)? {
            Some(listener) => Listening::handed(listener)?,
            None => Listening::bind(path, SOCKET_MODE)?,
        }))
    }
}

/// Accepts until `stop` says so, then waits for the calls under way, at most `shutdown`.
pub(super) async fn accept(relay: Arc<Relay>, door: Door, stop: watch::Receiver<bool>, shutdown: Duration) {
    let stopped = stop.clone();
    let admit = move |stream, connections: &mut _| admit(&relay, stream, &stopped, connections);
    accepting::accept(door.0, stop, shutdown, admit).await;
}

fn admit(relay: &Arc<Relay>, stream: UnixStream, stop: &watch::Receiver<bool>, connections: &mut JoinSet<()>) {
    let Ok(peer) = stream.peer_cred() else { return };
    if remote::is_reserved(peer.uid()) {
        // A number that stands for an application of another machine: no user of this one speaks for it.
        relay.counts.count("relay", "reserved-user");
        return;
    }
    // The gate has many clients, and bounds each of them; together they leave places to applications of this machine.
    let is_gate = relay.gate == Some(peer.uid());
    let most = if is_gate {
        (relay.limits.calls_max * GATE_SHARE_PERCENT / 100).max(1)
    } else {
        relay.limits.calls_per_application_max
    };
    match relay.calls.take(peer.uid(), most) {
        Some(place) => drop(connections.spawn(serve(Arc::clone(relay), stream, peer.uid(), place, stop.clone()))),
        None => {
            // Told without waiting: a peer that takes no answer must not hold the door.
            let _ = stream.try_write(BUSY);
            relay.counts.count("relay", "too-many-connections");
        }
    }
}

async fn serve(relay: Arc<Relay>, stream: UnixStream, uid: u32, _place: Place, stop: watch::Receiver<bool>) {
    let service = service_fn(|mut request| {
        let relay = Arc::clone(&relay);
        async move {
            let caller = Caller::read(uid, relay.gate, request.headers_mut());
            Ok::<_, Infallible>(answer(relay, caller, request).await)
        }
    });
    let head = Duration::from_millis(relay.limits.idle_ms);
    serving::serve(stream, head, stop, service).await;
}
