//! Registered clients: the same objects by JSON and by varlink, each application for itself.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::rig::{Rig, issue, opening, told};
use crate::registers::scene::good;
use crate::support::varlink::Client;

fn session(rig: &Rig, identity: &super::wire::Identity) -> String {
    let opened = told(&rig.curl(Some(identity), &[], "/v1/sessions", Some(&opening().to_string())));
    assert_eq!(opened.0, 200, "{opened:?}");
    opened.1["session"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_gets_by_json_what_the_socket_gives() {
    let rig = Rig::open("gate-json");
    let status = told(&rig.curl(Some(&rig.dpi), &[], "/v1/status", None));
    assert_eq!((status.0, status.1["ready"].as_bool()), (200, Some(true)));
    let session = session(&rig, &rig.dpi);
    let asked = issue(&session);
    let issued = told(&rig.curl(Some(&rig.dpi), &[], "/v1/assertions", Some(&asked.to_string())));
    assert_eq!(issued.0, 200, "{issued:?}");
    let assertion = issued.1["assertion"].as_str().unwrap();
    assert!(assertion.starts_with("<saml2:Assertion") || assertion.starts_with("<saml:Assertion"), "{assertion}");
    let entry = issued.1["entry"].as_u64().unwrap();
    let entries = crate::support::ledger::entries(&rig.scene.establishment);
    let named = format!("{:?}", entries[usize::try_from(entry).unwrap()].event);
    assert!(named.contains("gate:dpi"), "the ledger names the application: {named}");
    // The same nonce again.
    let again = told(&rig.curl(Some(&rig.dpi), &[], "/v1/assertions", Some(&asked.to_string())));
    assert_eq!((again.0, again.1["error"].as_str()), (409, Some("Replayed")));
    let report = json!({ "id": issued.1["id"], "outcome": "accepted" });
    assert_eq!(told(&rig.curl(Some(&rig.dpi), &[], "/v1/outcomes", Some(&report.to_string()))).0, 200);
    let close = json!({ "session": session }).to_string();
    assert_eq!(told(&rig.curl(Some(&rig.dpi), &["--request", "DELETE"], "/v1/sessions", Some(&close))).0, 200);
    let ended = told(&rig.curl(Some(&rig.dpi), &[], "/v1/assertions", Some(&issue(&session).to_string())));
    assert_eq!((ended.0, ended.1["parameters"]["reason"].as_str()), (403, Some("session-unknown")));
    // One wrong word each.
    for (path, body, status, error) in [
        ("/v1/sessions", "{}", 400, "InvalidParameter"),
        ("/v1/sessions", "[]", 400, "Malformed"),
        ("/v1/sessions", "{\"practitioner\":\"1\",\"practitioner\":\"2\"}", 400, "Malformed"),
        ("/v1/sessions", "{}},\"method\":\"fr.sceau.Gate.Clients\"", 400, "Malformed"),
        ("/v1/nothing", "{}", 404, "Malformed"),
        ("/v1/status", "{}", 405, "Malformed"),
        ("/v1/outcomes", "{\"id\":\"x\",\"outcome\":\"accepted\"}", 400, "Malformed"),
    ] {
        let wrong = told(&rig.curl(Some(&rig.dpi), &[], path, Some(body)));
        assert_eq!((wrong.0, wrong.1["error"].as_str()), (status, Some(error)), "{path} {body}");
    }
    let long = format!("{{\"practitioner\":\"{}\"}}", "1".repeat(70_000));
    assert_eq!(told(&rig.curl(Some(&rig.dpi), &[], "/v1/sessions", Some(&long))).0, 413);
    let text =
        rig.curl(Some(&rig.dpi), &["--header", "Content-Type: text/plain", "--data", "{}"], "/v1/sessions", None);
    assert_eq!(told(&text).0, 415);
}

#[test]
fn a_client_gets_by_varlink_the_sockets_own_bytes() {
    let rig = Rig::open("gate-varlink");
    let mut local = Client::of(&rig.scene.establishment);
    let mut remote = rig.varlink(&rig.dpi);
    for frame in [
        &br#"{"method":"org.varlink.service.GetInfo"}"#[..],
        br#"{"method":"fr.sceau.Token.Nothing"}"#,
        br#"{"method":"fr.sceau.Other.Nothing"}"#,
        b"no JSON",
        b"",
        br#"{"method":"fr.sceau.Token.OpenSession","parameters":{}}"#,
        br#"{"method":"fr.sceau.Token.Issue","parameters":{"session":"x","nonce":"n"}}"#,
    ] {
        local.send(frame).unwrap();
        remote.send(&[frame, b"\0"].concat()).unwrap();
        let ours = local.receive().unwrap().unwrap();
        assert_eq!(remote.until(b"\0").unwrap(), ours, "{}", String::from_utf8_lossy(frame));
    }
    let opened = remote.call("fr.sceau.Token.OpenSession", &opening()).unwrap();
    let session = opened["parameters"]["session"].as_str().unwrap();
    // Two frames in one piece are answered in their order.
    let calls = [issue(session), issue(session)].map(|parameters| {
        json!({ "method": "fr.sceau.Token.Issue", "parameters": parameters }).to_string() + "\0"
    });
    remote.send(calls.concat().as_bytes()).unwrap();
    for _ in calls {
        let answer: Value = serde_json::from_slice(&remote.until(b"\0").unwrap()).unwrap();
        assert!(answer["parameters"]["assertion"].is_string(), "{answer}");
    }
    // openssl's own client, as any stack of today.
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-alpn", "sceau-varlink/1", "-connect", &format!("127.0.0.1:{}", rig.port)])
        .args(["-cert", rig.dpi.certificate.to_str().unwrap(), "-key", rig.dpi.key.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    client.stdin.as_mut().unwrap().write_all(b"{\"method\":\"fr.sceau.Token.Status\"}\0").unwrap();
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while client.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte != [0] {
        answer.push(byte[0]);
    }
    client.kill().unwrap();
    client.wait().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap()["parameters"]["state"], "operational");
    // A frame over the limit is answered, then the connection ends.
    let mut long = rig.varlink(&rig.dpi);
    long.send(&[b'x'; 70_000]).unwrap();
    let answer: Value = serde_json::from_slice(&long.until(b"\0").unwrap()).unwrap();
    assert_eq!(answer["error"], "fr.sceau.Token.Malformed");
    assert!(long.rest().is_empty());
}

#[test]
fn an_application_has_what_is_its_own_alone() {
    let rig = Rig::open("gate-apart");
    let theirs = session(&rig, &rig.dpi);
    let stolen = told(&rig.curl(Some(&rig.labo), &[], "/v1/assertions", Some(&issue(&theirs).to_string())));
    let guessed = told(&rig.curl(Some(&rig.labo), &[], "/v1/assertions", Some(&issue("x").to_string())));
    assert_eq!((stolen.0, &stolen.1), (403, &guessed.1), "as an unknown one");
    let mut local = Client::of(&rig.scene.establishment);
    let refused = local.consult(&theirs, super::rig::PATIENT).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "session-unknown"));
    let asked = told(&rig.curl(Some(&rig.dpi), &[], "/v1/assertions", Some(&issue(&theirs).to_string())));
    assert_eq!(asked.0, 200);
    // It survives the connection, the gate and sceaud; another connection has it.
    rig.scene.kill_and_wait();
    rig.gate.kill();
    rig.gate.wait_ready(2);
    let port = rig
        .gate
        .log()
        .rsplit("address=127.0.0.1:")
        .next()
        .unwrap()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>();
    let rig = Rig { port: port.parse().unwrap(), ..rig };
    rig.wait_admitted(&rig.dpi);
    let asked = told(&rig.curl(Some(&rig.dpi), &[], "/v1/assertions", Some(&issue(&theirs).to_string())));
    assert_eq!(asked.0, 200, "{asked:?}");
    // Suspended by order: refused as a local one, and recorded under its name.
    let mut wire = rig.varlink(&rig.dpi);
    good(&rig.scene.practitioner("", &["suspend", "--application", "gate:dpi"], &["bob"]));
    let refused = wire.call("fr.sceau.Token.Issue", &issue(&theirs)).unwrap();
    assert_eq!(refused["parameters"]["reason"], "application-suspended", "{refused}");
    let other = told(&rig.curl(Some(&rig.labo), &[], "/v1/sessions", Some(&opening().to_string())));
    assert_eq!(other.0, 200, "the others go on");
}

#[test]
fn what_is_between_gate_and_sceaud_is_for_no_client() {
    let rig = Rig::open("gate-reserved");
    let mut wire = rig.varlink(&rig.dpi);
    let certificate = rig.labo.fingerprint.to_string();
    for method in ["fr.sceau.Gate.Introduce", "fr.sceau.Gate.Clients", "fr.sceau.Gate.Propose", "fr.sceau.Gate"] {
        let parameters = json!({ "certificate": certificate, "address": "", "key": certificate });
        let answer = wire.call(method, &parameters).unwrap();
        assert_eq!(answer["error"], "org.varlink.service.InterfaceNotFound", "{method}: {answer}");
    }
    let escaped = format!(
        "{{\"method\":\"fr.sceau.\\u0047ate.Introduce\",\"parameters\":{{\"certificate\":\"{certificate}\",\"address\":\"\"}}}}\0"
    );
    wire.send(escaped.as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&wire.until(b"\0").unwrap()).unwrap();
    assert_eq!(answer["error"], "org.varlink.service.InterfaceNotFound");
    let status = wire.call("fr.sceau.Token.Status", &json!({})).unwrap();
    assert_eq!(status["parameters"]["state"], "operational", "the connection goes on as it was");
}
