//! TD0.10: an application asks for a one-time address, its practitioner's browser opens it and takes the assertion away.
//!
//! How the DMP wants it delivered is not public: what there is now is a stand-in, behind [`delivery::Delivery`].

mod delivery;
mod form_post;
mod ticket;

pub(super) use ticket::Tickets;

use std::sync::Arc;

use hyper::body::{Body as _, Incoming};
use hyper::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};

use super::Relay;
use super::answer::AnswerBody;
use super::caller::Caller;
use super::carried::Assertion;
use super::claim::Claim;
use super::fault::Fault;
use super::pipeline::{foreign, other_patient};
use crate::config::WebPs;

/// Every path of this door begins so.
pub(super) const PATH: &str = "/sceau/web-ps/";
/// Contextual access (vihf.md §8).
const TRANSACTION: &str = "0.10";

/// Answers a request of `caller` under [`PATH`].
pub(super) async fn answer(
    relay: &Arc<Relay>,
    caller: Caller,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let answered = match *request.method() {
        Method::POST => reserve(relay, caller, &request),
        Method::GET => hand_over(relay, caller, &request).await,
        _ => Err(Fault::sender_with(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "POST demande une adresse, GET l'ouvre ; corrigez l'appel",
        )),
    };
    answered.unwrap_or_else(|fault| {
        relay.counts.count("relay", &fault.code);
        fault.plain(|bytes| AnswerBody::Own(Some(bytes)))
    })
}

/// Gives the application a one-time address for its practitioner's browser; nothing is issued yet, as an assertion lives for
/// seconds only.
fn reserve(relay: &Relay, caller: Caller, request: &Request<Incoming>) -> Result<Response<AnswerBody>, Fault> {
    let name = request.uri().path().strip_prefix(PATH).unwrap_or_default();
    let place = relay.web_ps.iter().position(|place| place.name == name).ok_or_else(|| {
        Fault::sender_with(
            StatusCode::NOT_FOUND,
            "destination-unknown",
            "aucun [[web_ps]] de la configuration n'a ce nom ; corrigez l'appel ou la configuration",
        )
    })?;
    if request.uri().query().is_some() || !request.body().is_end_stream() {
        return Err(Fault::sender(
            "header",
            "cette demande n'a ni paramètres ni corps ; tout est dans les en-têtes Sceau-…",
        ));
    }
    let Claim::Sealed(sealed) = Claim::read(request.headers())? else {
        return Err(Fault::sender(
            "sealed-header",
            "les en-têtes Sceau-… manquent ; donnez Sceau-Session et les autres",
        ));
    };
    if sealed.transaction != TRANSACTION {
        return Err(Fault::sender(
            "transaction-mismatch",
            "seule la transaction 0.10 va à un navigateur ; donnez Sceau-Transaction: 0.10",
        ));
    }
    let secret = relay.tickets.add(caller, place, sealed)?;
    let mut response = Response::new(AnswerBody::Own(None));
    *response.status_mut() = StatusCode::CREATED;
    let location = HeaderValue::from_str(&format!("{PATH}{}", secret.as_str())).map_err(|_| unknown())?;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Issues, spends and hands over, once.
///
/// What a crash leaves: the address is gone with the memory; an assertion that was spent and not handed over is never used.
async fn hand_over(
    relay: &Relay,
    caller: Caller,
    request: &Request<Incoming>,
) -> Result<Response<AnswerBody>, Fault> {
    is_navigation(request)?;
    let secret = request.uri().path().strip_prefix(PATH).unwrap_or_default();
    let ticket = relay.tickets.take(caller, secret).ok_or_else(unknown)?;
    let place: &WebPs = relay.web_ps.get(ticket.place).ok_or_else(unknown)?;
    let text = relay.ledger.issue(caller, &ticket.sealed).await?;
    let assertion = Assertion::read(&text).ok_or_else(foreign)?;
    let ins = |patient: &String| patient.split('^').next().unwrap_or_default().to_owned();
    let wanted = ticket.sealed.patient.as_ref().map(|patient| patient.as_str().to_owned());
    if assertion.patient.as_ref().map(ins) != wanted {
        return Err(other_patient());
    }
    let spent = relay.ledger.spend(caller, &assertion.id, &[TRANSACTION.to_owned()]).await?;
    tracing::info!(place = place.name, "an assertion was handed to a browser by a stand-in delivery");
    delivery::of(place.delivery).hand_over(place, &text, spent)
}

/// A browser that fetches ahead, or a script of another page, must not use the address up: only a person's navigation does.
fn is_navigation(request: &Request<Incoming>) -> Result<(), Fault> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let says_other = |name, wanted: &str| header(name).is_some_and(|value: &str| value != wanted);
    let ahead = header("sec-purpose").is_some() || header("purpose").is_some() || header("x-moz").is_some();
    if ahead || says_other("sec-fetch-mode", "navigate") || says_other("sec-fetch-dest", "document") {
        return Err(Fault::sender_with(
            StatusCode::FORBIDDEN,
            "not-a-navigation",
            "cette adresse s'ouvre dans une page entière du navigateur ; elle n'a pas servi",
        ));
    }
    Ok(())
}

fn unknown() -> Fault {
    Fault::sender_with(
        StatusCode::NOT_FOUND,
        "ticket-unknown",
        "cette adresse a déjà servi, est échue ou n'est pas de cette application ; demandez-en une autre depuis le logiciel",
    )
}
