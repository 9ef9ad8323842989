//! A local HTTP call, carried to the appliance that serves.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, HeaderName};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::appliance::Appliance;
use super::fault::Fault;
use super::http::Local;
use super::pair::Pair;
use super::stream::Answer;
use super::{head, http};

/// Longest wait for the head of an answer while the appliance otherwise answers: the relay waits for the DMP, less than that.
const ANSWER_WAIT: Duration = Duration::from_secs(130);
/// Longest wait for a connection to be done with the last call; a new one costs less.
const FREE_WAIT: Duration = Duration::from_millis(100);
/// Connections tried for one call: one for each appliance, and one that was closed meanwhile.
const DIALS_MAX: usize = 3;
/// Most headers of an answer: the DMP's have some twenty.
const HEADERS_MAX: usize = 100;
/// Longest head of an answer in bytes; also the read buffer of each connection.
const HEAD_LEN_MAX: usize = 64 * 1024;

/// The connection that carries the calls of a local one, and whose it is.
#[derive(Default)]
pub(super) struct Line(Option<(Arc<Appliance>, SendRequest<Incoming>)>);

impl Line {
    /// Whether it leads to that appliance and takes a call now.
    async fn serves(&mut self, appliance: &Arc<Appliance>) -> bool {
        let Some((of, sender)) = &mut self.0 else { return false };
        Arc::ptr_eq(of, appliance) && timeout(FREE_WAIT, sender.ready()).await.is_ok_and(|ready| ready.is_ok())
    }
}

/// Answers one call: judged, sent once, its answer as it comes.
pub(super) async fn answer(
    door: &http::Door,
    local: &Local,
    line: &Mutex<Line>,
    request: Request<Incoming>,
) -> Response<Answer> {
    let soap = head::is_relay(request.uri());
    match carried(door, local, line, request).await {
        Ok(answer) => answer,
        Err(fault) => fault.response(soap, Answer::own),
    }
}

async fn carried(
    door: &http::Door,
    local: &Local,
    line: &Mutex<Line>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Fault> {
    let (mut parts, body) = request.into_parts();
    let secret = head::take(&mut parts, door.port)?;
    door.admit(local, secret.as_ref().map(|secret| secret.as_str()))?;
    // HTTP/1.1 has one call at a time on each connection.
    let mut line = line.lock().await;
    let sent = send(&door.pair, &mut line, parts, body).await;
    if sent.is_err() {
        line.0 = None;
    }
    let (of, answer) = sent?;
    let (mut parts, body) = answer.into_parts();
    // What is between the gate and us.
    for name in [CONNECTION, HeaderName::from_static("keep-alive")] {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, Answer::passing(body, &of)))
}

async fn send(
    pair: &Pair,
    line: &mut Line,
    parts: Parts,
    body: Incoming,
) -> Result<(Arc<Appliance>, Response<Incoming>), Fault> {
    let mut request = Request::from_parts(parts, body);
    for _ in 0..DIALS_MAX {
        let serving = pair.serving().await.ok_or(Fault::NobodyAnswers)?;
        if !line.serves(&serving).await {
            line.0 = None;
            let Some(sender) = dialled(&serving).await else { continue };
            line.0 = Some((Arc::clone(&serving), sender));
        }
        let Some((_, sender)) = &mut line.0 else { continue };
        let sending = timeout(ANSWER_WAIT, sender.try_send_request(request));
        let sent = tokio::select! {
            biased;
            sent = sending => sent,
            () = serving.lost() => return Err(Fault::AnswerLost),
        };
        match sent {
            Ok(Ok(answer)) => return Ok((serving, answer)),
            Ok(Err(mut refused)) => match refused.take_message() {
                // Not a byte of it was written: it may go elsewhere.
                Some(unsent) => {
                    line.0 = None;
                    request = unsent;
                }
                None => return Err(Fault::AnswerLost),
            },
            Err(_) => return Err(Fault::AnswerLost),
        }
    }
    Err(Fault::NobodyAnswers)
}

/// A new connection to that appliance, driven beside us until either side drops it.
async fn dialled(appliance: &Appliance) -> Option<SendRequest<Incoming>> {
    let stream = appliance.http().await.ok()?;
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_LEN_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(async move {
        if let Err(cause) = connection.await {
            tracing::debug!(%cause, "a connection to a gate ended amid a call");
        }
    });
    Some(sender)
}
