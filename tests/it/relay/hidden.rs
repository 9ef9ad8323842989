//! Patients and envelopes hidden from one reader and shown to another: refused, and nothing of them at the DMP.

use super::rig::{QUERY, RETRIEVE, Rig, SOAP, multipart};
use crate::support::practitioners::PATIENTS;

fn cx(ins: &str) -> String {
    format!("{ins}^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH")
}

#[test]
fn a_patient_hidden_beside_the_right_one_is_seen() {
    let rig = Rig::start();
    let session = rig.session();
    let right = rig.query(PATIENTS[0], "");
    let post = |body: &str| rig.post("/registry", &rig.sealed(&session, PATIENTS[0]), body.as_bytes()).fault();
    let told = |code: &str| (400, code.to_owned());
    let other = cx(PATIENTS[1]);
    let slot = |value: &str| {
        format!("<Slot name=\"$XDSDocumentEntryPatientId\"><ValueList><Value>{value}</Value></ValueList></Slot>")
    };
    let beside = |more: &str| right.replace("</AdhocQuery>", &format!("{more}</AdhocQuery>"));
    let instead = |value: &str| right.replace(&format!("'{}'", cx(PATIENTS[0])), value);
    for (what, body) in [
        ("a second slot", beside(&slot(&format!("'{other}'")))),
        (
            "a second query",
            right.replace(
                "</AdhocQueryRequest>",
                &format!("<AdhocQuery>{}</AdhocQuery></AdhocQueryRequest>", slot(&format!("'{other}'"))),
            ),
        ),
        ("an empty second slot", beside(&slot(""))),
        (
            "a slot of another prefix",
            beside(&slot(&other).replace("Slot", "z:Slot").replace("<z:Slot", "<z:Slot xmlns:z=\"urn:z\"")),
        ),
        ("a slot of another case", beside(&slot(&other).replace("$XDSDocumentEntryPatientId", "$patientid"))),
        ("a comment inside the value", instead(&format!("'{}'", other.replacen('^', "<!-- x -->^", 1)))),
        ("a processing instruction inside", instead(&format!("'{}'", other.replacen('^', "<?x y?>^", 1)))),
        (
            "character references",
            instead(&format!(
                "'{}'",
                PATIENTS[1].bytes().map(|b| format!("&#x{b:x};")).collect::<String>() + &cx("")
            )),
        ),
        (
            "in pieces of CDATA",
            instead(&format!("'{}<![CDATA[{}]]>{}'", &PATIENTS[1][..5], &PATIENTS[1][5..], cx(""))),
        ),
        ("an element in the value", instead(&format!("'{}<x/>'", cx(PATIENTS[0])))),
        (
            "the value in an attachment",
            instead("<x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:doc@lps\"/>"),
        ),
        ("no number at all", instead("'^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'")),
        (
            "a local number listed beside it",
            instead(&format!("('{}','4711^^^&amp;1.2.3.4&amp;ISO^PI')", cx(PATIENTS[0]))),
        ),
        (
            "a check digit before its system",
            beside(&format!("<x y=\"{}^1^ISO^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH\"/>", PATIENTS[1])),
        ),
        ("the number without its system", instead(&format!("'{}'", PATIENTS[1]))),
        (
            "an HL7 v3 number",
            beside(&format!(
                "<v:id xmlns:v=\"urn:hl7-org:v3\" root=\"1.2.250.1.213.1.4.8\" extension=\"{}\"/>",
                PATIENTS[1]
            )),
        ),
        (
            "in an attribute's reference",
            beside(&format!("<x y=\"&#x{:x};{}\"/>", PATIENTS[1].as_bytes()[0], &other[1..])),
        ),
    ] {
        assert_eq!(post(&body), told("patient-mismatch"), "{what}: {body}");
    }
    // The envelope itself in two readings.
    let malformed = told("envelope-malformed");
    let utf16: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let headers = rig.sealed(&session, PATIENTS[0]);
    assert_eq!(rig.post("/registry", &headers, &utf16).fault(), malformed, "UTF-16");
    let latin = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{right}");
    assert_eq!(post(&latin), malformed, "another declared encoding");
    let utf7 = right.replace("<s:Body>", "<s:Body>\u{0}");
    assert_eq!(post(&utf7), malformed, "a NUL");
    let body = right.split_once("<s:Body>").unwrap().1.split_once("</s:Body>").unwrap().0;
    let second = format!("<s:Body>{}</s:Body>", body.replace(PATIENTS[0], PATIENTS[1]));
    for two in [
        right.replace("</s:Envelope>", &format!("{second}</s:Envelope>")),
        right.replace("<s:Body>", &format!("{second}<s:Body>")),
    ] {
        assert_eq!(post(&two), malformed, "two bodies");
    }
    assert_eq!(post(&format!("{right}{right}")), malformed, "two envelopes");
    assert_eq!(post(&right.replace("<s:Body>", "<s:Header/><s:Body>")), malformed, "two headers");
    let soap11 =
        right.replace("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/");
    assert_eq!(post(&soap11), malformed, "SOAP 1.1");
    let nested = right
        .replace("<s:Body>", "<s:Body><s:Envelope><s:Header/><s:Body/></s:Envelope>")
        .replace(&cx(PATIENTS[0]), &other);
    assert_eq!(post(&nested), told("patient-mismatch"), "an envelope within");
    for twice in ["Action", "To", "MessageID"] {
        let more = format!("<a:{twice}>urn:x</a:{twice}></s:Header>");
        assert_eq!(post(&right.replace("</s:Header>", &more)), told("addressing-missing"), "two {twice}");
    }
    let commented = right.replace("</a:To>", "<!-- -->/x</a:To>");
    assert_eq!(post(&commented), told("addressing-missing"), "one address for some readers, another for others");
    let elsewhere = "<a:ReplyTo><a:Address>https://evil.test/</a:Address></a:ReplyTo></s:Header>";
    assert_eq!(post(&right.replace("</s:Header>", elsewhere)), told("reply-elsewhere"));
    assert!(rig.dmp().calls().is_empty());
    // What must be understood is the DMP's to understand: it passes, byte for byte.
    let demanding =
        right.replace("</s:Header>", "<x:Plus xmlns:x=\"urn:x\" s:mustUnderstand=\"true\"/></s:Header>");
    assert_eq!(post(&demanding).0, 200);
    assert!(
        rig.dmp().calls()[0]["envelope"].as_str().unwrap().contains("s:mustUnderstand=\"true\"/><wsse:Security")
    );
}

/// Parts that another reader could take for the root; behind the envelope, a call is cut so that nobody takes it for whole.
#[test]
fn a_second_root_does_not_arrive_whole() {
    let rig = Rig::start();
    let session = rig.session();
    let envelope = rig.envelope("/repository", RETRIEVE, "", "<x/>");
    let (content, body) = multipart(&envelope, &vec![b'a'; 300_000]);
    let headers = || {
        rig.sealed(&session, PATIENTS[0]).replace("Transaction: 3.1", "Transaction: 3.2").replace(SOAP, &content)
    };
    let post = |body: &str| rig.post("/repository", &headers(), body.as_bytes()).fault();
    let body = String::from_utf8(body).unwrap();
    let evil = envelope.replace("<x/>", "<evil/>");
    let end = "\r\n--bb--\r\n";
    let part = |head: &str| format!("\r\n--bb\r\n{head}\r\n\r\n{evil}{end}");
    for (what, far) in [
        ("the root's name", body.replace(end, &part("Content-Type: text/xml\r\nContent-ID: <root@lps>"))),
        (
            "the root's type",
            body.replace(end, &part("Content-Type: application/xop+xml; type=\"application/soap+xml\"")),
        ),
        ("a folded head", body.replace(end, &part("Content-Type: text/xml\r\nX: y\r\n Content-ID: <root@lps>"))),
        (
            "behind bare line feeds",
            body.replace(end, &part("X: y").replace("\r\n--bb\r\nX: y", "\n--bb\nContent-ID: <root@lps>\n\n")),
        ),
        (
            "a name behind a bare line feed",
            body.replace(end, &part("Content-Type: text/xml\r\nX\nContent-ID: <root@lps>")),
        ),
        ("behind the end", format!("{body}\r\n--bb\r\nContent-ID: <root@lps>\r\n\r\n{evil}{end}")),
        ("a longer boundary", body.replace(end, &format!("\r\n--bbb\r\n\r\n{evil}{end}"))),
        ("no end", body.replace(end, "")),
    ] {
        let (status, code) = post(&far);
        assert!(
            status >= 400 && ["call-truncated", "content-type"].contains(&code.as_str()),
            "{what}: {status} {code}"
        );
    }
    // So near that it is read with the envelope: nothing is sent at all.
    let near = |head: &str| {
        let (start, rest) = body.split_once("\r\n--bb\r\nContent-Type: application/octet").unwrap();
        format!("{start}\r\n--bb\r\n{head}\r\n\r\n{evil}\r\n--bb\r\nContent-Type: application/octet{rest}")
    };
    assert_eq!(post(&near("Content-ID: <root@lps>")), (415, "content-type".into()));
    // A bare line feed ends a line for some readers.
    let feed = body.replace("<x/>", "<x>\n--bb\n</x>");
    assert_eq!(post(&feed), (415, "content-type".into()));
    for call in rig.dmp().calls() {
        assert_eq!(call["verdict"], "truncated", "{call}");
    }
    // The stack's own gzip, and a type that says one action where the envelope has another.
    let zipped = format!("{}Content-Encoding: gzip\r\n", rig.sealed(&session, PATIENTS[0]));
    let query = rig.query(PATIENTS[0], "");
    assert_eq!(rig.post("/registry", &zipped, query.as_bytes()).fault(), (415, "content-type".into()));
    let inner = content.replace(
        "start-info=\"application/soap+xml\"",
        &format!("start-info=\"application/soap+xml; action=\\\"{QUERY}\\\"\""),
    );
    let lying = headers().replace(&content, &inner);
    assert_eq!(rig.post("/repository", &lying, body.as_bytes()).fault(), (400, "action-mismatch".into()));
    // The part's own type likewise, whichever way it is written.
    let own = "type=\"application/soap+xml\"\r\n";
    for named in [
        format!("type=\"application/soap+xml\"; action=\"{QUERY}\"\r\n"),
        format!("type=\"application/soap+xml; action=\\\"{QUERY}\\\"\"\r\n"),
    ] {
        let lying = body.replacen(own, &named, 1);
        assert_eq!(rig.post("/repository", &headers(), lying.as_bytes()).fault(), (400, "action-mismatch".into()));
        let right = lying.replacen(QUERY, RETRIEVE, 1);
        assert_eq!(rig.post("/repository", &headers(), right.as_bytes()).status, 200, "{named}");
    }
    assert_eq!(rig.post("/repository", &headers(), body.as_bytes()).status, 200);
}
