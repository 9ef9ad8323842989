//! A SOAP 1.2 envelope as the relay needs it: where the call goes, whom it is about, where the assertion belongs.
//!
//! Judged whole, before a byte leaves, by the strict parser that also holds signatures; what it says of places is used to
//! cut the bytes as they came, so that outside the one insertion nothing changes.

use super::fault::Fault;
use super::patients::Patients;
use crate::xmldsig::{Document, Element, Unreadable};

const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

/// What was read of an envelope.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// `wsa:Action`.
    pub action: String,
    /// `wsa:To`.
    pub to: String,
    /// Patients of the body.
    pub patients: Patients,
    /// The assertion that the application placed, as it is written.
    pub assertion: Option<String>,
    /// Byte before the end tag of the header.
    insertion: usize,
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// After `Ok`: one header, one body; action, destination and message id once each; answers come back on the same
    /// connection; at most one assertion, directly in the one `wsse:Security`, and no other element carries its id.
    ///
    /// # Errors
    /// The fault to answer with.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let document = Document::parse(bytes).map_err(unreadable)?;
        let root = document.root();
        let parts: Vec<_> = root.children().collect();
        let [header, body] = parts.as_slice() else { return Err(not_soap()) };
        if !root.is(SOAP12, "Envelope") || !header.is(SOAP12, "Header") || !body.is(SOAP12, "Body") {
            return Err(not_soap());
        }
        let action = addressing(*header, "Action")?;
        let to = addressing(*header, "To")?;
        addressing(*header, "MessageID")?;
        for reply in header.children().filter(|e| e.is(ADDRESSING, "ReplyTo") || e.is(ADDRESSING, "FaultTo")) {
            let address = reply.child(ADDRESSING, "Address").map(|address| address.text());
            if address.as_deref().map(str::trim) != Some(ANONYMOUS) {
                return Err(Fault::sender(
                    "reply-elsewhere",
                    "wsa:ReplyTo ou wsa:FaultTo envoie la réponse ailleurs ; donnez l'adresse anonyme de WS-Addressing",
                ));
            }
        }
        let assertion = assertion(&document, *header)?;
        let source = header.source();
        let end = source.rfind("</").ok_or_else(not_soap)?;
        // The parser skips a byte order mark.
        let skipped = bytes.len() - document.source().len();
        let insertion = skipped + header.offset() + end;
        Ok(Self { action, to, patients: Patients::of(*body), assertion, insertion })
    }

    /// The bytes of the envelope with an assertion placed as the header's last block; all others as they were.
    #[must_use]
    pub fn with_assertion(&self, bytes: &[u8], assertion: &str) -> Vec<u8> {
        let (before, after) = bytes.split_at(self.insertion.min(bytes.len()));
        // No default namespace: the assertion's canonical form must not take up one of the envelope's.
        let open = format!("<wsse:Security xmlns:wsse=\"{SECURITY}\" xmlns=\"\">");
        [before, open.as_bytes(), assertion.as_bytes(), b"</wsse:Security>", after].concat()
    }
}

fn not_soap() -> Fault {
    Fault::sender(
        "envelope-malformed",
        "ce n'est pas une enveloppe SOAP 1.2 avec un Header et un Body ; corrigez l'appel",
    )
}

fn unreadable(cause: Unreadable) -> Fault {
    let cause = match cause {
        Unreadable::TooLarge | Unreadable::Limits(_) => {
            "l'enveloppe est trop grande ou trop profonde ; envoyez les documents en pièces MTOM"
        }
        Unreadable::Encoding => "l'enveloppe n'est pas de l'XML 1.0 en UTF-8 ; corrigez son encodage",
        Unreadable::Doctype(_) => "l'enveloppe contient une déclaration DOCTYPE, que SOAP interdit ; retirez-la",
        Unreadable::Malformed(_) => "l'enveloppe n'est pas de l'XML bien formé ; corrigez l'appel",
    };
    Fault::sender("envelope-malformed", cause)
}

/// The text of the one WS-Addressing header of that name.
fn addressing(header: Element<'_>, name: &'static str) -> Result<String, Fault> {
    let found: Vec<_> = header.children().filter(|child| child.is(ADDRESSING, name)).collect();
    match found.as_slice() {
        // A comment inside would give it one value for us, another for a reader of the first text alone.
        [one] if one.children().next().is_none() && one.comment().is_none() && !one.text().trim().is_empty() => {
            Ok(one.text().trim().to_owned())
        }
        _ => Err(Fault::sender(
            "addressing-missing",
            format!(
                "l'en-tête wsa:{name} manque, est vide, est donné deux fois ou contient un commentaire ; donnez-le une fois, en texte seul (WS-Addressing 2005/08)"
            ),
        )),
    }
}

/// The assertion, as it is written, if there is one in its place.
fn assertion(document: &Document<'_>, header: Element<'_>) -> Result<Option<String>, Fault> {
    let wrong = || {
        Fault::sender(
            "security-misplaced",
            "wsse:Security doit être une fois au plus dans le Header et contenir l'assertion seule, et aucune autre \
             assertion ni aucun élément du même ID ne doit être ailleurs ; pour un appel scellé, retirez wsse:Security",
        )
    };
    let securities: Vec<_> =
        document.elements().filter(|e| e.local() == "Security" && e.namespace() == SECURITY).collect();
    let assertions: Vec<_> = document.elements().filter(|e| e.is(SAML, "Assertion")).collect();
    match (securities.as_slice(), assertions.as_slice()) {
        ([], []) => Ok(None),
        ([security], [assertion])
            if security.parent() == Some(header)
                && assertion.parent() == Some(*security)
                && security.children().count() == 1 =>
        {
            let id = assertion.attribute("ID").ok_or_else(wrong)?;
            // Under whatever name: a reader that takes the first element of that id must find this one.
            let carries = |element: &Element<'_>| {
                element.attributes().any(|(_, name, value)| name.eq_ignore_ascii_case("id") && value == id)
            };
            let carriers = document.elements().filter(carries).count();
            if carriers == 1 { Ok(Some(assertion.source().to_owned())) } else { Err(wrong()) }
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
