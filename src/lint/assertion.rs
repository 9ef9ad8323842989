//! The assertion's own fields, in document order (vihf.md §1).

use super::authentication;
use super::facts::Facts;
use super::finding::{Findings, quoted};
use super::judgement::Mode;
use super::rule::Rule;
use super::shape::{self, DS, SAML, Slot};
use crate::vihf::identity::{IdentityError, PsIdNat};
use crate::xmldsig::Element;

const X509_SUBJECT_NAME: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName";

/// The children of an assertion in the order of the SAML schema, as often as a VIHF has them.
const ASSERTION: &[Slot] = &[
    Slot(SAML, "Issuer", 1, 1),
    Slot(DS, "Signature", 1, 1),
    Slot(SAML, "Subject", 1, 1),
    Slot(SAML, "Conditions", 0, 1),
    Slot(SAML, "AuthnStatement", 1, 1),
    Slot(SAML, "AttributeStatement", 1, 1),
];

/// Holds shape and fields against the VIHF; times, methods, attributes and the signature are judged elsewhere.
pub(super) fn check(facts: &Facts<'_>, mode: Option<Mode>, findings: &mut Findings) {
    let assertion = facts.assertion;
    shape::check(assertion, ASSERTION, &["ID", "IssueInstant", "Version"], findings);
    if let Some(at) = assertion.comment() {
        let message = "un commentaire ou une instruction de traitement se trouve dans l'assertion, où il peut couper une valeur en deux";
        findings.document(Rule::CommentInside, at, message);
    }
    match assertion.attribute("Version") {
        Some("2.0") => {}
        Some(other) => findings.at(Rule::Version, assertion, format!("Version vaut {}", quoted(other))),
        None => findings.at(Rule::Version, assertion, "Version manque"),
    }
    match assertion.attribute("ID") {
        Some(id) if is_ncname(id) => {}
        Some(id) => findings.at(Rule::IdNotNcname, assertion, format!("l'ID {} n'est pas un NCName", quoted(id))),
        None => findings.at(Rule::IdNotNcname, assertion, "ID manque"),
    }
    if let Some(issuer) = facts.issuer {
        issuer_format(issuer, findings);
    }
    if let Some(subject) = assertion.child(SAML, "Subject") {
        self::subject(subject, mode, findings);
    }
    if let Some(statement) = facts.authn_statement {
        authentication::shape(statement, findings);
    }
}

fn issuer_format(issuer: Element<'_>, findings: &mut Findings) {
    shape::text(issuer, &["Format"], findings);
    match issuer.attribute("Format") {
        Some(X509_SUBJECT_NAME) => {}
        Some(other) => findings.at(Rule::IssuerFormat, issuer, format!("Format vaut {}", quoted(other))),
        None => findings.at(Rule::IssuerFormat, issuer, "Format manque"),
    }
}

fn subject(subject: Element<'_>, mode: Option<Mode>, findings: &mut Findings) {
    let confirmation = subject.children().find(|child| child.is(SAML, "SubjectConfirmation"));
    if let Some(confirmation) = confirmation {
        findings.at(Rule::SubjectConfirmation, confirmation, "Subject porte SubjectConfirmation");
    }
    let slots = [Slot(SAML, "NameID", 1, 1), Slot(SAML, "SubjectConfirmation", 0, usize::MAX)];
    shape::check(subject, &slots, &[], findings);
    let Some(name_id) = subject.child(SAML, "NameID") else { return };
    shape::text(name_id, &["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"], findings);
    if let Some((_, local, _)) = name_id.attributes().find(|(namespace, ..)| namespace.is_empty()) {
        findings.at(Rule::NameIdAttributes, name_id, format!("NameID porte l'attribut {}", quoted(local)));
    }
    let Err(error) = PsIdNat::parse(&name_id.text()) else { return };
    // The number is the practitioner's: it is not repeated.
    match error {
        // Plain indirect and direct modes know identifiers of the structure (vihf.md §1).
        IdentityError::InternalIdentifier if matches!(mode, Some(Mode::Indirect | Mode::Direct)) => {}
        IdentityError::InternalIdentifier => {
            findings.at(Rule::NameIdInternal, name_id, "NameID est un identifiant interne à la structure");
        }
        IdentityError::CheckDigit { .. } => findings.at(Rule::NameIdKey, name_id, "la clé du RPPS est fausse"),
        _ => findings.at(Rule::NameIdForm, name_id, "NameID n'a pas la forme d'un PS_IdNat"),
    }
}

/// An XML name without colon (Namespaces in XML §4): what `xs:ID` admits.
fn is_ncname(text: &str) -> bool {
    let is_start = |c: char| {
        matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
            | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
            | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
    };
    let is_more = |c: char| {
        is_start(c)
            || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    text.starts_with(is_start) && text.chars().all(is_more)
}
