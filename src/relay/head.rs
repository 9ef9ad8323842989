//! A request's head: one host, one path, one length; which headers go on, and which stay.

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, UPGRADE, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};

use super::fault::Fault;
use super::message::wrong_parts;
use super::mime::MediaType;
use super::part::Root;
use crate::config::Destination;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
const MIME_VERSION: HeaderName = HeaderName::from_static("mime-version");
/// What goes to the DMP of an application's headers; the rest is between us, or nobody's.
const FORWARDED: [HeaderName; 7] =
    [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, MIME_VERSION, SOAP_ACTION, USER_AGENT];
/// A head that may go on.
#[derive(Debug)]
pub(super) struct Head<'d> {
    /// Calls of that host and path.
    candidates: Vec<&'d Destination>,
    /// How the body carries its envelope.
    pub(super) root: Root,
    /// The action as HTTP has it: in `Content-Type`, in `SOAPAction`.
    actions: Vec<String>,
    /// Headers for the DMP.
    pub(super) forwarded: HeaderMap,
}

impl<'d> Head<'d> {
    /// Judges a head.
    ///
    /// # Errors
    /// The fault to answer with.
    pub(super) fn read(parts: &Parts, destinations: &'d [Destination]) -> Result<Self, Fault> {
        if parts.version != Version::HTTP_11 {
            let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
            return Err(Fault::sender_with(
                status,
                "http-version",
                "le relais parle HTTP/1.1 ; corrigez le client",
            ));
        }
        if parts.method != Method::POST {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(Fault::sender_with(status, "method", "un appel SOAP est un POST ; corrigez l'appel"));
        }
        let host = one(&parts.headers, &HOST)?.unwrap_or_default();
        let same_host = parts.uri.authority().is_none_or(|authority| authority.as_str() == host);
        let candidates: Vec<_> = destinations
            .iter()
            .filter(|call| {
                let authority = call.authority();
                let named = host == authority || host == format!("{}:{}", call.host, call.port);
                named && same_host && parts.uri.path() == call.path && parts.uri.query().is_none()
            })
            .collect();
        if candidates.is_empty() {
            return Err(Fault::sender_with(
                StatusCode::NOT_FOUND,
                "destination-unknown",
                "aucun [[dmp]] de la configuration n'a cet hôte et ce chemin ; corrigez l'adresse de l'appel ou la configuration",
            ));
        }
        if parts.headers.contains_key(CONTENT_ENCODING) || parts.headers.contains_key(UPGRADE) {
            return Err(wrong_parts());
        }
        let content = one(&parts.headers, &CONTENT_TYPE)?.and_then(|value| MediaType::parse(&value));
        let content = content.ok_or_else(wrong_parts)?;
        let root = Root::of(&content).map_err(|_| wrong_parts())?;
        let header = one(&parts.headers, &SOAP_ACTION)?.map(|value| value.trim_matches('"').to_owned());
        let mut actions = content.actions().ok_or_else(wrong_parts)?;
        actions.extend(header.filter(|action| !action.is_empty()));
        let mut forwarded = HeaderMap::new();
        for name in FORWARDED {
            if let Some(value) = one(&parts.headers, &name)? {
                let value = HeaderValue::from_str(&value).map_err(|_| twice(&name))?;
                forwarded.insert(name, value);
            }
        }
        Ok(Self { candidates, root, actions, forwarded })
    }

    /// The one call that host, path and action name; `of_part`: the actions that the head of the envelope's part has.
    ///
    /// # Errors
    /// There is none, or HTTP, MIME and the envelope name different ones.
    pub(super) fn destination(
        &self,
        action: &str,
        to: &str,
        of_part: &[String],
    ) -> Result<&'d Destination, Fault> {
        if self.actions.iter().chain(of_part).any(|named| named != action) {
            return Err(Fault::sender(
                "action-mismatch",
                "l'action de Content-Type (de l'appel ou de sa première partie) ou de SOAPAction n'est pas celle de wsa:Action ; donnez la même",
            ));
        }
        let found = self.candidates.iter().find(|call| call.action == action).ok_or_else(|| {
            Fault::sender(
                "action-not-allowed",
                "aucun [[dmp]] de cet hôte et de ce chemin n'a cette wsa:Action ; corrigez l'appel ou la configuration",
            )
        })?;
        let with_port = format!("https://{}:{}{}", found.host, found.port, found.path);
        if to == with_port || to == format!("https://{}{}", found.authority(), found.path) {
            Ok(found)
        } else {
            Err(Fault::sender(
                "to-mismatch",
                "wsa:To n'est pas l'adresse https de cet appel ; donnez l'adresse du service du DMP",
            ))
        }
    }
}

/// The value of a header that may be given once.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(|text| Some(text.to_owned())).map_err(|_| twice(name)),
        (Some(_), Some(_)) => Err(twice(name)),
    }
}

fn twice(name: &HeaderName) -> Fault {
    Fault::sender(
        "header",
        format!("l'en-tête {name} est donné deux fois ou n'est pas du texte ASCII ; donnez-le une fois"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hyper::Request;

    use super::*;
    use crate::config::PatientPlace;

    fn destinations() -> Vec<Destination> {
        vec![Destination {
            host: "dmp.fr".into(),
            port: 8443,
            path: "/r".into(),
            action: "urn:x".into(),
            transactions: vec!["3.1".into()],
            patient: PatientPlace::Body,
        }]
    }

    fn read(changes: &[(&str, &str)]) -> Result<(), String> {
        let mut request = Request::post("/r");
        let right = [("host", "dmp.fr:8443"), ("content-type", "application/soap+xml; action=\"urn:x\"")];
        for (name, value) in
            right.iter().filter(|(name, _)| !changes.iter().any(|(n, _)| n == name)).chain(changes)
        {
            match *name {
                ":uri" => request = request.uri(*value),
                ":method" => request = request.method(*value),
                name => request = request.header(name, *value),
            }
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let destinations = destinations();
        let head = Head::read(&parts, &destinations).map_err(|fault| fault.code.into_owned())?;
        assert!(!head.forwarded.contains_key("cookie") && !head.forwarded.contains_key("sceau-session"));
        head.destination("urn:x", "https://dmp.fr:8443/r", &[])
            .map(|_| ())
            .map_err(|fault| fault.code.into_owned())
    }

    #[test]
    fn only_what_is_configured_goes_on() {
        let told = |code: &str| Err(code.to_owned());
        assert_eq!(read(&[("cookie", "a=b"), ("sceau-session", "s")]), Ok(()));
        assert_eq!(read(&[(":method", "GET")]), told("method"));
        for (name, value) in [
            ("host", "dmp.fr"),
            ("host", "dmp.fr.evil:8443"),
            ("host", ""),
            (":uri", "/r/"),
            (":uri", "/r?a"),
            (":uri", "http://other/r"),
            (":uri", "/R"),
        ] {
            assert_eq!(read(&[(name, value)]), told("destination-unknown"), "{name} {value}");
        }
        assert_eq!(read(&[("host", "dmp.fr:8443"), ("host", "dmp.fr:8443")]), told("header"));
        assert_eq!(read(&[("soapaction", "\"urn:y\"")]), told("action-mismatch"));
        let mtom = "multipart/related; type=\"application/xop+xml\"; boundary=b; \
                    start-info=\"application/soap+xml; action=\\\"urn:y\\\"\"";
        assert_eq!(read(&[("content-type", mtom)]), told("action-mismatch"));
        assert_eq!(read(&[("content-type", &mtom.replace("urn:y", "urn:x"))]), Ok(()));
        let unreadable = mtom.replace("\\\"urn:y\\\"", "urn:x; action=urn:y");
        assert_eq!(read(&[("content-type", &unreadable)]), told("content-type"));
        assert_eq!(read(&[("content-encoding", "gzip")]), told("content-type"));
        assert_eq!(read(&[("content-type", "text/xml")]), told("content-type"));
    }
}
