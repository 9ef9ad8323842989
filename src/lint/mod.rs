//! What is wrong with a VIHF, ours or anybody's: every rule by name, with place and remedy.
//!
//! Pure: bytes, a profile, authorities and an instant in; a report out. The forge has no part in it: what it writes is read
//! here by others' code. What the document says is repeated only where it is nobody's identity.

mod assertion;
mod attributes;
mod authentication;
mod canonical;
mod certificate;
mod envelope;
mod facts;
mod finding;
mod judgement;
mod report;
mod role;
mod rule;
mod shape;
mod signature;
mod time;

pub use certificate::Signer;
pub use finding::{Finding, Place};
pub use judgement::{Judgement, Moment};
pub use report::{Report, Verdict};
pub use rule::{Rule, Severity};

use crate::xmldsig::{Document, Element, Position, Unreadable};
use facts::Facts;
use finding::{Findings, short};
use judgement::{Mode, profile_of};
use report::Judged;

/// Judges one document: an assertion, or a SOAP message that carries one.
///
/// Trusts nothing of it. Time and memory grow with its length alone, which is limited. A verdict of
/// [`Verdict::Good`] means: no rule of severity error is broken, the signature covers this very assertion, and its certificate leads
/// to an authority of `judgement.trust`, valid at `judged_at`. Revocation is not judged.
pub fn lint(bytes: &[u8], judgement: &Judgement) -> Report {
    let mut findings = Findings::default();
    let document = match Document::parse(bytes) {
        Ok(document) => document,
        Err(cause) => return unreadable(cause, findings),
    };
    let Some(assertion) = envelope::assertion(&document, &mut findings) else { return Report::stopped(findings) };

    let facts = Facts::read(assertion);
    let mode = facts.mode().and_then(|(_, text)| Mode::parse(&text));
    let profile = judgement.profile.clone().or_else(|| profile_of(mode, facts.decl.as_deref()));
    let profile = profile.as_deref();

    assertion::check(&facts, mode, &mut findings);
    let judged_at = time::check(&facts, profile, judgement.moment, &mut findings);
    authentication::check(&facts, profile, &mut findings);
    let der = signature::check(&document, assertion, &mut findings);
    let name_id = assertion.child(shape::SAML, "Subject").and_then(|subject| subject.child(shape::SAML, "NameID"));
    let holder = (mode == Some(Mode::Direct)).then(|| name_id.map(Element::text).unwrap_or_default());
    let seal = der.as_deref().map(|der| certificate::Seal {
        der,
        element: assertion,
        trust: judgement.trust.as_ref(),
        at: judged_at,
        holder: holder.as_deref(),
    });
    let signer = seal.as_ref().and_then(|seal| certificate::check(seal, &mut findings));
    let test = profile.is_some_and(|profile| profile.test) || signer.as_ref().is_some_and(|(_, test)| *test);
    attributes::check(&facts, mode, profile, test, &mut findings);
    if let Some(der) = &der {
        let structure = attributes::structure(&facts).filter(|_| mode != Some(Mode::Direct));
        certificate::agrees(der, facts.issuer, structure, &mut findings);
    }
    canonical::check(&document, assertion, bytes, &mut findings);

    let judged = Judged {
        id: assertion.attribute("ID").map(short),
        profile: profile.map(|profile| profile.name.clone()),
        judged_at: Some(judged_at),
        signer: signer.map(|(signer, _)| signer),
    };
    Report::of(findings, judged, judgement.trust.is_some())
}

fn unreadable(cause: Unreadable, mut findings: Findings) -> Report {
    let (rule, at, message) = match cause {
        Unreadable::TooLarge => (Rule::DocumentTooLarge, Position::START, "le document est trop grand"),
        Unreadable::Encoding => {
            (Rule::DocumentEncoding, Position::START, "le document n'est pas du XML 1.0 en UTF-8")
        }
        Unreadable::Doctype(at) => (Rule::DocumentDoctype, at, "le document porte une déclaration DOCTYPE"),
        Unreadable::Limits(at) => {
            (Rule::DocumentLimits, at, "le document est plus profond ou plus large qu'aucun VIHF")
        }
        Unreadable::Malformed(at) => (Rule::DocumentMalformed, at, "le document n'est pas du XML bien formé"),
    };
    findings.document(rule, at, message);
    Report::stopped(findings)
}
