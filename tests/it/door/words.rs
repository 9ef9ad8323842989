//! The caller's words: missing, of the wrong type, wrong, unknown, each with its answer; the connection goes on.

use std::io::Write;

use serde_json::{Value, json};

use crate::doorstep::{brief, consultation, physician_login, says, with};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};

const TOKEN: &str = "fr.sceau.Token";

fn start() -> (Establishment, Daemons, Client, String) {
    let establishment = Plan::new("words").key_type(KeyType::P256).build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    (establishment, daemons, client, session)
}

/// Each method with parameters that are right.
fn right(session: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("OpenSession", with(physician_login(), "channel", "LPS".into())),
        ("Issue", with(consultation(session, PATIENTS[0]), "nonce", nonce().into())),
        ("Report", json!({ "id": "_1b4e28ba-2fa1-41d2-883f-0016d3cca427", "outcome": "accepted" })),
        ("CloseSession", json!({ "session": session })),
        ("Status", json!({})),
    ]
}

fn call(client: &mut Client, method: &str, parameters: Value) -> (String, String) {
    brief(client.call(&format!("{TOKEN}.{method}"), parameters))
}

#[test]
fn what_is_missing_or_of_the_wrong_type_is_an_invalid_parameter() {
    let (_establishment, _daemons, mut client, session) = start();
    let required: [(&str, &[&str]); 4] = [
        ("OpenSession", &["practitioner", "authentication.method", "authentication.instant"]),
        ("Issue", &["session", "nonce", "transaction", "purpose", "patient.ins"]),
        ("Report", &["id", "outcome"]),
        ("CloseSession", &["session"]),
    ];
    let text: [(&str, &[&str]); 2] = [
        (
            "OpenSession",
            &[
                "structure",
                "service",
                "channel",
                "profile",
                "authentication.initial_instant",
                "authentication.proof",
            ],
        ),
        ("Issue", &["patient.oid"]),
    ];
    let right = |method: &str| right(&session).into_iter().find(|(name, _)| *name == method).unwrap().1;
    for (method, members) in required {
        for member in members {
            let missing = with(right(method), member, Value::Null);
            assert_eq!(call(&mut client, method, missing), says("InvalidParameter", member), "{method} without");
            // An explicit null is no string either.
            let null = with(right(method), member, json!("null")).to_string().replace("\"null\"", "null");
            let null: Value = serde_json::from_str(&null).unwrap();
            assert_eq!(call(&mut client, method, null), says("InvalidParameter", member), "{method} null");
        }
    }
    for (method, members) in required.into_iter().chain(text) {
        for member in members {
            for wrong in [json!(1), json!(true), json!([]), json!({}), json!(1e300)] {
                let asked = with(right(method), member, wrong.clone());
                assert_eq!(call(&mut client, method, asked), says("InvalidParameter", member), "{method} {wrong}");
            }
        }
    }
    let others = [
        ("OpenSession", "authentication", json!("CPS")),
        ("OpenSession", "authentication", json!([])),
        ("Issue", "patient", json!(PATIENTS[0])),
        ("Issue", "patient", json!([])),
        ("Issue", "invisible_to_guardians", json!("false")),
        ("Issue", "receipt", json!(0)),
    ];
    for (method, member, wrong) in others {
        let asked = with(right(method), member, wrong.clone());
        assert_eq!(call(&mut client, method, asked), says("InvalidParameter", member), "{method} {wrong}");
    }
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn null_is_the_same_as_absent_for_an_optional_member() {
    let (_establishment, _daemons, mut client, session) = start();
    let opening = r#"{"channel":null,"profile":null,"structure":null}"#;
    let mut asked: Value = serde_json::from_str(opening).unwrap();
    asked.as_object_mut().unwrap().extend(physician_login().as_object().unwrap().clone());
    client.open_session(asked).unwrap();
    let mut asked: Value = serde_json::from_str(r#"{"invisible_to_guardians":null,"receipt":null}"#).unwrap();
    asked.as_object_mut().unwrap().extend(consultation(&session, PATIENTS[0]).as_object().unwrap().clone());
    client.issue(asked).unwrap();
}

#[test]
fn a_bad_value_is_malformed_with_its_field() {
    let (_establishment, _daemons, mut client, session) = start();
    let right = |method: &str| right(&session).into_iter().find(|(name, _)| *name == method).unwrap().1;
    let wrong = [
        // Wrong key, wrong length, internal identifier, no digit.
        (
            "OpenSession",
            "practitioner",
            vec!["899900063481", "89990006348", "", "3/12", "8A9900063480", "8999000634800"],
        ),
        ("OpenSession", "channel", vec!["lps", "WEB", ""]),
        ("OpenSession", "structure", vec!["", "10B", "1690781811222222222222222"]),
        ("OpenSession", "authentication.method", vec!["", "PASSWORD"]),
        ("OpenSession", "authentication.instant", vec!["", "hier", "2026-13-01T00:00:00Z"]),
        ("Issue", "nonce", vec!["", "court"]),
        ("Issue", "transaction", vec!["9.9"]),
        ("Issue", "purpose", vec!["Normal"]),
        (
            "Issue",
            "patient.ins",
            vec!["", "207058575627098", "20705857562709", "2070585756270970", "X07058575627097"],
        ),
        ("Issue", "patient.oid", vec!["", "1.2", "1.2.250.1.213.1.4.12"]),
        ("Report", "outcome", vec!["", "Accepted", "lost"]),
        ("Report", "id", vec!["", "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "_<x>"]),
    ];
    for (method, member, values) in wrong {
        for value in values {
            let asked = with(right(method), member, value.into());
            let refused = client.call(&format!("{TOKEN}.{method}"), asked).unwrap_err();
            assert_eq!(refused.error, format!("{TOKEN}.Malformed"), "{method} {member} {value:?}: {refused:?}");
            assert_eq!(refused.parameters["field"], member, "{value:?}");
            assert!(refused.parameters["message"].as_str().is_some_and(|message| !message.is_empty()));
        }
    }
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn an_unknown_member_is_malformed_everywhere() {
    let (_establishment, _daemons, mut client, session) = start();
    for (method, parameters) in right(&session) {
        let asked = with(parameters, "extra", 1.into());
        assert_eq!(call(&mut client, method, asked), says("Malformed", "extra"), "{method}");
    }
    for (method, member) in [("OpenSession", "authentication.pin"), ("Issue", "patient.name")] {
        let parameters = right(&session).into_iter().find(|(name, _)| *name == method).unwrap().1;
        assert_eq!(call(&mut client, method, with(parameters, member, "x".into())), says("Malformed", member));
    }
    let frame = json!({ "method": format!("{TOKEN}.Status"), "parameters": {}, "extra": 1 });
    client.send(frame.to_string().as_bytes()).unwrap();
    assert_eq!(brief(client.receive_answer().unwrap()), says("Malformed", "extra"));
    // The session was not closed by the refused CloseSession.
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn an_unknown_method_or_interface_is_told_by_the_standard_errors() {
    let (_establishment, _daemons, mut client, session) = start();
    let cases = [
        ("fr.sceau.Token.Sign", "MethodNotFound", "method", "fr.sceau.Token.Sign"),
        ("fr.sceau.Token.issue", "MethodNotFound", "method", "fr.sceau.Token.issue"),
        ("org.varlink.service.Exec", "MethodNotFound", "method", "org.varlink.service.Exec"),
        ("fr.sceau.Admin.Status", "InterfaceNotFound", "interface", "fr.sceau.Admin"),
        ("fr.sceau.TokenX.Status", "InterfaceNotFound", "interface", "fr.sceau.TokenX"),
        ("fr.sceau.Status", "InterfaceNotFound", "interface", "fr.sceau"),
    ];
    for (method, error, member, value) in cases {
        let refused = client.call(method, json!({})).unwrap_err();
        assert_eq!(refused.error, format!("org.varlink.service.{error}"), "{method}");
        assert_eq!(refused.parameters[member], value, "{method}");
    }
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn oneway_and_upgrade_are_refused_and_nothing_is_done() {
    let (establishment, _daemons, mut client, session) = start();
    let nonce = nonce();
    let asked = with(consultation(&session, PATIENTS[0]), "nonce", nonce.into());
    for mode in ["oneway", "upgrade"] {
        for (method, parameters) in
            [("Issue", asked.clone()), ("CloseSession", json!({ "session": session })), ("Status", json!({}))]
        {
            let frame = json!({ "method": format!("{TOKEN}.{method}"), "parameters": parameters, mode: true });
            client.send(frame.to_string().as_bytes()).unwrap();
            assert_eq!(brief(client.receive_answer().unwrap()), says("Malformed", mode), "{method}");
        }
    }
    assert_eq!(issued(&establishment), 0);
    // Session and nonce are as they were; `more` and an explicit false are no harm, and get one answer.
    let frame = json!({
        "method": format!("{TOKEN}.Issue"), "parameters": asked, "more": true, "oneway": false, "upgrade": false,
    });
    client.send(frame.to_string().as_bytes()).unwrap();
    assert!(client.receive_answer().unwrap().unwrap()["assertion"].is_string());
    assert!(client.status()["entries"].is_u64(), "the next answer is the next call's");
}

#[test]
fn a_frame_that_is_no_object_is_malformed_without_a_field() {
    let (_establishment, _daemons, mut client, session) = start();
    for frame in [&b""[..], b"{", b"[]", b"null", b"\"x\"", b"1", b"{}{}", b"\xff\xfe", b"GET / HTTP/1.1\r\n"] {
        client.send(frame).unwrap();
        let refused = client.receive_answer().unwrap().unwrap_err();
        assert_eq!(refused.brief(), ("Malformed", ""), "{frame:?}");
        assert_eq!(refused.parameters["field"], "");
    }
    client.send(b"{}").unwrap();
    assert_eq!(brief(client.receive_answer().unwrap()), says("InvalidParameter", "method"));
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn requests_in_one_write_are_answered_in_their_order() {
    let (_establishment, _daemons, mut client, session) = start();
    let issue = |transaction: &str| {
        let asked = with(consultation(&session, PATIENTS[0]), "transaction", transaction.into());
        json!({ "method": format!("{TOKEN}.Issue"), "parameters": with(asked, "nonce", nonce().into()) })
            .to_string()
    };
    let status = json!({ "method": format!("{TOKEN}.Status") }).to_string();
    let mut bytes = Vec::new();
    const ROUNDS: u64 = 20;
    for _ in 0..ROUNDS {
        for frame in [&issue("3.1"), &issue("9.9"), &status, "garbage", &issue("2.1")] {
            bytes.extend_from_slice(frame.as_bytes());
            bytes.push(0);
        }
    }
    let mut stream = client.stream();
    stream.write_all(&bytes).unwrap();
    for round in 0..ROUNDS {
        let mut next = || client.receive_answer().unwrap();
        assert!(next().unwrap()["assertion"].is_string());
        assert_eq!(brief(next()), says("Malformed", "transaction"));
        // In the order of the frames: what was issued before is in the ledger.
        assert!(next().unwrap()["entries"].as_u64().unwrap() > 2 * round);
        assert_eq!(brief(next()), says("Malformed", ""));
        assert_eq!(brief(next()), says("Denied", "transaction-not-allowed"));
    }
}
