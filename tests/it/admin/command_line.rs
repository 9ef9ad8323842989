//! `sceau operators` and `sceau order`: what people type, with ssh-keygen behind it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::office::Office;
use crate::support::plan::Plan;
use crate::support::program::program;

fn sceau(office: &Office, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("sceau"));
    command.args(arguments).arg("--config").arg(office.door.establishment.config());
    command.current_dir(&office.door.establishment.folder).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

fn names(office: &Office) -> Vec<String> {
    let list = json(&sceau(office, &["operators", "list", "--json"]));
    assert_eq!(list["ledger"], office.ledger.as_str());
    list["operators"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap().to_owned()).collect()
}

/// `ssh-keygen -Y sign` alone, as the commands show it.
fn sign(office: &Office, key: &str, order: &str) -> Output {
    Command::new(program("sceau"))
        .args(["order", "sign", "--key", key, order])
        .current_dir(&office.door.establishment.folder)
        .output()
        .unwrap()
}

#[test]
fn operators_are_registered_listed_and_revoked_by_commands() {
    let office = Office::empty(Plan::new("sceau-operators"));
    assert!(said(&sceau(&office, &["operators", "list"])).contains("sceau operators bootstrap"));
    let bootstrap = sceau(
        &office,
        &[
            "operators",
            "bootstrap",
            "--operator",
            "alice:administrator:alice.pub",
            "--operator",
            "bob:approver,auditor:bob.pub",
            "--sign-with",
            "alice",
            "--sign-with",
            "bob",
        ],
    );
    assert!(bootstrap.status.success(), "{}", said(&bootstrap));
    assert_eq!(names(&office), ["alice", "bob"]);
    let add = "operators add --name carol --role auditor --key carol.pub --sign-with alice --sign-with bob";
    let add: Vec<&str> = add.split(' ').collect();
    let added = sceau(&office, &[&add[..], &["--json"]].concat());
    assert!(json(&added)["entry"].is_u64(), "{}", said(&added));
    let again = sceau(&office, &add);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("operator-exists"), "{}", said(&again));
    let revoke = ["operators", "revoke", "--name", "bob", "--sign-with", "alice"];
    assert!(said(&sceau(&office, &revoke)).contains("signers-missing"));
    let both = sceau(&office, &[&revoke[..], &["--sign-with", "bob"]].concat());
    assert!(both.status.success(), "{}", said(&both));
    let table = said(&sceau(&office, &["operators", "list"]));
    for part in ["bob : approver, auditor", "RÉVOQUÉ", "SHA256:", "carol : auditor", &office.ledger] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
    // Nobody's comment is kept.
    assert!(
        !table.contains("comment")
            && !json(&sceau(&office, &["operators", "list", "--json"])).to_string().contains("comment")
    );
}

#[test]
fn two_persons_sign_one_file_and_a_third_submits_it() {
    let office = Office::open();
    let folder = &office.door.establishment.folder;
    let order = sceau(&office, &["order", "new", "operator-revoke", "--argument", "name=dave"]);
    std::fs::write(folder.join("order.json"), &order.stdout).unwrap();
    for (key, file) in [("alice", "order.json.alice.sig"), ("bob", "order.json.bob.sig")] {
        let signed = sign(&office, key, "order.json");
        assert!(signed.status.success(), "{}", said(&signed));
        assert_eq!(String::from_utf8_lossy(&signed.stdout).trim(), file);
        // Whoever signs sees what.
        for part in ["operator-revoke", "dave", &office.ledger] {
            assert!(String::from_utf8_lossy(&signed.stderr).contains(part), "{part}");
        }
    }
    assert_eq!(sign(&office, "bob", "order.json").status.code(), Some(2), "a signature is not overwritten");
    // What ssh-keygen itself makes is the same thing.
    let by_hand = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "sceau-order", "-f", "dave", "order.json"])
        .current_dir(folder)
        .status();
    assert!(by_hand.unwrap().success() && folder.join("order.json.sig").exists());
    let submit = |signatures: &[&str]| {
        let signatures: Vec<&str> = signatures.iter().flat_map(|file| ["--signature", file]).collect();
        sceau(&office, &[&["order", "submit", "order.json"], &signatures[..]].concat())
    };
    let one = submit(&["order.json.sig"]);
    assert_eq!((one.status.code(), said(&one).contains("signers-missing")), (Some(1), true), "{}", said(&one));
    let two = submit(&["order.json.alice.sig", "order.json.bob.sig"]);
    assert!(two.status.success() && said(&two).contains("inscrit à l'entrée"), "{}", said(&two));
    assert!(said(&submit(&["order.json.alice.sig", "order.json.bob.sig"])).contains("order-already-used"));
    assert_eq!(office.active(), ["alice", "bob", "carol"]);
}

#[test]
fn an_order_without_a_key_is_printed_to_be_signed() {
    let office = Office::open();
    let printed = sceau(&office, &["operators", "revoke", "--name", "carol"]);
    let order: Value = json(&printed);
    assert_eq!(
        (order["verb"].as_str(), &order["arguments"]),
        (Some("operator-revoke"), &json!({ "name": "carol" }))
    );
    assert_eq!(office.active().len(), 4);
    let text = String::from_utf8(printed.stdout).unwrap();
    let signature = office.alice.sign("sceau-order", text.as_bytes());
    office.submit_text(&text, vec![signature]).unwrap();
}

#[test]
fn mistakes_are_told_and_order_nothing() {
    let office = Office::open();
    let before = office.orders().len();
    let usage = |arguments: &[&str], part: &str| {
        let output = sceau(&office, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{part} in {}", said(&output));
    };
    usage(&["order", "new", "operator-promote"], "operator-revoke");
    usage(&["order", "new", "operator-revoke"], "arguments");
    usage(&["order", "new", "operator-revoke", "--argument", "name"], "NOM=VALEUR");
    usage(&["order", "new", "operator-revoke", "--argument", "name=a", "--argument", "name=b"], "deux fois");
    usage(&["order", "new", "traces-close-dmp", "--argument", "patient=123456789012345"], "entrée standard");
    usage(&["order", "submit", "absent.json", "--signature", "x"], "absent.json");
    usage(&["operators", "add", "--name", "x", "--role", "king", "--key", "carol.pub"], "administrator");
    usage(&["operators", "revoke", "--name", "carol", "--sign-with", "absent"], "ssh-keygen");
    let nobody = Command::new(program("sceau"))
        .args(["operators", "list", "--socket", "/nowhere/admin.sock"])
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(3), "{}", said(&nobody));
    assert!(!Path::new("/nowhere").exists());
    assert_eq!(office.orders().len(), before);
}
