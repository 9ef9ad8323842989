//! A call to the relay: its head is written anew, its body streams on unchanged, either way.
//!
//! The relay has places for so many connections, of all applications: each call takes one of its client's, and gives it back with
//! the answer's last byte. None is kept for a call that may come.

use std::path::PathBuf;

use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::body::{self, AnswerBody};
use super::upstream::RETRY_AFTER_MS;
use super::web::with_unread;
use super::{Client, Gate, api};
use crate::sys::neighbours::strip;

/// How the relay is told whose call it is; a client's header of that name is taken out.
const CERTIFICATE: HeaderName = HeaderName::from_static("sceau-gate-certificate");
/// What the paths of calls begin with here.
const PREFIX: &str = "/relay/";

/// First part of the relay's own paths.
const OWN: &str = "sceau";

/// Where a call goes: the authority and the rest of `/relay/AUTHORITY/…`; of `/relay/sceau/…` the relay's own `/sceau/…`. None: it
/// names none.
#[must_use]
pub fn destination(uri: &Uri) -> Option<(HeaderValue, Uri)> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(PREFIX)?;
    let (authority, path) = rest.split_at(rest.find(['/', '?'])?);
    let is_authority = |letter: u8| letter.is_ascii_alphanumeric() || b".-:[]".contains(&letter);
    if authority.is_empty() || !authority.bytes().all(is_authority) || !path.starts_with('/') {
        return None;
    }
    // The relay's own addresses (web-ps) are of no host of the DMP's.
    let path = if authority == OWN { format!("/{rest}") } else { path.to_owned() };
    Some((HeaderValue::from_str(authority).ok()?, path.parse().ok()?))
}

/// Passes a client's call on, once.
pub(super) async fn pass(gate: &Gate, client: Client, request: Request<Incoming>) -> Response<AnswerBody> {
    let Some(socket) = &gate.config.relay else {
        return with_unread(request, api::nothing());
    };
    let Some((host, uri)) = destination(request.uri()) else {
        let message = "l'adresse d'un appel au relais s'écrit /relay/HOTE[:PORT]/CHEMIN, ceux du service du DMP";
        return with_unread(request, body::malformed(StatusCode::BAD_REQUEST, "", message));
    };
    let Some(place) = gate.calls.take(client.certificate, gate.config.limits.calls_per_client_max) else {
        return with_unread(request, body::busy(RETRY_AFTER_MS));
    };
    let (mut parts, call) = request.into_parts();
    strip(&mut parts.headers);
    parts.headers.remove(&CERTIFICATE);
    parts.headers.insert(HOST, host);
    let Ok(certificate) = HeaderValue::from_str(&client.certificate.to_string()) else {
        return unreachable(false);
    };
    parts.headers.insert(CERTIFICATE, certificate);
    parts.uri = uri;
    let mut link = match connect(socket).await {
        Ok(link) => link,
        Err(cause) => {
            tracing::warn!(%cause, "the relay is not reached");
            return unreachable(false);
        }
    };
    match link.send_request(Request::from_parts(parts, call)).await {
        Ok(answer) => {
            let (mut parts, body) = answer.into_parts();
            strip(&mut parts.headers);
            Response::from_parts(parts, AnswerBody::Relay { body, _place: place })
        }
        Err(cause) => {
            tracing::debug!(%cause, "a call was lost");
            unreachable(true)
        }
    }
}

async fn connect(socket: &PathBuf) -> std::io::Result<SendRequest<Incoming>> {
    let stream = UnixStream::connect(socket).await?;
    let (link, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    // Ends with the link, or with the relay's end of it.
    tokio::spawn(connection);
    Ok(link)
}

/// `sent`: some of the call may have left.
fn unreachable(sent: bool) -> Response<AnswerBody> {
    let message = if sent {
        "le relais a rompu l'appel, qui est peut-être parti : vérifiez avant de le refaire, avec un nonce neuf"
    } else {
        "le relais ne répond pas au portail, rien n'est parti : vérifiez sceau-relayd sur l'appliance, puis refaites l'appel"
    };
    let parameters = serde_json::json!({ "reason": "relay-unreachable", "message": message });
    let mut response = body::error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", parameters);
    api::close(&mut response);
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_call_names_its_destination_in_its_path() {
        let of = |uri: &str| {
            destination(&uri.parse().unwrap()).map(|(host, uri)| format!("{} {uri}", host.to_str().unwrap()))
        };
        assert_eq!(of("/relay/dmp.fr:8443/a/b?c=d").as_deref(), Some("dmp.fr:8443 /a/b?c=d"));
        assert_eq!(of("/relay/[2001:db8::1]:8443/").as_deref(), Some("[2001:db8::1]:8443 /"));
        assert_eq!(of("https://gate:1/relay/dmp.fr/a").as_deref(), Some("dmp.fr /a"));
        assert_eq!(of("/relay/sceau/web-ps/a?b").as_deref(), Some("sceau /sceau/web-ps/a?b"));
        for wrong in ["/relay/", "/relay/dmp.fr", "/relay//a", "/relay/a@b/c", "/relay/a%20b/c", "/relay/a?/b"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
