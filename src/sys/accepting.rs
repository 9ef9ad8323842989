//! The loop of every door: connections are accepted until the program stops, then what is under way is waited for.

use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Pause when no connection can be accepted (descriptors exhausted): the next attempt must not burn the processor.
const PAUSE: Duration = Duration::from_millis(100);

/// What connections come from.
pub trait Listener: Send + Sync {
    /// A connection, with what the listener tells of it.
    type Stream: Send;

    /// The next connection.
    ///
    /// # Errors
    /// What the system said; the next one may come all the same.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = (tokio::net::TcpStream, std::net::SocketAddr);

    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await
    }
}

#[cfg(unix)]
impl Listener for super::socket::Listening {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await
    }
}

/// Accepts until `stop` says so; then nobody can connect any more, and the tasks under way have `finish` to end.
///
/// `admit` gives each connection its task, or none; the whole door waits for it, so it must not wait itself.
pub async fn accept<L: Listener>(
    listener: L,
    mut stop: watch::Receiver<bool>,
    finish: Duration,
    mut admit: impl FnMut(L::Stream, &mut JoinSet<()>) + Send,
) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.next() => accepted,
        };
        match accepted {
            Ok(stream) => admit(stream, &mut connections),
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(finish, ended).await;
}
