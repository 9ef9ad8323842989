//! Right calls: sealed and carried, over both versions of TLS, with both kinds of keys; a use is one use.

use sceau::traces::entry::outcome::Outcome;
use serde_json::json;

use super::dmp::Wanted;
use super::rig::{RETRIEVE, Rig, RigPlan, SOAP, multipart, resident};
use crate::support::certificate::SealCertificate;
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::practitioners::PATIENTS;
use crate::support::wait::until;

const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

fn carried(assertion: &str) -> String {
    format!("<w:Security xmlns:w=\"{SECURITY}\">{assertion}</w:Security>")
}

/// The key in the token opens both versions of TLS, RSA and P-256; the peer verifies what was placed, in its place.
#[test]
fn a_sealed_call_reaches_the_dmp_and_its_assertion_is_spent_once() {
    for (key, protocol) in [
        (KeyType::P256, "TLSv1.3"),
        (KeyType::P256, "TLSv1.2"),
        (KeyType::Rsa2048, "TLSv1.3"),
        (KeyType::Rsa2048, "TLSv1.2"),
    ] {
        let rig = RigPlan { key, protocol, ..RigPlan::default() }.start();
        let session = rig.session();
        let envelope = rig.query(PATIENTS[0], "");
        let answer = rig.post("/registry", &rig.sealed(&session, PATIENTS[0]), envelope.as_bytes());
        assert_eq!((answer.status, answer.whole), (200, true), "{key:?} {protocol}: {}", answer.text());
        assert!(
            answer.text().contains("AdhocQueryResponse")
                && answer.head.to_ascii_lowercase().contains("x-dmp: kept")
        );
        let calls = rig.dmp().calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0]["verdict"], "accepted");
        assert_eq!(calls[0]["headers"]["X-Tls"], format!("{protocol} SUCCESS"));
        let headers = calls[0]["headers"].to_string().to_ascii_lowercase();
        assert!(!headers.contains("sceau-") && !headers.contains(&session), "{headers}");
        // Outside the insertion every byte is as it was.
        let sent = calls[0]["envelope"].as_str().unwrap();
        let (before, rest) = sent.split_once("<wsse:Security").unwrap();
        let (_, after) = rest.split_once("</wsse:Security>").unwrap();
        assert_eq!(format!("{before}{after}"), envelope);
        rig.wait_course(&[Outcome::Released, Outcome::Spent, Outcome::Accepted]);
    }
}

#[test]
fn a_carried_assertion_is_spent_once_and_only_by_whom_it_was_made_for() {
    let rig = Rig::start();
    let session = rig.session();
    let mut client = rig.establishment.client();
    let issued = client.consult(&session, PATIENTS[0]).unwrap();
    let headers = format!("Host: {}\r\n{SOAP}", rig.host());
    let call = rig.query(PATIENTS[0], &carried(&issued.assertion));
    let answer = rig.post("/registry", &headers, call.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(rig.post("/registry", &headers, call.as_bytes()).fault(), (403, "assertion-spent".into()));
    let sent = rig.dmp().calls();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["envelope"], call, "not a byte of a carried call changes");
    // Altered, of another signer, or of nobody.
    let fresh = client.consult(&session, PATIENTS[0]).unwrap().assertion;
    let altered = fresh.replace("ANNE DUPONT", "ANNE DURAND");
    assert_ne!(altered, fresh);
    // What no signature sees: readers that take an element's first text for all of it read another name.
    let commented = fresh.replace("ANNE DUPONT", "ANNE<!-- --> DUPONT");
    let instructed = fresh.replace("ANNE DUPONT", "ANNE<?x?> DUPONT");
    let sectioned = fresh.replace("ANNE DUPONT", "ANNE<![CDATA[ ]]>DUPONT");
    for wrong in [altered, fresh.replace("<saml:Issuer", "<saml:Issuer x=\"y\""), commented, instructed, sectioned]
    {
        let call = rig.query(PATIENTS[0], &carried(&wrong));
        assert_eq!(rig.post("/registry", &headers, call.as_bytes()).fault(), (400, "assertion-foreign".into()));
    }
    let other = rig.query(PATIENTS[1], &carried(&fresh));
    assert_eq!(rig.post("/registry", &headers, other.as_bytes()).fault(), (400, "patient-mismatch".into()));
    assert_eq!(
        rig.post("/registry", &headers, rig.query(PATIENTS[0], "").as_bytes()).fault(),
        (400, "assertion-missing".into())
    );
    // An assertion for one transaction opens no other.
    let retrieve = rig.envelope("/repository", RETRIEVE, &carried(&fresh), "<x/>");
    assert_eq!(
        rig.post("/repository", &headers, retrieve.as_bytes()).fault(),
        (403, "transaction-not-allowed".into())
    );
    assert_eq!(rig.dmp().calls().len(), 1);
}

/// A body without a declared length is framed anew and arrives whole.
#[test]
fn a_chunked_call_arrives_whole() {
    let rig = Rig::start();
    let session = rig.session();
    let query = rig.query(PATIENTS[0], "");
    let pieces: String = query
        .as_bytes()
        .chunks(100)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()))
        .collect();
    let head = format!(
        "POST /registry HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        rig.sealed(&session, PATIENTS[0])
    );
    let answer = rig.raw(format!("{head}{pieces}0\r\n\r\n").as_bytes());
    assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.text());
    let calls = rig.dmp().calls();
    assert!(calls.len() == 1 && calls[0]["envelope"].as_str().unwrap().ends_with("</s:Envelope>"));
    assert!(calls[0]["headers"].get("Transfer-Encoding").is_none(), "its length is known by then");
}

/// The DMP's own fault passes as it is, is counted by its code, and is the assertion's outcome.
#[test]
fn faults_of_the_dmp_pass_unchanged() {
    let rig = Rig::start();
    let session = rig.session();
    rig.dmp().behave(&json!({ "fault": "DMPInvalidCertificate", "status": 500 }));
    let answer = rig.ask(&session, PATIENTS[0]);
    assert_eq!(answer.status, 500);
    assert!(
        answer.text().contains("<s:Value xmlns:d=\"urn:dmp\">d:DMPInvalidCertificate</s:Value>"),
        "{}",
        answer.text()
    );
    rig.wait_course(&[Outcome::Spent, Outcome::Refused]);
    until("the fault is counted", || {
        rig.relay.log().lines().any(|line| line.contains("faults") && line.contains("DMPInvalidCertificate"))
    });
    assert!(!rig.relay.log().contains("non lies"), "the fault's text may name people");
}

/// Connections are kept for the next call, and a closed one is replaced where nothing was sent.
#[test]
fn a_kept_connection_serves_again_and_a_closed_one_is_replaced() {
    let rig = RigPlan { nginx: "keepalive_requests 2;", ..RigPlan::default() }.start();
    let session = rig.session();
    for _ in 0..5 {
        let answer = rig.ask(&session, PATIENTS[0]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let calls = rig.dmp().calls();
    let connections: Vec<_> = calls.iter().map(|call| call["headers"]["X-Connection"].as_str().unwrap()).collect();
    let distinct: std::collections::HashSet<_> = connections.iter().collect();
    assert!(distinct.len() >= 3 && distinct.len() < 5, "{connections:?}");
    assert!(calls.iter().any(|call| call["headers"]["X-Reused"] == "r"), "a session of TLS was resumed");
}

/// 100 MB each way in constant memory.
#[test]
fn large_documents_stream_both_ways_in_constant_memory() {
    const LEN: usize = 100 << 20;
    let rig = Rig::start();
    let session = rig.session();
    let headers = |content: &str| {
        rig.sealed(&session, PATIENTS[0])
            .replace("Sceau-Transaction: 3.1", "Sceau-Transaction: 3.2")
            .replace(SOAP, content)
    };
    let envelope = rig.envelope("/repository", RETRIEVE, "", "<RetrieveDocumentSetRequest/>");
    // Once small, so that what is measured is the size.
    let (content, body) = multipart(&envelope, b"small");
    assert_eq!(rig.post("/repository", &headers(&content), &body).status, 200);
    let before = resident(&rig.relay);
    let attachment = vec![b'U'; LEN];
    let (content, body) =
        multipart(&rig.envelope("/repository", RETRIEVE, "", "<RetrieveDocumentSetRequest/>"), &attachment);
    rig.dmp().behave(&json!({ "document": LEN }));
    let answer = rig.post("/repository", &headers(&content), &body);
    assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.head);
    assert!(answer.body.len() > LEN && answer.body.ends_with(b"DDDD\r\n--b0--\r\n"));
    let sent = &rig.dmp().calls()[1];
    assert!(sent["length"].as_u64().unwrap() > (LEN + 4000) as u64);
    let grown = resident(&rig.relay).saturating_sub(before);
    println!("relay grew by {grown} bytes over 2 x {LEN}");
    assert!(grown < 16 << 20, "{grown}");
}

/// Another certificate, another list, another server certificate: without a call lost.
#[test]
fn changed_files_are_taken_up_without_dropped_calls() {
    let rig = Rig::start();
    let session = rig.session();
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    let folder = rig.establishment.folder.join("dmp");
    let revoke = |serials: &[u64]| {
        let list = rig.pki.list(serials, time::Duration::hours(1));
        write(&folder.join("list.new"), &list, 0o644);
        std::fs::rename(folder.join("list.new"), folder.join("list.pem")).unwrap();
    };
    revoke(&[Wanted::good().serial]);
    until("the revocation is known", || {
        let answer = rig.ask(&session, PATIENTS[0]);
        assert!(
            answer.status == 200 || answer.fault() == (502, "server-certificate-revoked".into()),
            "{}",
            answer.text()
        );
        answer.status != 200
    });
    revoke(&[]);
    until("the server is believed again", || rig.ask(&session, PATIENTS[0]).status == 200);
}

/// A renewed client certificate of the same key is shown by new connections; calls go on meanwhile.
#[test]
fn a_renewed_client_certificate_is_shown_without_dropped_calls() {
    let rig = Rig::start();
    let session = rig.session();
    let call = || {
        let answer = rig.ask(&session, PATIENTS[0]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        rig.dmp().calls().last().unwrap()["headers"]["X-Serial"].as_str().unwrap().to_owned()
    };
    let before = call();
    let pki = rig.establishment.folder.join("pki");
    let wanted = SealCertificate::of(&rig.establishment.structures[0]).authentication();
    write(&pki.join("auth.new"), &rig.establishment.pki.issue(&wanted, &rig.spki), 0o644);
    std::fs::rename(pki.join("auth.new"), pki.join("auth.pem")).unwrap();
    until("the new certificate is shown", || call() != before);
    // One that is not of this key is not taken up: the last good one stays.
    write(&pki.join("auth.new"), &rig.establishment.seals[0].certificate_pem, 0o644);
    std::fs::rename(pki.join("auth.new"), pki.join("auth.pem")).unwrap();
    until("the wrong one is told", || rig.relay.log().contains("cannot be read again"));
    assert_ne!(call(), before);
}
