//! What local callers are told when no appliance can be asked, or none answered: in the words of the interface.

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::varlink::call;

/// The error of `fr.sceau.Token` and its reason; the reason is the companion's alone.
const UNAVAILABLE: &str = "fr.sceau.Token.Unavailable";
const REASON: &str = "appliance-unreachable";
/// Seconds after which a caller may try again: a fail-over takes two.
const RETRY_AFTER_S: &str = "2";

/// What went wrong on this side of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No appliance answers; nothing was sent.
    NobodyAnswers,
    /// The request may have been obeyed; its answer did not come.
    AnswerLost,
    /// A frame over the limit.
    TooLong,
    /// The caller has not shown that it may call.
    NotAllowed,
    /// A browser calls, or the head is no plain HTTP/1.1.
    Head,
}

#[derive(Serialize)]
struct Unavailable {
    reason: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
struct Malformed {
    field: &'static str,
    message: &'static str,
}

impl Fault {
    fn message(self) -> &'static str {
        match self {
            Self::NobodyAnswers => {
                "aucune appliance ne répond à ce serveur ; rien n'a été demandé : recommencez dans deux secondes, puis voyez \
                 sceau-connect status"
            }
            Self::AnswerLost => {
                "l'appliance n'a pas répondu et la demande a pu être exécutée ; redemandez avec un nouveau nonce, et rouvrez la \
                 session si elle est inconnue : elle appartient à l'appliance qui l'a ouverte"
            }
            Self::TooLong => "la trame dépasse 65536 octets ; envoyez un appel plus court",
            Self::NotAllowed => {
                "cet appel n'est pas d'un utilisateur admis ; donnez le secret (en-tête Sceau-Secret, ou /~SECRET/ en tête du \
                 chemin), ou ajoutez l'utilisateur à http.users de la configuration du compagnon"
            }
            Self::Head => {
                "cet appel n'est pas celui d'une application (en-tête Origin, hôte étranger ou longueur ambiguë) ; appelez \
                 127.0.0.1 en HTTP/1.1 sans navigateur"
            }
        }
    }

    /// Appends its frame with its NUL.
    pub(super) fn frame(self, out: &mut Vec<u8>) {
        let message = self.message();
        match self {
            Self::TooLong => call::error(out, "fr.sceau.Token.Malformed", Malformed { field: "", message }),
            _ => call::error(out, UNAVAILABLE, Unavailable { reason: REASON, message }),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NobodyAnswers | Self::AnswerLost => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAllowed => StatusCode::UNAUTHORIZED,
            Self::TooLong | Self::Head => StatusCode::BAD_REQUEST,
        }
    }

    /// Name and reason on HTTP.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::NobodyAnswers | Self::AnswerLost => ("Unavailable", REASON),
            Self::NotAllowed => ("Denied", "application-unknown"),
            Self::TooLong | Self::Head => ("Malformed", ""),
        }
    }

    /// The answer over HTTP: JSON, or SOAP 1.2 where the relay was called.
    pub(super) fn response<B>(self, soap: bool, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let (error, reason) = self.names();
        let message = self.message();
        let (content_type, text) = if soap {
            let side = if self.status().is_server_error() { "Receiver" } else { "Sender" };
            let code = if reason.is_empty() { "malformed" } else { reason };
            // No message of ours holds markup.
            let text = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<env:Envelope \
                 xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\"><env:Body><env:Fault><env:Code><env:Value>env:{side}\
                 </env:Value><env:Subcode><env:Value xmlns:sceau=\"urn:fr.sceau:relay\">sceau:{code}</env:Value></env:Subcode>\
                 </env:Code><env:Reason><env:Text xml:lang=\"fr\">{message}</env:Text></env:Reason></env:Fault></env:Body>\
                 </env:Envelope>"
            );
            ("application/soap+xml; charset=utf-8", text)
        } else {
            let parameters = match error {
                "Malformed" => serde_json::json!({ "field": "", "message": message }),
                _ => serde_json::json!({ "reason": reason, "message": message }),
            };
            ("application/json", serde_json::json!({ "error": error, "parameters": parameters }).to_string())
        };
        let mut response = Response::new(body(Bytes::from(text)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_fault_is_a_frame_json_and_soap() {
        for fault in [Fault::NobodyAnswers, Fault::AnswerLost, Fault::TooLong, Fault::NotAllowed, Fault::Head] {
            let mut out = Vec::new();
            fault.frame(&mut out);
            let frame: serde_json::Value = serde_json::from_slice(out.strip_suffix(b"\0").unwrap()).unwrap();
            assert!(frame["parameters"]["message"].as_str().unwrap().contains(" ; "));
            let json = fault.response(false, |bytes| bytes);
            assert!(serde_json::from_slice::<serde_json::Value>(json.body()).unwrap()["error"].is_string());
            let soap = fault.response(true, |bytes| bytes);
            let document = crate::xmldsig::Document::parse(soap.body()).unwrap();
            let reason = document.elements().find(|element| element.local() == "Text").unwrap();
            assert_eq!(reason.text(), fault.message());
        }
    }
}
