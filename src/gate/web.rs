//! An HTTP/1.1 connection of a client: its requests, one after the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, watch};

use super::api::{self, Asked, BODY_LEN_MAX};
use super::body::{self, AnswerBody};
use super::upstream::Upstream;
use super::{Client, Gate, openapi, passing};
use crate::sys::serving;

/// What serves the requests of one connection.
struct Connection {
    gate: Arc<Gate>,
    upstream: Mutex<Upstream>,
    client: Client,
}

/// Serves a client until it ends or `stop` says so.
pub(super) async fn serve(
    gate: &Arc<Gate>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    stop: watch::Receiver<bool>,
) {
    let connection =
        Arc::new(Connection { gate: Arc::clone(gate), upstream: Mutex::new(Upstream::of(gate, client)), client });
    let service = service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let head = Duration::from_millis(gate.config.limits.idle_ms);
    serving::serve(stream, head, stop, service).await;
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
