//! A certificate is proposed: the one thing that a client without certificate may do, and only while somebody is invited.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Gate;
use super::admission::Shown;
use super::api::{self, Asked};
use super::body::{self, AnswerBody};
use super::counts::count;
use super::upstream::{self, name_of};
use super::web::with_unread;
use crate::policy::application::remote;
use crate::policy::invitation::{REFUSED, REFUSED_REASON};
use crate::sys::clock;
use crate::sys::serving;
use crate::traces::digest::Digest;
use crate::varlink::json::{Json, parse};
use crate::varlink::members::{MemberError, Members};
use crate::vihf::instant::Instant as Day;

/// Longest proposal in bytes: a certificate in PEM has some two thousand.
const LEN_MAX: usize = 16 * 1024;
/// The minute of the budget.
const WITHIN: Duration = Duration::from_secs(60);

/// Proposals of the last minute, of everybody: what strangers can make `sceaud` hear.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<VecDeque<Instant>>);

impl Budget {
    /// Takes one of `most`; none is left: how long until there is.
    fn take(&self, most: usize, now: Instant) -> Result<(), Duration> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while taken.front().is_some_and(|at| now.duration_since(*at) >= WITHIN) {
            taken.pop_front();
        }
        if taken.len() >= most {
            return Err(taken.front().map_or(WITHIN, |at| WITHIN.saturating_sub(now.duration_since(*at))));
        }
        taken.push_back(now);
        Ok(())
    }
}

/// Serves a client that showed no certificate: as long as a handshake may take, and a request's body and answer.
pub(super) async fn serve(gate: &Arc<Gate>, stream: impl AsyncRead + AsyncWrite + Unpin, from: IpAddr) {
    let limits = gate.config.limits;
    let whole = Duration::from_millis(limits.handshake_ms + limits.body_ms + limits.answer_ms);
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(gate, from, request).await) });
    let mut builder = serving::builder(Duration::from_millis(limits.handshake_ms));
    builder.keep_alive(false);
    let _ = timeout(whole, builder.serve_connection(TokioIo::new(stream), service)).await;
}

async fn answer(gate: &Gate, from: IpAddr, request: Request<Incoming>) -> Response<AnswerBody> {
    if Asked::read(request.method(), request.uri().path()) != Asked::Enrolment {
        let message =
            "sans certificat, seul POST /v1/enrolment est servi ; connectez-vous avec celui de l'application";
        let parameters = json!({ "reason": "certificate-required", "message": message });
        return with_unread(request, body::error(StatusCode::FORBIDDEN, "Denied", parameters));
    }
    if !gate.clients.now().enrolment {
        count(&gate.counts.proposal);
        return with_unread(request, refused());
    }
    if !api::is_json(request.headers()) {
        return with_unread(request, api::not_json());
    }
    let patience = Duration::from_millis(gate.config.limits.body_ms);
    let bytes = match body::read(request.into_body(), LEN_MAX, patience).await {
        Ok(bytes) => bytes,
        Err(cause) => return api::not_read(cause),
    };
    let proposal = match Proposal::read(&bytes, clock::now()) {
        Ok(proposal) => proposal,
        Err(MemberError::Invalid { parameter }) => {
            let parameters = json!({ "parameter": parameter });
            return body::error(StatusCode::BAD_REQUEST, "InvalidParameter", parameters);
        }
        Err(MemberError::Malformed { field, message }) => {
            return body::malformed(StatusCode::BAD_REQUEST, &field, &message);
        }
    };
    if let Err(left) = gate.proposals.take(gate.config.limits.enrolments_per_minute, Instant::now()) {
        count(&gate.counts.proposal);
        return body::busy(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    }
    let parameters = json!({
        "application": proposal.application,
        "key": STANDARD.encode(&proposal.certificate.public_key),
        "proof": proposal.proof.to_base64(),
        "address": upstream::address(from),
    });
    match upstream::propose(gate, &parameters).await {
        Ok(reply) if name_of(&reply).is_none() => {
            let certificate = proposal.certificate.fingerprint;
            let body = json!({
                "state": "pending", "certificate": certificate.to_string(), "short": certificate.short(),
            });
            body::json(StatusCode::ACCEPTED, Zeroizing::new(body.to_string().into_bytes()))
        }
        Ok(_) => {
            count(&gate.counts.proposal);
            refused()
        }
        Err(cause) => {
            tracing::warn!(%cause, "a proposal was not heard");
            let message = "le service de jetons ne répond pas au portail : réessayez ; si cela dure, vérifiez sceaud sur l'appliance";
            let parameters = json!({ "reason": "service-unreachable", "message": message });
            body::error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", parameters)
        }
    }
}

/// The one answer to every proposal that is not taken.
fn refused() -> Response<AnswerBody> {
    body::error(StatusCode::FORBIDDEN, "Denied", json!({ "reason": REFUSED_REASON, "message": REFUSED }))
}

/// A proposal whose words are right.
#[derive(Debug)]
pub struct Proposal {
    application: String,
    certificate: Shown,
    proof: Digest,
}

impl Proposal {
    /// Reads one: an application's name, a certificate that is valid at `now`, a proof's form.
    ///
    /// # Errors
    /// The member at fault.
    pub fn read(bytes: &[u8], now: Day) -> Result<Self, MemberError> {
        let Ok(Json::Object(members)) = parse(bytes) else {
            let message = "le corps n'est pas un objet JSON correct, chaque membre une fois".to_owned();
            return Err(MemberError::Malformed { field: String::new(), message });
        };
        let mut members = Members::new("", members);
        let application = members.text("application")?;
        if !remote::is_formed(&application) {
            let message = "un nom a 1 à 31 caractères a-z 0-9 -, une lettre au début, sans gate:";
            return Err(members.malformed("application", message));
        }
        let pem = members.text("certificate")?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
        let certificate = certificate.and_then(|der| Shown::read(&der)).ok_or_else(|| {
            members
                .malformed("certificate", "ce n'est pas un certificat X.509 en PEM ; donnez celui de ce serveur")
        })?;
        if !certificate.is_valid_at(now) {
            let message =
                "ce certificat n'est pas valide aujourd'hui ; vérifiez l'horloge de ce serveur, ou renouvelez-le";
            return Err(members.malformed("certificate", message));
        }
        let proof = members.text("proof")?;
        let proof = Digest::from_base64(&proof).ok_or_else(|| {
            members.malformed("proof", "une preuve a 32 octets en base64 ; sceau-connect la calcule")
        })?;
        members.finish()?;
        Ok(Self { application: application.to_string(), certificate, proof })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_proposals() {
        let (budget, now) = (Budget::default(), Instant::now());
        assert!((0..3).all(|_| budget.take(3, now).is_ok()));
        assert_eq!(budget.take(3, now + Duration::from_secs(20)), Err(Duration::from_secs(40)));
        assert!(budget.take(3, now + WITHIN).is_ok());
    }
}
