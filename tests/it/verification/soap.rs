//! SOAP messages: the assertion in its place, and every way to put it elsewhere.

use super::defects::cut;
use super::foreign::WORKSHOP;

const MESSAGE: &str = r#"<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Header><wsa:MessageID xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:uuid:6a8d1f9e-7a0e-4f0c-9d4f-0e5a5b0c1d2e</wsa:MessageID><wsa:To xmlns:wsa="http://www.w3.org/2005/08/addressing">https://dmp.example/</wsa:To><wsa:ReplyTo xmlns:wsa="http://www.w3.org/2005/08/addressing"><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous</wsa:Address></wsa:ReplyTo><wsa:Action xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:ihe:iti:2007:RegistryStoredQuery</wsa:Action><wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">{assertion}</wsse:Security></soap:Header><soap:Body><query xmlns="urn:example"/></soap:Body></soap:Envelope>"#;

/// A right message that carries that assertion.
pub(super) fn message(assertion: &str) -> String {
    MESSAGE.replace("{assertion}", assertion)
}

fn rules(document: &str) -> Vec<String> {
    WORKSHOP.judge(document, &[]).rules().into_iter().map(str::to_owned).collect()
}

#[test]
fn a_right_message_is_good() {
    let judged = WORKSHOP.judge(&message(&WORKSHOP.sealed()), &[]);
    assert_eq!((judged.rules(), judged.verdict()), (vec![], "good"));
}

#[test]
fn what_is_around_the_assertion_is_judged() {
    let sealed = WORKSHOP.sealed();
    let right = message(&sealed);
    let security = cut(&right, "<wsse:Security", "</wsse:Security>");
    let header = cut(&right, "<soap:Header>", "</soap:Header>");
    let cases = [
        ("soap-version", right.replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")),
        ("soap-structure", right.replace("<soap:Body><query xmlns=\"urn:example\"/></soap:Body>", "")),
        ("addressing-missing", right.replace(&cut(&right, "<wsa:MessageID", "</wsa:MessageID>"), "")),
        ("addressing-missing", right.replace("2005/08/addressing", "2004/08/addressing")),
        ("security-content", right.replace("</wsse:Security>", "<Timestamp xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\"/></wsse:Security>")),
        ("assertion-misplaced", right.replace(&sealed, &format!("<x>{sealed}</x>")).replace("<x>", "<wsse:x>").replace("</x>", "</wsse:x>")),
        ("assertion-misplaced", format!("<Response xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\">{sealed}</Response>")),
        ("assertion-repeated", right.replace("<query xmlns=\"urn:example\"/>", &sealed)),
        ("id-repeated", right.replace("<query xmlns", "<query Id=\"_8c1f60a5-2d3b-4f69-9d0e-64c1b9c7f6aa\" xmlns")),
        ("signature-repeated", right.replace("<query xmlns=\"urn:example\"/>", &cut(&sealed, "<Signature ", "</Signature>"))),
        ("assertion-missing", right.replace(&sealed, "")),
    ];
    for (rule, document) in cases {
        assert_ne!(document, right, "{rule}");
        let found = rules(&document);
        assert!(found.iter().any(|name| name == rule), "{rule}: {found:?}");
        let companions = ["assertion-repeated", "id-repeated", "security-content"];
        assert!(found.iter().all(|name| name == rule || companions.contains(&name.as_str())), "{rule}: {found:?}");
    }
    // A second security header, or none where it belongs.
    let twice = right.replace("</soap:Header>", &format!("{}</soap:Header>", security.replace(&sealed, "")));
    assert_eq!(rules(&twice), ["assertion-misplaced", "soap-structure"]);
    let in_body = right.replace(&header, "<soap:Header/>").replace("<query xmlns=\"urn:example\"/>", &security);
    assert_eq!(rules(&in_body), ["assertion-misplaced", "soap-structure"]);
}
