//! Signature wrapping: the eight published transformations (XSW1 to XSW8) of one real assertion in its SOAP message, and two of WS-Security.
//!
//! Source: Somorovsky and others, "On Breaking SAML: Be Whoever You Want to Be", USENIX Security 2012; the numbers are those of the tools
//! that grew from it. Each leaves the sealed content somewhere in the message and puts a forged assertion where a careless reader looks.

use std::process::Command;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sceau::certificate::Trust;
use sceau::lint::{Judgement, Moment, Rule, Verdict, lint};
use sceau::vihf::instant::Instant;

use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::login;

/// Who the attacker wants to be.
pub(crate) const FORGED_PRACTITIONER: &str = "899900000016";
/// `@ID` of a forged assertion that has one of its own.
const FORGED_ID: &str = "_00000000-0000-4000-8000-000000000bad";

/// The message of the DMP with this assertion in its Security header.
pub(crate) fn message(assertion: &str) -> String {
    in_message("", assertion, "")
}

/// Every wrapping of this sealed assertion, a whole message each.
pub(crate) fn variants(assertion: &str) -> Vec<(&'static str, String)> {
    let (before, signature, after) = parts(assertion);
    let unsigned = format!("{before}{after}");
    let forged_unsigned = forged(&unsigned, true);
    // A forged assertion that bears the seal; `in_signature` stands at the end of ds:Signature, `beside` before it.
    let bearing = |own_id: bool, beside: &str, in_signature: &str| {
        let (before, after) = (forged(&before, own_id), forged(&after, own_id));
        let signature = signature.replace("</ds:Signature>", &format!("{in_signature}</ds:Signature>"));
        format!("{before}{beside}{signature}{after}")
    };
    let object = format!("<ds:Object>{unsigned}</ds:Object>");
    let extensions = format!("<Extensions>{}</Extensions>", forged(&unsigned, false));
    let inside =
        |outer: &str, inner: &str| outer.replace("</saml:Assertion>", &format!("{inner}</saml:Assertion>"));
    let elsewhere = |content: &str| format!("<wrapper xmlns=\"urn:example:wrapper\">{content}</wrapper>");
    vec![
        // The whole original message without its seal, inside the forged one's seal.
        ("xsw1", message(&bearing(true, "", &message(&unsigned)))),
        // The same, before the seal.
        ("xsw2", message(&bearing(true, &message(&unsigned), ""))),
        // A forged assertion without a seal before the sealed one.
        ("xsw3", in_message("", &format!("{forged_unsigned}{assertion}"), "")),
        // A forged assertion around the sealed one.
        ("xsw4", message(&inside(&forged_unsigned, assertion))),
        // The forged one bears the seal, the original without it is at the end of the message.
        ("xsw5", in_message("", &bearing(true, "", ""), &unsigned)),
        // The forged one bears the seal, and in it the original.
        ("xsw6", message(&bearing(true, "", &unsigned))),
        // A forged assertion of the same id in an element that a schema lets pass.
        ("xsw7", in_message("", &format!("{extensions}{assertion}"), "")),
        // The forged one of the same id bears the seal, and in its ds:Object the original.
        ("xsw8", message(&bearing(false, "", &object))),
        // The sealed one in a header that nobody understands, a forged one where it belongs (McIntosh and Austel, 2005).
        ("header", in_message(&elsewhere(assertion), &forged_unsigned, "")),
        // The same with a forged one that bears a copy of the seal under the same id.
        ("header-same-id", in_message(&elsewhere(assertion), &bearing(false, "", ""), "")),
    ]
}

/// A right message with more in its header and at its end.
fn in_message(header: &str, security: &str, end: &str) -> String {
    let message = super::soap::message(security).replacen("<soap:Header>", &format!("<soap:Header>{header}"), 1);
    let body = message.strip_suffix("</soap:Envelope>").expect("a message");
    format!("{body}{end}</soap:Envelope>")
}

/// What stands before the seal, the seal, and what stands behind it.
fn parts(assertion: &str) -> (String, String, String) {
    let (before, rest) = assertion.split_once("<ds:Signature").expect("a sealed assertion");
    let (signature, after) = rest.split_once("</ds:Signature>").expect("a whole seal");
    (before.into(), format!("<ds:Signature{signature}</ds:Signature>"), after.into())
}

/// The same text about another practitioner, under an id of its own or the same.
fn forged(text: &str, own_id: bool) -> String {
    let replace = |text: &str, from: &str, to: &str, by: &str| match text.split_once(from) {
        Some((head, rest)) => {
            let (_, tail) = rest.split_once(to).expect("the value's end");
            format!("{head}{from}{by}{to}{tail}")
        }
        None => text.to_owned(),
    };
    let text = replace(text, "<saml:NameID>", "</saml:NameID>", FORGED_PRACTITIONER);
    if own_id { replace(&text, " ID=\"", "\"", FORGED_ID) } else { text }
}

/// One assertion of a real establishment, and its trust files: root and intermediate.
fn sealed() -> (String, [std::path::PathBuf; 2], Vec<Box<dyn std::any::Any>>) {
    let establishment = Plan::new("wrapping").key_type(KeyType::P256).build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(login(&Practitioner::physician().id, "CPS", "consultation")).unwrap();
    let assertion = client.consult(&session, PATIENTS[0]).unwrap().assertion;
    let trust = establishment.trust_files();
    (assertion, trust, vec![Box::new(daemons), Box::new(establishment)])
}

/// Whether xmlsec1 takes the first seal of the document, wherever its content may be.
fn is_taken_by_xmlsec1(document: &str, [root, intermediate]: &[std::path::PathBuf; 2]) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document).unwrap();
    let mut xmlsec1 = Command::new("xmlsec1");
    xmlsec1.arg("--verify").arg("--trusted-pem").arg(root).arg("--untrusted-pem").arg(intermediate);
    xmlsec1.arg("--id-attr:ID").arg("urn:oasis:names:tc:SAML:2.0:assertion:Assertion").arg(file.path());
    xmlsec1.output().unwrap().status.success()
}

/// The variants are attacks and not mere rubbish: a tool that only verifies the signature takes those that leave the sealed content
/// where the reference finds it, while another practitioner stands before it or around it.
#[test]
fn a_signature_alone_does_not_stop_a_wrapping() {
    let (assertion, trust, _running) = sealed();
    assert!(is_taken_by_xmlsec1(&message(&assertion), &trust));
    let variants = variants(&assertion);
    for (name, document) in &variants {
        let forged = document.find(FORGED_PRACTITIONER).unwrap_or_else(|| panic!("{name}: nothing is forged"));
        assert!(
            document.contains(&Practitioner::physician().id) && forged > 0,
            "{name}: the sealed content is gone"
        );
        let mut xmllint = Command::new("xmllint");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), document).unwrap();
        let said = xmllint.arg("--noout").arg(file.path()).output().unwrap();
        assert!(said.status.success(), "{name}: {}", String::from_utf8_lossy(&said.stderr));
    }
    let taken: Vec<_> = variants
        .iter()
        .filter(|(_, document)| is_taken_by_xmlsec1(document, &trust))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(taken, ["xsw2", "xsw3", "xsw4", "xsw5", "header"]);
}

/// The verifier takes the message as it was sealed, and none of its wrappings.
#[test]
fn no_wrapping_is_good() {
    let (assertion, [root, intermediate], _running) = sealed();
    let read = |path: &std::path::Path| CertificateDer::from_pem_file(path).unwrap();
    let trust = Trust { anchors: vec![read(&root)], intermediates: vec![read(&intermediate)] };
    let moment = Moment::NotAfter(Instant::from_ms(4_000_000_000_000));
    let judgement = Judgement { profile: None, trust: Some(trust), moment };
    let report = lint(message(&assertion).as_bytes(), &judgement);
    assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
    for (name, document) in variants(&assertion) {
        let report = lint(document.as_bytes(), &judgement);
        assert_eq!(report.verdict, Verdict::Bad, "{name}");
        // Not for its form alone: the verifier sees that there are two.
        let is_seen = report.findings.iter().any(|finding| finding.rule == Rule::AssertionRepeated);
        assert!(is_seen, "{name}: {:?}", report.findings);
    }
}
