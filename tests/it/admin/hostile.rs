//! Who misbehaves at the operators' door harms nobody, and fills no ledger.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use super::office::{Office, PROMPT};
use crate::doorstep::{brief, says};
use crate::support::ledger::entries;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::varlink::Client;

#[test]
fn hostile_frames_are_answered_and_the_door_goes_on() {
    let office = Office::open();
    let mut client = office.client();
    for garbage in
        [&b""[..], b"{", b"[]", b"null", b"\xff\xfe", b"{\"method\":1}", b"{\"method\":\"a\",\"method\":\"b\"}"]
    {
        client.send(garbage).unwrap();
        let (error, _) = brief(client.receive_answer().unwrap());
        assert!(["Malformed", "InvalidParameter"].contains(&error.as_str()), "{garbage:?}: {error}");
    }
    let mut ask = |method: &str, parameters: Value| brief(client.call(method, parameters));
    assert_eq!(ask("fr.sceau.Admin.Nothing", json!({})).0, "MethodNotFound");
    assert_eq!(ask("fr.sceau.Token.Status", json!({})).0, "InterfaceNotFound");
    assert_eq!(ask("fr.sceau.Admin.Instance", json!({ "x": 1 })), says("Malformed", "x"));
    assert_eq!(ask("fr.sceau.Admin.Submit", json!({ "order": "{}" })), says("InvalidParameter", "signatures"));
    for wrong in [json!("x"), json!([1]), json!({}), json!([null]), json!([["x"]])] {
        let parameters = json!({ "order": "{}", "signatures": wrong });
        assert_eq!(ask("fr.sceau.Admin.Submit", parameters), says("InvalidParameter", "signatures"));
    }
    assert_eq!(ask("fr.sceau.Admin.Checkpoint", json!({ "x": 1 })), says("Malformed", "x"));
    let proof = "fr.sceau.Admin.Consistency";
    for (since, size, field) in [(0, 1_000_000, "size"), (2, 1, "since")] {
        assert_eq!(ask(proof, json!({ "since": since, "size": size })), says("Malformed", field));
    }
    for wrong in [json!("1"), json!(-1), json!(0.5), json!(null), json!([1])] {
        assert_eq!(ask(proof, json!({ "since": wrong, "size": 1 })), says("InvalidParameter", "since"));
    }
    let export =
        office.order("traces-export", json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" }));
    let parameters = json!({ "order": export.to_string(), "signatures": [] });
    assert_eq!(ask("fr.sceau.Admin.Submit", parameters).0, "ExpectedMore");
    // A frame over the limit is answered, and then the connection ends.
    client.send(&vec![b' '; 65 * 1024]).unwrap();
    assert_eq!(brief(client.receive_answer().unwrap()), says("Malformed", ""));
    assert_eq!(client.receive().unwrap(), None);
    assert_eq!(office.client().call(proof, json!({ "since": 0, "size": 0 })).unwrap(), json!({ "proof": [] }));
    let described = office
        .client()
        .call("org.varlink.service.GetInterfaceDescription", json!({ "interface": "fr.sceau.Admin" }));
    assert!(described.unwrap()["description"].as_str().unwrap().contains("method Submit("));
}

#[test]
fn a_flood_of_refused_orders_is_bounded() {
    let office = Office::open();
    let before = entries(&office.door.establishment).len();
    let order = office.revoke("carol").to_string();
    let mut denied = 0;
    for _ in 0..100 {
        match brief(office.submit_text(&order, vec!["x".to_owned()])) {
            (error, reason) if error == "Denied" => {
                assert_eq!(reason, "signature-invalid");
                denied += 1;
            }
            (error, _) => assert_eq!(error, "Busy"),
        }
    }
    assert_eq!(denied, 30);
    assert_eq!(entries(&office.door.establishment).len() - before, 30);
}

/// The disk gives up under an order: nothing is ordered or issued any more, and the door still says why.
#[test]
fn a_halted_daemon_still_says_why() {
    let office = Office::open();
    let file = office.door.establishment.folder.join("ledger/ledger.sqlite");
    rusqlite::Connection::open(file).unwrap().execute_batch("DROP TABLE orders").unwrap();
    let revoke = office.revoke("carol");
    assert_eq!(brief(office.submit(&revoke, &[&office.alice])), says("Halted", ""));
    let instance = office.call("Instance", json!({})).unwrap();
    assert_eq!(instance["state"], "halted");
    assert!(instance["halted"].as_str().unwrap().contains("disque"), "{instance}");
    assert_eq!(office.active().len(), 4);
    let status = office.door.client().status();
    assert_eq!((&status["state"], &status["halted"]), (&json!("halted"), &json!("ledger-broken")));
    assert_eq!(brief(office.submit(&revoke, &[&office.alice])), says("Halted", ""));
    for (verb, part) in [(&["status"][..], "ledger-broken : le disque"), (&["operators", "list"], "Arrêté")] {
        let config = office.door.establishment.config();
        let output = Command::new(program("sceau")).args(verb).arg("--config").arg(config).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains(part), "{output:?}");
    }
}

/// A varlink library that we did not write reads every declaration.
#[test]
fn an_independent_reader_understands_the_interface() {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    let script = "import sys, varlink; i = varlink.Interface(sys.argv[1]); print(i.name, *sorted(i.members))";
    let said = run(Command::new(python.trim()).args(["-c", script, sceau::varlink::ADMIN_INTERFACE]));
    let members = "Applications Attach Busy Checkpoint Connector Connectors Consistency Convention Denied Enrolment Enrolments Halted Instance Malformed Module Operator Operators Practitioners Submit Suspensions TakeConvention Unavailable Watched";
    assert_eq!(said.trim(), format!("fr.sceau.Admin {members}"));
}

#[test]
fn slow_and_many_operators_keep_nobody_waiting() {
    let office = Office::open();
    let mut slow: Vec<Client> = (0..8).map(|_| office.client()).collect();
    for client in &slow {
        // Half a frame each, and silence.
        let mut stream = client.stream();
        stream.write_all(b"{\"method\":\"fr.sceau.Admin.").unwrap();
    }
    let mut ninth = office.client();
    assert_eq!(brief(ninth.receive_answer().unwrap()).0, "Busy");
    let began = Instant::now();
    office.door.client().status();
    assert!(began.elapsed() < PROMPT, "the applications' door waited for operators");
    slow.pop();
    crate::doorstep::until("a place is free again", || {
        Client::connect(&office.door.establishment.admin_socket())
            .and_then(|mut client| client.try_call("fr.sceau.Admin.Instance", json!({})))
            .is_ok_and(|answer| answer.is_ok())
    });
}
