//! HTTP/1.1 to whoever connects: heads within a length, a number and a time; an end that cuts no answer.

use std::error::Error;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Most headers of a call.
const HEADERS_MAX: usize = 64;
/// Longest head of a call in bytes; also the read buffer of each connection.
const HEAD_LEN_MAX: usize = 32 * 1024;
/// What one connection too many is told.
pub const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How HTTP is spoken; `head` is the longest time for a head, and between two calls.
#[must_use]
pub fn builder(head: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head).max_headers(HEADERS_MAX).max_buf_size(HEAD_LEN_MAX);
    builder
}

/// Serves one connection until it ends, or until `stop` says so and the call under way is answered.
pub async fn serve<S, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    head: Duration,
    mut stop: watch::Receiver<bool>,
    service: S,
) where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(builder(head).serve_connection(TokioIo::new(stream), service));
    let stopped = async move { stop.wait_for(|stop| *stop).await.map(drop) };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(%cause, "a connection ended amid a call");
    }
}
