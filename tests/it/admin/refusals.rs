//! Why an order is not obeyed: each reason by its name, in the answer and in the trace.

use serde_json::{Value, json};

use super::office::{Key, Office, at};
use crate::doorstep::{brief, says, with};

/// Submits what is refused, and holds answer and trace against the reason and the signers.
fn refused(office: &Office, order: &Value, keys: &[&Key], reason: &str, signers: &[&str]) {
    let before = office.active();
    assert_eq!(brief(office.submit(order, keys)), says("Denied", reason));
    let (verb, actors, refused) = office.trace_of(&order.to_string());
    assert_eq!((verb, refused.as_deref()), (order["verb"].as_str().unwrap().to_owned(), Some(reason)));
    assert_eq!(actors, signers, "{reason}");
    assert_eq!(office.active(), before, "{reason}");
}

#[test]
fn every_refusal_has_its_reason_and_its_trace() {
    let office = Office::open();
    let folder = &office.door.establishment.folder;
    let eve = Key::make(folder, "eve", &["-t", "ed25519"]);
    let (alice, bob, carol) = (&office.alice, &office.bob, &office.carol);
    let add = || office.add("eve", &["auditor"], &eve);
    refused(&office, &with(add(), "ledger", "0123456789abcdef".into()), &[alice], "other-ledger", &["alice"]);
    refused(&office, &with(add(), "expires_at", at(25 * 3600).into()), &[alice], "lifetime-too-long", &["alice"]);
    refused(&office, &with(add(), "expires_at", at(-60).into()), &[alice], "lifetime-too-long", &["alice"]);
    refused(&office, &with(add(), "issued_at", at(600).into()), &[alice], "order-not-yet-valid", &["alice"]);
    let past = with(with(add(), "issued_at", at(-7200).into()), "expires_at", at(-1).into());
    refused(&office, &past, &[alice], "order-expired", &["alice"]);
    refused(&office, &add(), &[], "signers-missing", &["?"]);
    refused(&office, &add(), &[&eve], "signer-unknown", &["?"]);
    // A stranger's signature beside a right one spoils it: somebody was fooled.
    refused(&office, &add(), &[alice, &eve], "signer-unknown", &["alice"]);
    refused(&office, &add(), &[alice, alice], "signer-twice", &["alice"]);
    refused(&office, &add(), &[alice], "signers-missing", &["alice"]);
    refused(&office, &add(), &[bob, carol], "role-missing", &["bob", "carol"]);
    let named = |name: &str| office.add(name, &["auditor"], &eve);
    for name in ["", "deux mots", "-x", "é", &"x".repeat(65), "a\u{7f}"] {
        refused(&office, &named(name), &[alice, bob], "operator-name", &["alice", "bob"]);
    }
    for roles in [&[][..], &["auditor", "auditor"]] {
        refused(&office, &office.add("eve", roles, &eve), &[alice, bob], "operator-roles", &["alice", "bob"]);
    }
    refused(&office, &named("bob"), &[alice, bob], "operator-exists", &["alice", "bob"]);
    refused(
        &office,
        &office.add("bob2", &["auditor"], bob),
        &[alice, bob],
        "operator-key-known",
        &["alice", "bob"],
    );
    refused(&office, &office.revoke("nobody"), &[alice], "operator-unknown", &["alice"]);
    refused(&office, &office.bootstrap_order(), &[alice], "bootstrap-done", &["alice"]);
    refused(&office, &office.order("clock-accept", json!({})), &[alice], "nothing-to-accept", &["alice"]);
    let counter = office.order("counter-accept", json!({}));
    refused(&office, &counter, &[alice, bob], "nothing-to-accept", &["alice", "bob"]);
}

#[test]
fn what_may_not_sign_is_refused_as_a_key() {
    let office = Office::open();
    let folder = &office.door.establishment.folder;
    for (name, arguments) in [
        ("short", &["-t", "rsa", "-b", "2048"][..]),
        ("dsa", &["-t", "dsa"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
    ] {
        let key = Key::make(folder, name, arguments);
        refused(
            &office,
            &office.add(name, &["auditor"], &key),
            &[&office.alice, &office.bob],
            "operator-key",
            &["alice", "bob"],
        );
    }
    let order =
        office.order("operator-add", json!({ "name": "x", "roles": ["auditor"], "key": "ssh-ed25519 AAAA" }));
    refused(&office, &order, &[&office.alice, &office.bob], "operator-key", &["alice", "bob"]);
}

/// The exact bytes, by the key, for this purpose: whatever is changed, the signature is no longer one.
#[test]
fn a_signature_is_of_these_bytes_for_this_purpose() {
    let office = Office::open();
    let text = office.revoke("carol").to_string();
    let by_alice = office.alice.sign("sceau-order", text.as_bytes());
    // The same order in other bytes.
    for other in [
        format!("{text}\n"),
        format!(" {text}"),
        text.replace("\"carol\"", "\"carole\""),
        text.replace("\":", "\": "),
    ] {
        let answer = office.submit_text(&other, vec![by_alice.clone()]);
        assert_eq!(brief(answer), says("Denied", "signature-invalid"), "{other}");
        assert_eq!(office.trace_of(&other).1, ["?"]);
    }
    for namespace in ["file", "sceau-orders", "sceau"] {
        let elsewhere = office.alice.sign(namespace, text.as_bytes());
        assert_eq!(brief(office.submit_text(&text, vec![elsewhere])), says("Denied", "signature-namespace"));
    }
    // Every tenth character of the armour's body changed.
    let body = by_alice.find('\n').unwrap() + 1..by_alice.rfind("\n-----").unwrap();
    for place in body.clone().step_by(10).filter(|place| by_alice.as_bytes()[*place] != b'\n').take(25) {
        let mut bytes = by_alice.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let spoilt = String::from_utf8(bytes).unwrap();
        let (error, reason) = brief(office.submit_text(&text, vec![spoilt]));
        let known = ["signature-invalid", "signature-namespace", "signer-unknown"].contains(&reason.as_str());
        assert!(error == "Denied" && known || error == "Busy", "{place}: {error} {reason}");
    }
    assert_eq!(office.active().len(), 4);
    office.kill_and_wait();
    office.submit_text(&text, vec![by_alice]).unwrap();
}

/// No such order: nothing is recorded.
#[test]
fn what_is_no_order_is_malformed_and_leaves_no_trace() {
    let office = Office::open();
    let before = office.orders().len();
    let order = || office.revoke("carol");
    let cases = [
        ("order", json!([])),
        ("order", json!("x")),
        ("order", with(order(), "extra", 1.into())),
        ("order", with(order(), "id", Value::Null)),
        ("order", with(order(), "arguments", Value::Null)),
        ("order.sceau_order", with(order(), "sceau_order", 2.into())),
        ("order.ledger", with(order(), "ledger", "".into())),
        ("order.ledger", with(order(), "ledger", "a b".into())),
        ("order.verb", with(order(), "verb", "operator-promote".into())),
        ("order.id", with(order(), "id", "short".into())),
        ("order.id", with(order(), "id", "0123456789abcdef/".into())),
        ("order.issued_at", with(order(), "issued_at", "2026-01-01T00:00:00+02:00".into())),
        ("order.expires_at", with(order(), "expires_at", "tomorrow".into())),
        ("order.arguments", with(order(), "arguments", json!({}))),
        ("order.arguments", with(order(), "arguments", json!(["carol"]))),
        ("order.arguments", with(order(), "arguments", json!({ "name": "carol", "extra": 1 }))),
        ("order.arguments", with(order(), "arguments", json!({ "name": 1 }))),
    ];
    for (field, order) in cases {
        assert_eq!(brief(office.submit(&order, &[&office.alice])), says("Malformed", field), "{order}");
    }
    let twice = order().to_string().replace("\"name\":", "\"name\":\"bob\",\"name\":");
    let signature = office.alice.sign("sceau-order", twice.as_bytes());
    assert_eq!(brief(office.submit_text(&twice, vec![signature])), says("Malformed", "order.arguments.name"));
    let long = with(order(), "id", "x".repeat(20_000).into()).to_string();
    assert_eq!(brief(office.submit_text(&long, vec![])), says("Malformed", "order"));
    let text = order().to_string();
    assert_eq!(brief(office.submit_text(&text, vec![String::new(); 6])), says("Malformed", "signatures"));
    assert_eq!(office.orders().len(), before);
}
