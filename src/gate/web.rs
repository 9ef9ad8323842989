//! An HTTP/1.1 connection of a client: its requests, one after the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, watch};

use super::api::{self, Asked, BODY_LEN_MAX};
use super::body::{self, AnswerBody};
use super::upstream::Upstream;
use super::{Client, Gate, openapi, passing};

/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Longest head of a request in bytes; also the read buffer of each connection.
const HEAD_LEN_MAX: usize = 32 * 1024;

/// What serves the requests of one connection.
struct Connection {
    gate: Arc<Gate>,
    upstream: Mutex<Upstream>,
    client: Client,
}

/// How HTTP is spoken: heads within a length and a time.
pub(super) fn builder(gate: &Gate) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The time for a head, and that between two requests.
        .header_read_timeout(Duration::from_millis(gate.config.limits.idle_ms))
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_LEN_MAX);
    builder
}

/// Serves a client until it ends or `stop` says so.
pub(super) async fn serve(
    gate: &Arc<Gate>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    mut stop: watch::Receiver<bool>,
) {
    let connection =
        Arc::new(Connection { gate: Arc::clone(gate), upstream: Mutex::new(Upstream::of(gate, client)), client });
    let service = service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let mut serving = std::pin::pin!(builder(gate).serve_connection(TokioIo::new(stream), service));
    let stopped = async move { stop.wait_for(|stop| *stop).await.map(drop) };
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        _ = stopped => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(%cause, "a connection ended amid a request");
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        match Asked::read(request.method(), request.uri().path()) {
            Asked::Relay => passing::pass(&self.gate, self.client, request).await,
            Asked::Call("Status") => self.call("Status", b"{}").await,
            Asked::Call(method) => {
                if !api::is_json(request.headers()) {
                    return with_unread(request, api::not_json());
                }
                let patience = Duration::from_millis(self.gate.config.limits.body_ms);
                match body::read(request.into_body(), BODY_LEN_MAX, patience).await {
                    Ok(bytes) => self.call(method, &bytes).await,
                    Err(cause) => api::not_read(cause),
                }
            }
            Asked::Description => described(),
            Asked::Enrolment => {
                let message =
                    "ce client a déjà un certificat : il se connecte sans certificat pour en proposer un autre";
                with_unread(request, body::malformed(StatusCode::BAD_REQUEST, "", message))
            }
            Asked::NotAllowed(methods) => with_unread(request, api::not_allowed(methods)),
            Asked::Nothing => with_unread(request, api::nothing()),
        }
    }

    async fn call(&self, method: &str, parameters: &[u8]) -> Response<AnswerBody> {
        match api::framed(method, parameters) {
            Ok(frame) => api::answered(self.upstream.lock().await.ask(&frame).await),
            Err((field, message)) => body::malformed(StatusCode::BAD_REQUEST, &field, message),
        }
    }
}

/// An answer to a request whose body, if there is one, is not read: the connection ends with it.
pub(super) fn with_unread(request: Request<Incoming>, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    if !request.body().is_end_stream() {
        api::close(&mut response);
    }
    response
}

fn described() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Own(Some(Bytes::from_static(openapi::text().as_bytes()))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
