//! The first operators: once, by root, each with his key.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::office::{Key, Office, named};
use crate::doorstep::{OtherUser, brief, says};
use crate::support::plan::Plan;
use crate::support::varlink::Client;

fn empty() -> Office {
    Office::empty(Plan::new("bootstrap"))
}

#[test]
fn the_first_operators_are_registered_once_and_each_signs() {
    let office = empty();
    assert_eq!(office.active(), [""; 0]);
    let early = office.order("clock-accept", json!({}));
    assert_eq!(brief(office.submit(&early, &[&office.alice])), says("Denied", "bootstrap-required"));
    let order = office.bootstrap_order();
    let three = [&office.alice, &office.bob, &office.carol];
    assert_eq!(brief(office.submit(&order, &three)), says("Denied", "signers-missing"));
    let eve = Key::make(&office.door.establishment.folder, "eve", &["-t", "ed25519"]);
    let with_a_stranger = [&office.alice, &office.bob, &office.carol, &eve];
    assert_eq!(brief(office.submit(&order, &with_a_stranger)), says("Denied", "signer-unknown"));
    let all = [&office.dave, &office.alice, &office.bob, &office.carol];
    office.submit(&order, &all).unwrap();
    let trace = office.trace_of(&order.to_string());
    let signers: Vec<String> = ["dave", "alice", "bob", "carol"].map(Into::into).into();
    assert_eq!(trace, ("operators-bootstrap".into(), signers, None));
    assert_eq!(office.active(), ["alice", "bob", "carol", "dave"]);
    // Neither the same again, nor another one, nor after a crash.
    office.kill_and_wait();
    assert_eq!(brief(office.submit(&order, &all)), says("Denied", "order-already-used"));
    assert_eq!(brief(office.submit(&office.bootstrap_order(), &all)), says("Denied", "bootstrap-done"));
}

#[test]
fn a_bootstrap_that_nobody_could_live_with_is_refused() {
    let office = empty();
    let (alice, bob) = (&office.alice, &office.bob);
    let order =
        |operators: serde_json::Value| office.order("operators-bootstrap", json!({ "operators": operators }));
    assert_eq!(brief(office.submit(&order(json!([])), &[alice])), says("Denied", "bootstrap-count"));
    let auditor = order(json!([named("alice", &["auditor"], alice)]));
    assert_eq!(brief(office.submit(&auditor, &[alice])), says("Denied", "bootstrap-too-few"));
    let one_key = json!([named("alice", &["administrator"], alice), named("bob", &["approver"], alice)]);
    assert_eq!(brief(office.submit(&order(one_key), &[alice])), says("Denied", "operator-key-known"));
    let one_name = json!([named("alice", &["administrator"], alice), named("alice", &["approver"], bob)]);
    assert_eq!(brief(office.submit(&order(one_name), &[alice, bob])), says("Denied", "operator-exists"));
    assert_eq!(office.active(), [""; 0]);
    office.submit(&order(json!([named("alice", &["administrator"], alice)])), &[alice]).unwrap();
}

/// In production the loss of any one key is repaired by the two others.
#[test]
fn production_wants_three_who_decide() {
    let office =
        Office::empty(Plan::new("bootstrap").production().policy(crate::support::certificate::TEST_POLICY));
    let [alice, bob, carol, dave] = [&office.alice, &office.bob, &office.carol, &office.dave];
    let (admin, approver) = (&["administrator"][..], &["approver"][..]);
    let order =
        |operators: serde_json::Value| office.order("operators-bootstrap", json!({ "operators": operators }));
    let two =
        json!([named("alice", admin, alice), named("dave", admin, dave), named("carol", &["auditor"], carol)]);
    assert_eq!(brief(office.submit(&order(two), &[alice, dave, carol])), says("Denied", "bootstrap-too-few"));
    let one = json!([named("alice", admin, alice), named("bob", approver, bob), named("carol", approver, carol)]);
    assert_eq!(brief(office.submit(&order(one), &[alice, bob, carol])), says("Denied", "bootstrap-too-few"));
    let three = json!([named("alice", admin, alice), named("bob", approver, bob), named("dave", admin, dave)]);
    office.submit(&order(three), &[alice, bob, dave]).unwrap();
    office.submit(&office.revoke("dave"), &[alice, bob]).unwrap();
    assert_eq!(brief(office.submit(&office.revoke("bob"), &[alice, bob])), says("Denied", "last-pair"));
}

#[test]
fn only_root_registers_the_first_operators() {
    let what = "admin::only_root_registers_the_first_operators";
    let Some(other) = OtherUser::named("nobody", what) else { return };
    let office = empty();
    let socket = office.door.establishment.admin_socket();
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let knocks = other
        .command("/usr/bin/python3".as_ref())
        .args(["-I", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"])
        .arg(&socket)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&knocks.stderr).contains("PermissionError"), "{knocks:?}");
    // A member of the group may knock; that is all.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let way = other.way_to_socket(&office.door.establishment, &socket);
    let mut client: Client = way.client().unwrap();
    let text = office.bootstrap_order().to_string();
    let all = [&office.alice, &office.bob, &office.carol, &office.dave];
    let signatures: Vec<_> = all.iter().map(|key| key.sign("sceau-order", text.as_bytes())).collect();
    let parameters = json!({ "order": text, "signatures": signatures });
    let answer = client.call("fr.sceau.Admin.Submit", parameters.clone());
    assert_eq!(brief(answer), says("Denied", "bootstrap-not-root"));
    assert_eq!(office.trace_of(&text).2.as_deref(), Some("bootstrap-not-root"));
    office.call("Submit", parameters).unwrap();
}
