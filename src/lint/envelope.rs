//! Where the assertion stands: alone, or in the security header of a SOAP message (vihf.md §8).

use std::collections::BTreeSet;

use super::finding::{Findings, quoted};
use super::rule::Rule;
use super::shape::SAML;
use crate::xmldsig::{Document, Element};

const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const WSA: &str = "http://www.w3.org/2005/08/addressing";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Finds the one assertion of the document.
///
/// None: there is none, or more than one, which is told; a document with two is a wrapping attack and nothing more is judged.
pub(super) fn assertion<'d>(document: &'d Document<'_>, findings: &mut Findings) -> Option<Element<'d>> {
    unique_ids(document, findings);
    let mut assertions = document.elements().filter(|element| element.is(SAML, "Assertion"));
    let Some(assertion) = assertions.next() else {
        findings.at(Rule::AssertionMissing, document.root(), "le document ne contient pas d'assertion SAML 2.0");
        return None;
    };
    if let Some(second) = assertions.next() {
        findings.at(
            Rule::AssertionRepeated,
            second,
            "le document contient plus d'une assertion : la signature de l'une ne vaut pas pour l'autre",
        );
        return None;
    }
    if assertion != document.root() {
        message(document.root(), assertion, findings);
    }
    Some(assertion)
}

/// No two elements may answer to one identifier, whatever the attribute is called.
fn unique_ids(document: &Document<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for element in document.elements() {
        for (namespace, local, value) in element.attributes() {
            let is_id = match namespace {
                "" => matches!(local, "ID" | "Id" | "id" | "AssertionID"),
                WSU => local == "Id",
                XML => local == "id",
                _ => false,
            };
            if is_id && !seen.insert(value) {
                findings.at(
                    Rule::IdRepeated,
                    element,
                    format!("l'identifiant {} est porté deux fois", quoted(value)),
                );
            }
        }
    }
}

/// A SOAP message: version, headers, and nothing but the assertion in its security header.
fn message(root: Element<'_>, assertion: Element<'_>, findings: &mut Findings) {
    if root.is(SOAP11, "Envelope") {
        findings.at(Rule::SoapVersion, root, "l'enveloppe est de SOAP 1.1");
    } else if !root.is(SOAP12, "Envelope") {
        let message = format!("l'assertion est dans {}, qui n'est pas une enveloppe SOAP", quoted(root.local()));
        return findings.at(Rule::AssertionMisplaced, assertion, message);
    }
    let soap = root.namespace();
    let children: Vec<_> = root.children().collect();
    let (header, has_form) = match children.as_slice() {
        [header, body] => (*header, header.is(soap, "Header") && body.is(soap, "Body")),
        [header, ..] => (*header, false),
        [] => (root, false),
    };
    if !has_form {
        findings.at(Rule::SoapStructure, root, "l'enveloppe n'est pas faite d'un Header puis d'un Body");
    }
    let securities: Vec<_> = header.children().filter(|child| child.is(WSSE, "Security")).collect();
    let [security] = securities.as_slice() else {
        let message = format!("l'en-tête porte {} éléments Security", securities.len());
        findings.at(Rule::SoapStructure, header, message);
        return findings.at(
            Rule::AssertionMisplaced,
            assertion,
            "l'assertion n'est pas directement dans Header/Security",
        );
    };
    if assertion.parent() != Some(*security) {
        findings.at(Rule::AssertionMisplaced, assertion, "l'assertion n'est pas directement dans Header/Security");
    }
    for other in security.children().filter(|child| *child != assertion) {
        findings.at(Rule::SecurityContent, other, format!("Security contient aussi {}", quoted(other.local())));
    }
    let missing: Vec<_> = ["MessageID", "To", "ReplyTo", "Action"]
        .into_iter()
        .filter(|name| header.child(WSA, name).is_none())
        .collect();
    if !missing.is_empty() {
        findings.at(Rule::AddressingMissing, header, format!("l'en-tête n'a pas {}", missing.join(", ")));
    }
}
