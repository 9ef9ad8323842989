//! A connection from its address to its protocol: source, place, handshake, certificate, place of its own.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::Shown;
use super::counts::count;
use super::{Client, Gate, enrolment, stream, web};
use crate::sys::places::Place;
use crate::sys::{accepting, clock};
use crate::varlink;

/// Connections that the kernel holds until they are accepted, as in `sceau-gate.socket`: what does not fit is asked again a second
/// later, clients as well as strangers.
const BACKLOG: u32 = 4_096;

/// Certificates of a client that are kept to be judged again: its own and some of those above it.
const CHAIN_MAX: usize = 8;
/// Pause once who came was hung up on and nobody else waits: a flood wakes the gate some hundred times a second, not for each
/// stranger; a newcomer of then waits that long.
const FLOOD_PAUSE: Duration = Duration::from_millis(3);

/// The listener of the gate, and whether it had to hang up since it last paused.
struct Listening {
    listener: TcpListener,
    hung_up: Arc<AtomicBool>,
}

impl accepting::Listener for Listening {
    type Stream = (TcpStream, SocketAddr);

    async fn next(&self) -> std::io::Result<Self::Stream> {
        let waiting = poll_fn(|cx| {
            Poll::Ready(match self.listener.poll_accept(cx) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            })
        });
        if let Some(accepted) = waiting.await {
            return accepted;
        }
        if self.hung_up.swap(false, Ordering::Relaxed) {
            sleep(FLOOD_PAUSE).await;
        }
        self.listener.accept().await
    }
}

/// Takes the socket that systemd hands over, or opens one.
///
/// # Errors
/// What the system said.
pub(super) fn open(listen: SocketAddr) -> std::io::Result<TcpListener> {
    match ListenFd::from_env().take_tcp_listener(0)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        }
        None => {
            let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // The port of a gate that was just stopped is not kept from the next one.
            socket.set_reuseaddr(true)?;
            socket.bind(listen)?;
            socket.listen(BACKLOG)
        }
    }
}

/// Accepts until `stop` says so, then waits for what is under way.
pub(super) async fn accept(gate: Arc<Gate>, listener: TcpListener, stop: watch::Receiver<bool>) {
    let finish = Duration::from_millis(gate.config.limits.shutdown_ms);
    let stopped = stop.clone();
    let hung_up = Arc::new(AtomicBool::new(false));
    let listening = Listening { listener, hung_up: Arc::clone(&hung_up) };
    accepting::accept(listening, stop, finish, move |(stream, from), connections| {
        if !admit(&gate, stream, from.ip().to_canonical(), &stopped, connections) {
            hung_up.store(true, Ordering::Relaxed);
        }
    })
    .await;
}

/// Gives a connection its task; false: hangs up on who may not come, or has no place. Nothing was read of them.
fn admit(
    gate: &Arc<Gate>,
    stream: TcpStream,
    from: IpAddr,
    stop: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) -> bool {
    if !gate.config.sources.iter().any(|source| source.has(from)) {
        count(&gate.counts.source);
        return false;
    }
    let source = neighbourhood(from);
    // Strangers cannot take the places of newcomers whence clients came.
    let places = if gate.pace.knows(source) { &gate.returning } else { &gate.pending };
    let Some(place) = places.take(source, gate.config.limits.pending_per_source_max) else {
        count(&gate.counts.pending);
        return false;
    };
    connections.spawn(meet(Arc::clone(gate), stream, from, place, stop.clone()));
    true
}

/// Whom a source's limit is for: an IPv6 host has as many addresses as it likes in its /64.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// One connection.
async fn meet(
    gate: Arc<Gate>,
    stream: TcpStream,
    address: IpAddr,
    pending: Place<IpAddr>,
    stop: watch::Receiver<bool>,
) {
    // Answers are small and awaited.
    let _ = stream.set_nodelay(true);
    let limits = gate.config.limits;
    let (paid, wait) = gate.pace.pay(neighbourhood(address), Instant::now());
    if !wait.is_zero() {
        if wait > Duration::from_millis(limits.handshake_ms) {
            paid.back();
            return count(&gate.counts.pending);
        }
        sleep(wait).await;
    }
    let handshake = TlsAcceptor::from(gate.tls.now()).accept(stream);
    let stream = match timeout(Duration::from_millis(limits.handshake_ms), handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(cause)) => {
            tracing::debug!(%cause, "a handshake failed");
            return count(&gate.counts.handshake);
        }
        Err(_) => return count(&gate.counts.handshake),
    };
    let is_varlink = stream.get_ref().1.alpn_protocol() == Some(varlink::ALPN);
    let Some(shown) = shown(&stream) else {
        // Its place stays one of those that strangers share.
        if !is_varlink {
            enrolment::serve(&gate, stream, address).await;
        }
        return;
    };
    let client = Client { certificate: shown.fingerprint, address };
    let Some(_place) = gate.connections.take(client.certificate, limits.connections_per_client_max) else {
        // Who comes in too often is no longer free of the pace.
        return count(&gate.counts.client);
    };
    paid.client();
    drop(pending);
    // Intermediates serve a path alone, which is looked for where there are authorities.
    let kept = if gate.config.client_authorities.is_empty() { 1 } else { CHAIN_MAX };
    let chain: Vec<_> =
        stream.get_ref().1.peer_certificates().unwrap_or_default().iter().take(kept).cloned().collect();
    let serve = async {
        if is_varlink {
            stream::serve(&gate, stream, client, stop).await;
        } else {
            web::serve(&gate, stream, client, stop).await;
        }
    };
    // An order ends what it no longer admits, and a certificate's end everything that began before it.
    let expired = sleep(Duration::from_millis(shown.left_ms(clock::now())));
    tokio::select! {
        () = serve => {}
        () = gate.clients.gone(client.certificate) => tracing::info!("a client is admitted no longer"),
        () = gate.tls.refused(&chain) => tracing::info!("a client's certificate is good no longer"),
        () = expired => tracing::info!("a client's certificate has ended"),
    }
}

/// What the handshake proved the client to hold; none: it showed nothing.
fn shown(stream: &TlsStream<TcpStream>) -> Option<Shown> {
    stream.get_ref().1.peer_certificates()?.first().and_then(|der| Shown::read(der))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_has_one_limit_for_all_its_addresses() {
        let of = |text: &str| neighbourhood(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
