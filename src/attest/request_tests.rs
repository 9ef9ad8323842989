//! Whose word counts for what.
#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::*;

/// sceaud is 990, root 0.
const ADMITTED: Admitted = Admitted { ledger: 990, sealing: 0 };

fn may(uid: u32, method: &str, parameters: &Value) -> bool {
    let frame = json!({ "method": format!("{INTERFACE}.{method}"), "parameters": parameters }).to_string();
    match Request::read(frame.as_bytes(), uid, ADMITTED, &mut Vec::new()) {
        Ok(request) => request.is_some(),
        Err(No::Denied("caller-not-admitted", _)) => false,
        Err(other) => unreachable!("{method}: {other:?}"),
    }
}

#[test]
fn the_counter_is_sceauds_and_secrets_are_roots() {
    let seal = json!({
        "name": "seal", "secret": "1", "boot_pin": "2", "approver": "", "pcrs": "7", "signatures": "{}",
    });
    let key = json!({
        "role": "audit", "key": "audit", "public": "", "private": "", "parent": "0x81000001", "auth": "",
    });
    let challenge = json!({ "challenge": json!({
        "format": Challenge::FORMAT, "id": "0".repeat(64), "credential": "", "secret": "",
    }).to_string() });
    let cases = [
        ("Counter", json!({}), 990),
        ("Increment", json!({}), 990),
        ("Seal", seal, 0),
        ("Unseal", json!({ "name": "seal", "boot_pin": "2" }), 0),
        ("Approve", json!({ "name": "seal", "signatures": "{}" }), 0),
        ("Certify", key, 0),
        ("Enrol", json!({}), 0),
        ("Enrol", json!({ "anew": true }), 0),
        ("Activate", challenge, 0),
    ];
    for (method, parameters, owner) in &cases {
        for uid in [0, 990, 991, 1000, 65_534] {
            assert_eq!(may(uid, method, parameters), uid == *owner, "{method} by {uid}");
        }
    }
    let nonce = "0".repeat(64);
    for (method, parameters) in [
        ("Status", json!({})),
        ("Evidence", json!({ "nonce": nonce })),
        ("Foresee", json!({ "name": "seal", "expected": [] })),
    ] {
        assert!(may(1000, method, &parameters), "{method}");
    }
}
