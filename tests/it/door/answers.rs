//! What right questions get: the assertion with its facts, the state, and what became of an assertion.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::doorstep::{DoorAlone, brief, consultation, physician_login, says, until, with};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::nonce;

fn plan() -> Plan {
    Plan::new("answers").key_type(KeyType::P256)
}

/// The value of the first attribute of that name.
fn attribute<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once('"').unwrap().0
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_assertion_comes_with_its_own_facts() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let (mut ids, mut last) = (HashSet::new(), None);
    for _ in 0..50 {
        let before = now();
        let issued = client.consult(&session, PATIENTS[0]).unwrap();
        let after = now();
        let xml = issued.assertion.as_str();
        assert!(xml.starts_with("<saml2:Assertion ") || xml.starts_with("<saml:Assertion "), "{xml}");
        assert!(xml.ends_with('>') && !xml.contains("<?"), "no declaration, no newline at the end");
        assert_eq!(attribute(xml, "ID"), issued.id);
        assert_eq!(attribute(xml, "IssueInstant"), issued.issued_at);
        assert_eq!(attribute(xml, "NotOnOrAfter"), issued.expires_at);
        let uuid = issued.id.strip_prefix('_').unwrap_or_else(|| panic!("{}", issued.id));
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')), "{uuid}");
        assert!(ids.insert(issued.id.clone()), "{} came twice", issued.id);
        let [from, to] = [&issued.issued_at, &issued.expires_at].map(|text| {
            assert!(
                text.len() == 24 && text.as_bytes()[19] == b'.' && text.ends_with('Z'),
                "milliseconds, UTC: {text}"
            );
            OffsetDateTime::parse(text, &Rfc3339).unwrap()
        });
        // Milliseconds are cut, not rounded.
        assert!(before - time::Duration::MILLISECOND <= from && from <= after, "{before} {from} {after}");
        assert_eq!((to - from).whole_milliseconds(), 30_000);
        assert!(last < Some(issued.entry), "entry {} after {last:?}", issued.entry);
        assert_eq!(issued.receipt, None);
        last = Some(issued.entry);
    }
}

#[test]
fn a_receipt_is_unavailable_where_nothing_signs_the_ledger() {
    let establishment = plan().audit(None).build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let asked = |receipt: bool| with(consultation(&session, PATIENTS[0]), "receipt", receipt.into());
    let once = with(asked(true), "nonce", nonce().into());
    assert_eq!(brief(client.issue(once.clone())), says("Unavailable", "ledger"));
    // Every answer but Malformed and Busy has used the nonce.
    assert_eq!(brief(client.issue(with(once, "receipt", false.into()))), says("Replayed", ""));
    client.issue(asked(false)).unwrap();
}

#[test]
fn status_tells_the_state_and_every_seal() {
    let establishment = plan().structures(&STRUCTURES).build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    // READY came with the first seal; `ready` waits for all of them.
    until("every seal is ready", || client.status()["ready"] == true);
    let status = client.status();
    assert_eq!(
        names(&status),
        BTreeSet::from([
            "state",
            "ready",
            "version",
            "profile",
            "entries",
            "seals",
            "audit",
            "troubles",
            "exceptional",
            "rights",
            "attached",
        ])
    );
    assert_eq!((&status["state"], &status["ready"]), (&json!("operational"), &json!(true)));
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    // The ledger has the entry of this start, and those of the registers that it read.
    assert_eq!((&status["profile"], &status["entries"]), (&json!("dmp-air"), &json!(3)));
    let seals = status["seals"].as_array().unwrap();
    assert_eq!(seals.len(), 3);
    for ((seal, laid), structure) in seals.iter().zip(&establishment.seals).zip(STRUCTURES) {
        assert_eq!(
            names(seal),
            BTreeSet::from(["structure", "key", "ready", "certificate_expires_at", "signers"])
        );
        // One process with one session: there was nothing to try.
        let most = [("processes", 1), ("sessions", 1), ("processes_max", 1), ("sessions_max", 1)];
        assert!(most.iter().all(|(name, number)| seal["signers"][*name] == *number), "{seal}");
        assert_eq!((&seal["structure"], &seal["key"]), (&json!(structure), &json!(laid.key)));
        assert_eq!(seal["ready"], true);
        let text = seal["certificate_expires_at"].as_str().unwrap();
        let expires = OffsetDateTime::parse(text, &Rfc3339).unwrap();
        let pem = x509_parser::pem::parse_x509_pem(laid.certificate_pem.as_bytes()).unwrap().1;
        let not_after = pem.parse_x509().unwrap().validity().not_after.timestamp();
        assert_eq!(expires.unix_timestamp(), not_after, "{text}");
    }
    // One seal without its signer: told by name, and the whole is not ready. The others go on.
    daemons.signer("seal-b-1").kill_and_hold();
    until("one seal is missed", || client.status()["ready"] == false);
    let status = client.status();
    let ready: Vec<&Value> = status["seals"].as_array().unwrap().iter().map(|seal| &seal["ready"]).collect();
    assert_eq!(
        (status["state"].as_str(), ready),
        (Some("operational"), vec![&json!(true), &json!(false), &json!(true)])
    );
    let mut issue = |structure: &str| {
        let session = client.open_session(with(physician_login(), "structure", structure.into())).unwrap();
        client.consult(&session, PATIENTS[0])
    };
    issue(STRUCTURES[0]).unwrap();
    assert_eq!(brief(issue(STRUCTURES[1])), says("Unavailable", "token-unreachable"));
    issue(STRUCTURES[2]).unwrap();
}

#[test]
fn without_a_seal_the_state_is_unprovisioned() {
    let door = DoorAlone::open(plan().edit_config(|config| drop(config.remove("seal"))));
    let status = door.client().status();
    assert_eq!((status["state"].as_str(), status["ready"].as_bool()), (Some("unprovisioned"), Some(false)));
    assert_eq!(status["seals"], json!([]));
}

#[test]
fn the_owner_reports_what_became_of_an_assertion() {
    const REPORT: &str = "fr.sceau.Token.Report";
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let id = client.consult(&session, PATIENTS[0]).unwrap().id;
    for outcome in ["accepted", "refused", "unused"] {
        assert_eq!(client.call(REPORT, json!({ "id": id, "outcome": outcome })), Ok(json!({})));
    }
    let never = "_00000000-0000-4000-8000-000000000000";
    let unknown = client.call(REPORT, json!({ "id": never, "outcome": "accepted" }));
    assert_eq!(brief(unknown), says("Denied", "assertion-unknown"));
    // On another connection, and after its session, it is still the application's.
    client.call("fr.sceau.Token.CloseSession", json!({ "session": session })).unwrap();
    let answer = establishment.client().call(REPORT, json!({ "id": id, "outcome": "accepted" }));
    assert_eq!(answer, Ok(json!({})));
}
