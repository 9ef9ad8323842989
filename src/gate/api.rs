//! The JSON side: a request becomes the frame of one method, its answer a status and the same members.

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::body::{self, AnswerBody, NotRead};
use super::upstream::name_of;
use crate::varlink::FRAME_LEN_MAX;
use crate::varlink::json::{Json, JsonFault, parse};

/// The interface that is called.
const INTERFACE: &str = "fr.sceau.Token";
/// What a frame has around the parameters.
const AROUND_LEN: usize = 128;
/// Longest body in bytes: its frame is one that `sceaud` takes.
pub(super) const BODY_LEN_MAX: usize = FRAME_LEN_MAX - AROUND_LEN;
/// What every right reply begins with, as `sceaud` writes it.
const REPLY: &[u8] = b"{\"parameters\":";

/// What a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A method of the interface, with a body unless it is `Status`.
    Call(&'static str),
    /// The description of all this.
    Description,
    /// A certificate is proposed.
    Enrolment,
    /// A call to the relay.
    Relay,
    /// Another method is served there; these are.
    NotAllowed(&'static str),
    /// Nothing is there.
    Nothing,
}

impl Asked {
    /// Reads method and path.
    #[must_use]
    pub fn read(method: &Method, path: &str) -> Self {
        if path.starts_with("/relay/") {
            return Self::Relay;
        }
        let served: &[(&Method, Self)] = match path {
            "/v1/sessions" => {
                &[(&Method::POST, Self::Call("OpenSession")), (&Method::DELETE, Self::Call("CloseSession"))]
            }
            "/v1/sessions/close" => &[(&Method::POST, Self::Call("CloseSession"))],
            "/v1/assertions" => &[(&Method::POST, Self::Call("Issue"))],
            "/v1/outcomes" => &[(&Method::POST, Self::Call("Report"))],
            "/v1/status" => &[(&Method::GET, Self::Call("Status"))],
            "/v1/enrolment" => &[(&Method::POST, Self::Enrolment)],
            "/openapi.json" => &[(&Method::GET, Self::Description)],
            _ => return Self::Nothing,
        };
        match served.iter().find(|(known, _)| *known == method) {
            Some((_, asked)) => *asked,
            None if path == "/v1/sessions" => Self::NotAllowed("POST, DELETE"),
            None if matches!(path, "/v1/status" | "/openapi.json") => Self::NotAllowed("GET"),
            None => Self::NotAllowed("POST"),
        }
    }
}

/// Whether a body says that it is JSON (RFC 8259 §11).
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let one = match (values.next(), values.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => return false,
    };
    let media = one.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

/// The frame, with its NUL, of a call with these parameters: the body's own bytes, which are one JSON object and nothing else.
///
/// # Errors
/// The member at fault, and why in French.
pub fn framed(method: &str, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, (String, &'static str)> {
    match parse(body) {
        Ok(Json::Object(_)) => {}
        Ok(_) => {
            return Err((
                String::new(),
                "le corps n'est pas un objet JSON ; envoyez les paramètres de la méthode",
            ));
        }
        Err(error) => {
            let message = match error.fault {
                JsonFault::Syntax => {
                    "le corps n'est pas du JSON correct ; vérifiez son encodage (UTF-8) et sa syntaxe"
                }
                JsonFault::Duplicate => "ce membre est donné deux fois ; ne le donnez qu'une",
                JsonFault::Surrogate => {
                    "cette chaîne contient une moitié de paire de substitution Unicode ; corrigez son encodage"
                }
            };
            return Err((error.path, message));
        }
    }
    let head = format!("{{\"method\":\"{INTERFACE}.{method}\",\"parameters\":");
    let mut frame = Zeroizing::new(Vec::with_capacity(head.len() + body.len() + 2));
    frame.extend_from_slice(head.as_bytes());
    frame.extend_from_slice(body);
    frame.extend_from_slice(b"}\0");
    Ok(frame)
}

/// A reply's frame, without its NUL, as an answer.
pub(super) fn answered(frame: Zeroizing<Vec<u8>>) -> Response<AnswerBody> {
    if let Some(parameters) = frame.strip_prefix(REPLY).and_then(|rest| rest.strip_suffix(b"}")) {
        return body::json(StatusCode::OK, Zeroizing::new(parameters.to_vec()));
    }
    let reply: Value = serde_json::from_slice(&frame).unwrap_or_default();
    let parameters = reply.get("parameters").unwrap_or(&Value::Null);
    match name_of(&reply) {
        Some("Busy") => body::busy(parameters.get("retry_after_ms").and_then(Value::as_u64).unwrap_or_default()),
        Some(name) => body::error(status_of(name), name, parameters),
        None => {
            let message =
                "le service de jetons a répondu ce que le portail ne comprend pas ; vérifiez leurs versions";
            let parameters = serde_json::json!({ "reason": "service-unreachable", "message": message });
            body::error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", parameters)
        }
    }
}

/// The status of an error of the interface.
fn status_of(name: &str) -> StatusCode {
    match name {
        "Malformed" | "InvalidParameter" => StatusCode::BAD_REQUEST,
        "Denied" => StatusCode::FORBIDDEN,
        "Replayed" => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What is answered to a body that was not read.
pub(super) fn not_read(cause: NotRead) -> Response<AnswerBody> {
    let mut response = match cause {
        NotRead::TooLong => body::malformed(
            StatusCode::PAYLOAD_TOO_LARGE,
            "",
            "le corps est trop long ; une demande en a moins de 64 kio",
        ),
        NotRead::Lost => body::malformed(
            StatusCode::REQUEST_TIMEOUT,
            "",
            "le corps n'est pas arrivé entier à temps ; refaites la demande",
        ),
    };
    close(&mut response);
    response
}

/// What is answered to a body of another kind.
pub(super) fn not_json() -> Response<AnswerBody> {
    let message = "le corps est du JSON : donnez Content-Type: application/json";
    body::malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, "", message)
}

/// What is answered where nothing is served.
pub(super) fn nothing() -> Response<AnswerBody> {
    let message = "rien n'est servi à cette adresse ; voyez /openapi.json";
    body::malformed(StatusCode::NOT_FOUND, "", message)
}

/// What is answered to another method than those.
pub(super) fn not_allowed(methods: &'static str) -> Response<AnswerBody> {
    let message = "cette méthode n'est pas servie à cette adresse ; l'en-tête Allow dit lesquelles";
    let mut response = body::malformed(StatusCode::METHOD_NOT_ALLOWED, "", message);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// What comes after on this connection could be taken for something else.
pub(super) fn close(response: &mut Response<AnswerBody>) {
    response.headers_mut().insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_body_is_one_object_and_stays_one() {
        let frame = framed("Issue", b" {\"a\":\"}\",\"b\":[1]} \n").unwrap();
        assert_eq!(
            &frame[..],
            b"{\"method\":\"fr.sceau.Token.Issue\",\"parameters\": {\"a\":\"}\",\"b\":[1]} \n}\0"
        );
        for wrong in [
            &b"{},\"method\":\"fr.sceau.Gate.Introduce\""[..],
            b"{}}\0{",
            b"[]",
            b"",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":\0}",
            b"\xff",
            b"null",
        ] {
            assert!(framed("Issue", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn answers_have_their_status() {
        let status = |frame: &str| {
            let response = answered(Zeroizing::new(frame.as_bytes().to_vec()));
            (
                response.status().as_u16(),
                response.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned()),
            )
        };
        assert_eq!(status(r#"{"parameters":{"id":"x"}}"#), (200, None));
        let error = |name: &str| status(&format!(r#"{{"error":"{name}","parameters":{{"retry_after_ms":50}}}}"#));
        assert_eq!(error("fr.sceau.Token.Malformed"), (400, None));
        assert_eq!(error("org.varlink.service.InvalidParameter"), (400, None));
        assert_eq!(error("fr.sceau.Token.Denied"), (403, None));
        assert_eq!(error("fr.sceau.Token.Replayed"), (409, None));
        assert_eq!(error("fr.sceau.Token.Busy"), (429, Some("1".to_owned())));
        assert_eq!(error("fr.sceau.Token.Unavailable"), (503, None));
        assert_eq!(error("fr.sceau.Token.Halted"), (503, None));
        assert_eq!(status("no JSON"), (503, None));
    }

    #[test]
    fn paths_are_these() {
        let of = |method: &str, path| Asked::read(&method.parse().unwrap(), path);
        assert_eq!(of("POST", "/v1/sessions"), Asked::Call("OpenSession"));
        assert_eq!(of("DELETE", "/v1/sessions"), Asked::Call("CloseSession"));
        assert_eq!(of("GET", "/v1/sessions"), Asked::NotAllowed("POST, DELETE"));
        assert_eq!(of("GET", "/v1/status"), Asked::Call("Status"));
        assert_eq!(of("HEAD", "/v1/status"), Asked::NotAllowed("GET"));
        assert_eq!(of("PUT", "/relay/x/y"), Asked::Relay);
        for nothing in ["/", "/relay", "/v1/status/", "/V1/status", "//v1/status", "/v1/../v1/status"] {
            assert_eq!(of("GET", nothing), Asked::Nothing, "{nothing}");
        }
    }
}
