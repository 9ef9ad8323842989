//! Envelopes: what is read of right ones, that nothing moves, and what is refused.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const HEADERS: &str = "<a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:x</a:Action>\
    <a:To xmlns:a=\"http://www.w3.org/2005/08/addressing\">https://dmp/p</a:To>\
    <a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:uuid:1</a:MessageID>";

fn envelope(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"{SOAP12}\" xmlns=\"urn:default\">\n \
         <s:Header>{header}</s:Header >\n <s:Body>{body}</s:Body></s:Envelope>\n"
    )
}

fn code(text: &str) -> String {
    Envelope::read(text.as_bytes()).unwrap_err().code.into_owned()
}

fn carried(assertion: &str, id_elsewhere: &str) -> String {
    let security = format!("<w:Security xmlns:w=\"{SECURITY}\">{assertion}</w:Security>");
    envelope(&format!("{HEADERS}{security}"), &format!("<b Id=\"{id_elsewhere}\"/>"))
}

#[test]
fn every_byte_outside_the_insertion_stays() {
    for mark in ["", "\u{feff}"] {
        let text = mark.to_owned() + &envelope(HEADERS, "<b>é\r\n<![CDATA[</s:Header>]]></b>");
        let read = Envelope::read(text.as_bytes()).unwrap();
        assert_eq!((read.action.as_str(), read.to.as_str()), ("urn:x", "https://dmp/p"));
        let placed = String::from_utf8(read.with_assertion(text.as_bytes(), "<A/>")).unwrap();
        let security = format!("<wsse:Security xmlns:wsse=\"{SECURITY}\" xmlns=\"\"><A/></wsse:Security>");
        assert_eq!(placed.replacen(&security, "", 1), text);
        assert!(placed.contains(&format!("{security}</s:Header >")));
        assert!(Document::parse(placed.as_bytes()).is_ok());
    }
}

#[test]
fn addressing_is_checked_and_not_invented() {
    for name in ["Action", "To", "MessageID"] {
        let without = HEADERS.replace(&format!("a:{name}"), "a:Other");
        assert_eq!(code(&envelope(&without, "")), "addressing-missing", "{name}");
    }
    assert_eq!(code(&envelope(&format!("{HEADERS}{HEADERS}"), "")), "addressing-missing");
    let reply = |address: &str| {
        format!("{HEADERS}<a:ReplyTo xmlns:a=\"{ADDRESSING}\"><a:Address>{address}</a:Address></a:ReplyTo>")
    };
    assert!(Envelope::read(envelope(&reply(ANONYMOUS), "").as_bytes()).is_ok());
    assert_eq!(code(&envelope(&reply("https://elsewhere/"), "")), "reply-elsewhere");
}

#[test]
fn an_assertion_is_taken_from_its_place_alone() {
    let assertion = format!("<Assertion xmlns=\"{SAML}\" ID=\"_1\"/>");
    let read = Envelope::read(carried(&assertion, "_2").as_bytes()).unwrap();
    assert_eq!(read.assertion, Some(assertion.clone()));
    assert_eq!(code(&carried(&assertion, "_1")), "security-misplaced", "the same id elsewhere");
    assert_eq!(code(&carried(&assertion.repeat(2), "_2")), "security-misplaced");
    assert_eq!(code(&carried("", "_2")), "security-misplaced", "an empty Security");
    assert_eq!(code(&carried(&format!("<x>{assertion}</x>"), "_2")), "security-misplaced");
    assert_eq!(code(&envelope(HEADERS, &assertion)), "security-misplaced", "in the body");
}

#[test]
fn what_is_no_envelope_is_refused() {
    for text in [
        "",
        "<a/>",
        "<!DOCTYPE a []><a/>",
        &envelope(HEADERS, "").replace("s:Header", "s:Hader"),
        &envelope(HEADERS, "").replace("2003/05/soap-envelope", "2001/12/soap-envelope"),
        &format!("<s:Envelope xmlns:s=\"{SOAP12}\"><s:Body/></s:Envelope>"),
        &format!("<s:Envelope xmlns:s=\"{SOAP12}\"><s:Header/><s:Body/><s:Body/></s:Envelope>"),
        &envelope(HEADERS, &"<a>".repeat(200)),
    ] {
        assert_eq!(code(text), "envelope-malformed", "{text}");
    }
}

proptest! {
    #[test]
    fn reading_never_panics(text in ".{0,200}", cut in 0usize..900) {
        let _ = Envelope::read(text.as_bytes());
        let whole = envelope(HEADERS, &text.replace(['<', '&'], ""));
        let cut = cut.min(whole.len());
        let _ = Envelope::read(&whole.as_bytes()[..cut]);
    }
}
