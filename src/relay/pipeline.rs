//! One call, from its head to its answer, as one function; what is refused is refused before anything is sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};

use super::Relay;
use super::answer::{AnswerBody, pass};
use super::call_body::{CallBody, Progress};
use super::caller::Caller;
use super::carried::Assertion;
use super::claim::{Claim, Sealed};
use super::envelope::Envelope;
use super::fault::Fault;
use super::head::Head;
use super::ledger::Spent;
use super::message::Message;
use super::servers::Link;
use super::web_ps;
use crate::config::{Destination, PatientPlace};

/// How often the progress of a call is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Answers one call of `caller`.
pub(super) async fn answer(
    relay: Arc<Relay>,
    caller: Result<Caller, Fault>,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(fault) => {
            relay.counts.count("relay", &fault.code);
            return fault.response(|bytes| AnswerBody::Own(Some(bytes)));
        }
    };
    if request.uri().path().starts_with(web_ps::PATH) {
        return web_ps::answer(&relay, caller, request).await;
    }
    match call(&relay, caller, request).await {
        Ok(answer) => answer,
        Err(fault) => {
            relay.counts.count("relay", &fault.code);
            fault.response(|bytes| AnswerBody::Own(Some(bytes)))
        }
    }
}

/// Head, envelope, destination, patient, connection, assertion, spending, sending: in this order.
///
/// What a crash leaves: before `Spend` is answered nothing was sent, whatever the ledger has; after it the call may have
/// left and its assertion is never used again. The assertion is only as old as its own making: the connection is there
/// before it is asked for.
async fn call(
    relay: &Arc<Relay>,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Fault> {
    let (parts, body) = request.into_parts();
    let head = Head::read(&parts, &relay.destinations)?;
    let claim = Claim::read(&parts.headers)?;
    let message = Message::read(body, &head.root, &relay.limits).await?;
    let envelope = Envelope::read(message.envelope())?;
    let destination = head.destination(&envelope.action, &envelope.to, message.actions())?;
    let (link, id, placed) = match claim {
        Claim::Sealed(sealed) => {
            admit(destination, &sealed, &envelope)?;
            let link = relay.servers.take(destination, true).await?;
            let text = relay.ledger.issue(caller, &sealed).await?;
            let assertion = Assertion::read(&text).ok_or_else(foreign)?;
            if let Err(fault) = same_patient(destination, &assertion, &envelope) {
                tell(relay, caller, assertion.id, "unused");
                return Err(fault);
            }
            (link, assertion.id, envelope.with_assertion(message.envelope(), &text))
        }
        Claim::Carried => {
            let text = envelope.assertion.as_deref().ok_or_else(no_assertion)?;
            let assertion = Assertion::verified(text, &relay.seals.now()).ok_or_else(foreign)?;
            same_patient(destination, &assertion, &envelope)?;
            let link = relay.servers.take(destination, true).await?;
            (link, assertion.id, message.envelope().to_vec())
        }
    };
    let body = message.with_envelope(placed, &head.root, &relay.limits)?;
    let progress = body.progress();
    let request = outgoing(destination, &head, body)?;
    let spent = relay.ledger.spend(caller, &id, &destination.transactions).await?;
    match send(relay, destination, link, request, &progress, spent).await {
        Ok((answer, link)) => {
            let outcome = if answer.status().is_success() { "accepted" } else { "refused" };
            tell(relay, caller, id, outcome);
            let answer = pass(answer, &relay.limits, &relay.counts)?;
            link.keep();
            Ok(answer)
        }
        Err(NotAnswered { fault, sent }) => {
            if !sent {
                tell(relay, caller, id, "unused");
            }
            Err(fault)
        }
    }
}

/// A sealed call's own words against its envelope, before an assertion is made for it.
fn admit(destination: &Destination, sealed: &Sealed, envelope: &Envelope) -> Result<(), Fault> {
    if envelope.assertion.is_some() {
        return Err(Fault::sender(
            "assertion-twice",
            "l'appel est scellé (en-têtes Sceau-…) et porte déjà une assertion ; retirez l'un des deux",
        ));
    }
    if !destination.transactions.iter().any(|key| key == sealed.transaction) {
        return Err(Fault::sender(
            "transaction-mismatch",
            "cette wsa:Action n'est pas de la transaction de Sceau-Transaction ; donnez la transaction de l'appel",
        ));
    }
    let ins = sealed.patient.as_ref().map(|ins| ins.as_str());
    let same = |named: &String| Some(named.split('^').next().unwrap_or_default()) == ins;
    if !envelope.patients.named.iter().all(same) {
        return Err(other_patient());
    }
    Ok(())
}

/// The assertion's patient is the body's: else one patient's assertion would fetch another's record.
fn same_patient(destination: &Destination, assertion: &Assertion, envelope: &Envelope) -> Result<(), Fault> {
    let needed = destination.patient == PatientPlace::Body;
    let stated = destination.patient == PatientPlace::None || assertion.patient.is_some();
    if stated && envelope.patients.are(assertion.patient.as_deref(), needed) {
        Ok(())
    } else {
        Err(other_patient())
    }
}

pub(super) fn other_patient() -> Fault {
    Fault::sender(
        "patient-mismatch",
        "le corps de l'appel ne nomme pas le patient de l'assertion, ou en nomme un autre ; donnez le même INS des deux côtés",
    )
}

fn no_assertion() -> Fault {
    Fault::sender(
        "assertion-missing",
        "l'appel n'a ni en-têtes Sceau-… ni assertion dans wsse:Security ; donnez Sceau-Session et les autres, ou l'assertion",
    )
}

pub(super) fn foreign() -> Fault {
    Fault::sender(
        "assertion-foreign",
        "l'assertion n'est pas de ce service ou a été modifiée ; collez-la sans la réécrire",
    )
}

fn outgoing(destination: &Destination, head: &Head<'_>, body: CallBody) -> Result<Request<CallBody>, Fault> {
    let mut request = Request::new(body);
    *request.method_mut() = hyper::Method::POST;
    *request.version_mut() = Version::HTTP_11;
    let unfit =
        || Fault::sender("header", "l'adresse de l'appel ne peut pas être écrite en HTTP ; corrigez [[dmp]]");
    *request.uri_mut() = destination.path.parse().map_err(|_| unfit())?;
    *request.headers_mut() = head.forwarded.clone();
    let host = HeaderValue::from_str(&destination.authority()).map_err(|_| unfit())?;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

/// A call without an answer, and whether any of it may have been sent.
struct NotAnswered {
    fault: Fault,
    sent: bool,
}

/// Sends a call whose assertion is spent; on another connection if the first one took nothing of it.
async fn send(
    relay: &Relay,
    destination: &Destination,
    link: Link,
    request: Request<CallBody>,
    progress: &Progress,
    _spent: Spent,
) -> Result<(Response<Incoming>, Link), NotAnswered> {
    let (mut link, mut request) = (link, request);
    let mut again = true;
    loop {
        let sending = link.sender.try_send_request(request);
        match in_time(relay, sending, progress).await {
            Some(Ok(answer)) => {
                link.server().breaker.succeeded();
                return Ok((answer, link));
            }
            Some(Err(mut not_sent)) => match not_sent.take_message() {
                // Nothing was written: the kept connection had ended.
                Some(back) if again => {
                    again = false;
                    request = back;
                    let fresh = relay.servers.take(destination, false).await;
                    link = fresh.map_err(|fault| NotAnswered { fault, sent: false })?;
                }
                unsent => {
                    link.server().breaker.failed(Instant::now());
                    let sent = unsent.is_none();
                    let cause = not_sent.into_error();
                    tracing::warn!(server = %destination.authority(), %cause, sent, "a call broke off");
                    return Err(NotAnswered { fault: broken_off(&cause, sent), sent });
                }
            },
            None => {
                link.server().breaker.failed(Instant::now());
                let fault = Fault::receiver(
                    StatusCode::GATEWAY_TIMEOUT,
                    "answer-late",
                    "le serveur du DMP n'a pas répondu à temps ; l'appel est peut-être arrivé : vérifiez avant de le refaire",
                );
                return Err(NotAnswered { fault, sent: true });
            }
        }
    }
}

/// What `sending` gives, unless the call stands still for too long: its body for `silence_ms`, its answer for `answer_ms`.
async fn in_time<T>(relay: &Relay, sending: impl Future<Output = T>, progress: &Progress) -> Option<T> {
    let mut sending = std::pin::pin!(sending);
    let (mut seen, mut since) = (progress.bytes.load(Ordering::Acquire), Instant::now());
    loop {
        match tokio::time::timeout(LOOK_EVERY, &mut sending).await {
            Ok(done) => return Some(done),
            Err(_) => {
                let now = progress.bytes.load(Ordering::Acquire);
                if now != seen {
                    (seen, since) = (now, Instant::now());
                }
                let ended = progress.ended.load(Ordering::Acquire);
                let max_ms = if ended { relay.limits.answer_ms } else { relay.limits.silence_ms };
                if since.elapsed() >= Duration::from_millis(max_ms) {
                    return None;
                }
            }
        }
    }
}

fn broken_off(cause: &hyper::Error, sent: bool) -> Fault {
    if cause.is_user() {
        return Fault::sender(
            "call-truncated",
            "l'appel s'est interrompu, dépasse call_len_max, ou une de ses parties se fait passer pour l'enveloppe ; corrigez-le et renvoyez-le",
        );
    }
    if !sent {
        return Fault::receiver(
            StatusCode::BAD_GATEWAY,
            "server-unreachable",
            "le serveur du DMP a fermé la connexion avant l'appel ; réessayez",
        );
    }
    if cause.is_parse() {
        return Fault::receiver(
            StatusCode::BAD_GATEWAY,
            "answer-malformed",
            "la réponse du DMP n'est pas du HTTP/1.1, ou ses en-têtes sont trop longs ; prévenez le support du DMP",
        );
    }
    Fault::receiver(
        StatusCode::BAD_GATEWAY,
        "answer-broken",
        "le serveur du DMP a rompu la connexion sans répondre ; l'appel est peut-être arrivé : vérifiez avant de le refaire",
    )
}

/// Tells the ledger what became of a call, without keeping the application waiting.
fn tell(relay: &Arc<Relay>, caller: Caller, id: String, outcome: &'static str) {
    let told = Arc::clone(relay);
    relay.spawn(async move { told.ledger.outcome(caller, &id, outcome).await });
}
