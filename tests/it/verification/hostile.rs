//! Hostile documents: a megabyte of anything gets its verdict within bounds of time and memory that the kernel keeps.

use std::process::{Command, Stdio};

use super::defects::cut;
use super::foreign::WORKSHOP;
use super::soap::message;
use crate::support::program::program;

const MEGABYTE: usize = 1 << 20;
/// Processor time in seconds and address space in bytes that one verdict may take.
const CPU_S: &str = "1";
const SPACE: &str = "536870912";

fn filled(head: &str, piece: impl Fn(usize) -> String, tail: &str) -> Vec<u8> {
    let mut text = head.to_owned();
    for at in 0.. {
        let piece = piece(at);
        if text.len() + piece.len() + tail.len() > MEGABYTE {
            break;
        }
        text.push_str(&piece);
    }
    (text + tail).into_bytes()
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let sealed = WORKSHOP.sealed();
    let body = message(&sealed);
    let (head, tail) = body.split_once("<query xmlns=\"urn:example\"/>").unwrap();
    let attribute =
        "<saml2:Attribute Name=\"LPS_Nom\"><saml2:AttributeValue>x</saml2:AttributeValue></saml2:Attribute>";
    let (before, after) = sealed.split_once("<saml2:Attribute Name=\"LPS_Nom\">").unwrap();
    let list: String = (0..50_000).map(|at| format!("p{at} ")).collect();
    let listed = before.replace(
        "<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
        &format!("<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><InclusiveNamespaces xmlns=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{list}\"/></Transform>"),
    );
    assert_ne!(listed, before);
    let transform = cut(&sealed, "<Transform ", "/>");
    let (transforms, rest) = sealed.split_once("</Transforms>").unwrap();
    let (issuer, after_issuer) = sealed.split_once("</saml2:Issuer>").unwrap();
    let (value, after_value) = sealed.split_once("</SignatureValue>").unwrap();
    let (certificate, after_certificate) = sealed.split_once("</X509Certificate>").unwrap();
    let reference = cut(&sealed, "<Reference ", "</Reference>");
    let (info, after_info) = sealed.split_once("</SignedInfo>").unwrap();
    vec![
        ("nul bytes", vec![0; MEGABYTE]),
        ("not UTF-8", vec![0xff; MEGABYTE]),
        ("spaces", vec![b' '; MEGABYTE]),
        ("angles", vec![b'<'; MEGABYTE]),
        ("ampersands", vec![b'&'; MEGABYTE]),
        ("depth", filled("", |_| "<a>".into(), "")),
        ("width", filled("<a>", |_| "<b/>".into(), "</a>")),
        ("attributes", filled("<a ", |at| format!("a{at}='' "), "/>")),
        ("qualified attributes", filled("<a xmlns:x='u' ", |at| format!("x:a{at}='' "), "/>")),
        ("declarations", filled("<a ", |at| format!("xmlns:a{at}='u{at}' "), "/>")),
        ("declarations again and again", filled("<a>", |at| format!("<b xmlns:c{at}='u{at}'>x</b>"), "</a>")),
        ("references", filled("<a>", |_| "&#x41;".into(), "</a>")),
        ("entities", filled("<!DOCTYPE a [", |at| format!("<!ENTITY e{at} \"&e{};\">", at + 1), "]><a>&e0;</a>")),
        (
            "a billion laughs",
            filled(
                "<!DOCTYPE a [<!ENTITY a0 \"ha\">",
                |at| format!("<!ENTITY a{} \"&a{at};&a{at};\">", at + 1),
                "]><a>&a9;</a>",
            ),
        ),
        ("comments", filled("<a>", |_| "<!---->".into(), "</a>")),
        ("sections", filled("<a>", |_| "<![CDATA[]]>".into(), "</a>")),
        ("an endless comment", filled("<!--", |_| "- ".into(), "")),
        ("an endless tag", filled("<a b='", |_| "x".into(), "")),
        ("an endless name", filled("<", |_| "a".into(), "/>")),
        ("a wide body", filled(head, |at| format!("<b c='{at}'/>"), tail)),
        ("identifiers", filled(head, |at| format!("<b Id='i{at}'/>"), tail)),
        ("one identifier", filled(head, |_| "<b Id='i'/>".into(), tail)),
        (
            "assertions",
            filled(head, |_| "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>".into(), tail),
        ),
        ("signatures", filled(head, |_| "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/>".into(), tail)),
        (
            "attributes of the VIHF",
            filled(before, |_| attribute.into(), &format!("<saml2:Attribute Name=\"LPS_Nom\">{after}")),
        ),
        (
            "attributes unknown",
            filled(
                before,
                |at| attribute.replace("LPS_Nom", &format!("a{at}")),
                &format!("<saml2:Attribute Name=\"LPS_Nom\">{after}"),
            ),
        ),
        (
            "a PrefixList and many elements",
            filled(&listed, |_| "<b/>".into(), &format!("<saml2:Attribute Name=\"LPS_Nom\">{after}")),
        ),
        ("transforms", filled(transforms, |_| transform.clone(), &format!("</Transforms>{rest}"))),
        ("signed references", filled(info, |_| reference.clone(), &format!("</SignedInfo>{after_info}"))),
        ("an issuer", filled(issuer, |_| "é,".into(), &format!("</saml2:Issuer>{after_issuer}"))),
        ("a signature value", filled(value, |_| "QUJD".into(), &format!("</SignatureValue>{after_value}"))),
        (
            "a certificate",
            filled(certificate, |_| "QUJD".into(), &format!("</X509Certificate>{after_certificate}")),
        ),
        ("comments inside", filled(issuer, |_| "<!-- -->".into(), &format!("</saml2:Issuer>{after_issuer}"))),
        ("right and long", filled(head, |_| "QUJDREVG".into(), tail)),
    ]
}

#[test]
fn a_megabyte_of_anything_gets_its_verdict_within_bounds() {
    for (what, document) in documents() {
        assert!(document.len() > MEGABYTE / 2 && document.len() <= MEGABYTE, "{what}: {} bytes", document.len());
        let file = tempfile::NamedTempFile::new_in(WORKSHOP.path()).unwrap();
        std::fs::write(file.path(), &document).unwrap();
        let output = Command::new("prlimit")
            .args([format!("--cpu={CPU_S}"), format!("--as={SPACE}"), "--".into()])
            .arg(program("sceau-verify"))
            .args(["vihf", "--json", "--trust"])
            .arg(WORKSHOP.trust())
            .arg(file.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        // What a body holds is nobody's affair here, as long as no identifier is there twice.
        let expected = if matches!(what, "right and long" | "a wide body" | "identifiers") { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(expected), "{what}: {:?} {stderr}", output.status);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.stdout.len() < 200_000, "{what}: a report of {} bytes", output.stdout.len());
        assert_eq!(report["verdict"] == "good", expected == 0, "{what}");
    }
}

#[test]
fn what_is_beyond_the_limits_is_said_to_be() {
    let rules = |document: &[u8]| {
        let judged = WORKSHOP.judge_bytes(document, &[]);
        judged.rules().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rules(&vec![b' '; 4 * MEGABYTE + 1]), ["document-too-large"]);
    assert_eq!(rules("<a>".repeat(97).as_bytes()), ["document-limits"]);
    assert_eq!(
        rules(format!("<a {}/>", (0..129).map(|n| format!("a{n}='' ")).collect::<String>()).as_bytes()),
        ["document-limits"]
    );
    assert_eq!(rules(b"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), ["document-doctype"]);
    assert_eq!(rules(b""), ["document-malformed"]);
}

/// References to files and to the network are not followed.
#[test]
fn nothing_outside_the_document_is_read() {
    let sealed = WORKSHOP.sealed();
    let target = WORKSHOP.path().join("outside");
    std::fs::write(&target, "x").unwrap();
    let uri = "<Reference URI=\"#_8c1f60a5-2d3b-4f69-9d0e-64c1b9c7f6aa\">";
    for reference in
        [target.to_str().unwrap(), "outside", "file:///etc/passwd", "http://127.0.0.1:1/", "#xpointer(/)", "cid:x"]
    {
        let document = sealed.replace(uri, &format!("<Reference URI=\"{reference}\">"));
        assert_ne!(document, sealed);
        // Refused for the reference alone, before any digest: whether the target exists makes no difference.
        assert_eq!(WORKSHOP.judge(&document, &[]).rules(), ["signature-reference"], "{reference}");
    }
}
