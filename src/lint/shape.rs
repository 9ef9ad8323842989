//! The shape of an element: which children, in which order, how often, and which attributes.

use super::finding::{Findings, quoted};
use super::rule::Rule;
use crate::xmldsig::Element;

/// SAML 2.0 assertions.
pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// XML signatures.
pub(super) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Schema instance attributes.
pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// One kind of child: namespace, name, least and most.
pub(super) struct Slot(pub &'static str, pub &'static str, pub usize, pub usize);

/// Holds the children against an ordered list of slots and the attributes against a list of names.
///
/// Each departure is one finding: what is unknown, missing, too often or out of order; text between children; attributes.
pub(super) fn check(element: Element<'_>, slots: &[Slot], attributes: &[&str], findings: &mut Findings) {
    let mut counts = vec![0_usize; slots.len()];
    let mut last = 0;
    for child in element.children() {
        let Some(place) = slots.iter().position(|Slot(ns, local, ..)| child.is(ns, local)) else {
            findings.at(
                Rule::ElementUnexpected,
                child,
                format!("{} n'a pas sa place dans {element}", quoted(child.local())),
            );
            continue;
        };
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
        if place < last {
            let rule = if child.is(DS, "Signature") { Rule::SignatureMisplaced } else { Rule::ElementOrder };
            findings.at(rule, child, format!("{} vient trop tard dans {element}", child.local()));
        }
        last = last.max(place);
    }
    for (Slot(_, local, least, most), count) in slots.iter().zip(counts) {
        if count < *least {
            let rule = if *local == "Signature" { Rule::SignatureMissing } else { Rule::ElementMissing };
            findings.at(rule, element, format!("{local} manque dans {element}"));
        }
        if count > *most {
            findings.at(Rule::ElementRepeated, element, format!("{local} figure {count} fois dans {element}"));
        }
    }
    if !slots.is_empty() && !element.text().chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
        findings.at(Rule::TextUnexpected, element, format!("du texte se trouve entre les éléments de {element}"));
    }
    only(element, attributes, findings);
}

/// Holds the attributes against a list of names without namespace.
pub(super) fn only(element: Element<'_>, attributes: &[&str], findings: &mut Findings) {
    for (namespace, local, _) in element.attributes() {
        if namespace.is_empty() && attributes.contains(&local) {
            continue;
        }
        let message = format!("l'attribut {} n'a pas sa place sur {element}", quoted(local));
        let rule = if is_superfluous(element, namespace, local) {
            Rule::AttributeSuperfluous
        } else {
            Rule::AttributeUnexpected
        };
        findings.at(rule, element, message);
    }
}

/// The element holds text alone.
pub(super) fn text(element: Element<'_>, attributes: &[&str], findings: &mut Findings) {
    check(element, &[], attributes, findings);
}

/// What the SAML schema admits and a VIHF has no use for.
fn is_superfluous(element: Element<'_>, namespace: &str, local: &str) -> bool {
    let known: &[&str] = match element.local() {
        "AuthnStatement" => &["SessionIndex", "SessionNotOnOrAfter"],
        "Attribute" => &["NameFormat", "FriendlyName"],
        _ => &[],
    };
    (element.namespace() == SAML && namespace.is_empty() && known.contains(&local))
        || (namespace == XSI && local == "schemaLocation")
}
