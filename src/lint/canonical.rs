//! Our own assertions are canonical as they stand: not one byte may differ.

use super::finding::Findings;
use super::rule::Rule;
use super::shape::{DS, SAML};
use crate::vihf::signature::{is_assertion_id, recognise};
use crate::xmldsig::{Document, Element, Position, canonical};

/// Holds an assertion of Sceau's making against its canonical form; others' need not be canonical.
pub(super) fn check(document: &Document<'_>, assertion: Element<'_>, bytes: &[u8], findings: &mut Findings) {
    let form = canonical(assertion);
    if !is_ours(assertion, &form) {
        return;
    }
    // The signature does not cover itself: canonicalization keeps the white space in it, Sceau writes none.
    if let Some(signature) = assertion.child(DS, "Signature")
        && signature.elements().any(|element| element.text().contains(|c: char| c.is_ascii_whitespace()))
    {
        findings.at(Rule::CanonicalForm, signature, "des blancs ont été ajoutés dans la signature");
    }
    let written = assertion.source().as_bytes();
    if written != form {
        let same = written.iter().zip(&form).take_while(|(a, b)| a == b).count();
        let at = Position::of(document.source(), assertion.offset() + same);
        findings.document(
            Rule::CanonicalForm,
            at,
            "l'assertion n'est plus sous la forme canonique que Sceau lui a donnée",
        );
    }
    // A file of the assertion alone holds nothing else; the newline that ends a text file is no part of it.
    if assertion == document.root() && bytes.strip_suffix(b"\n").unwrap_or(bytes) != written {
        findings.document(
            Rule::CanonicalForm,
            Position::START,
            "des octets entourent l'assertion (déclaration, espace, commentaire)",
        );
    }
}

/// Whether Sceau made it: its kind of ID, a `SignedInfo` that its signer would recognise, and no white space between elements.
///
/// Others use the same prefixes: what they print pretty, or write in another order, need not be canonical.
fn is_ours(assertion: Element<'_>, form: &[u8]) -> bool {
    let signed_info = assertion.child(DS, "Signature").and_then(|signature| signature.child(DS, "SignedInfo"));
    form.starts_with(b"<saml:Assertion xmlns:saml=")
        && assertion.attribute("ID").is_some_and(is_assertion_id)
        && is_compact(assertion)
        && written_as(assertion, form)
        && signed_info.is_some_and(|signed_info| recognise(&canonical(signed_info)).is_some())
}

/// What stands before the signature is written in the canonical form, or some empty element has the end tag of that form.
///
/// Whoever touched one of ours, or read and rewrote it, left the one or the other; another maker's writer orders attributes
/// its own way and closes every empty element at once.
fn written_as(assertion: Element<'_>, form: &[u8]) -> bool {
    let source = assertion.source();
    let head = assertion.child(SAML, "Issuer").and_then(|last| {
        let end = last.offset().saturating_sub(assertion.offset()) + last.source().len();
        source.as_bytes().get(..end)
    });
    let is_empty = |element: &Element<'_>| element.children().next().is_none() && element.text().is_empty();
    head.is_some_and(|head| form.starts_with(head))
        || assertion.elements().filter(is_empty).any(|element| !element.source().ends_with("/>"))
}

/// Outside the signature, which does not cover itself, no text stands between elements.
fn is_compact(element: Element<'_>) -> bool {
    let mut children = element.children().peekable();
    (children.peek().is_none() || element.text().is_empty())
        && children.filter(|child| child.namespace() != DS).all(is_compact)
}
