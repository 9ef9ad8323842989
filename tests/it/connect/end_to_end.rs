//! `sceaud`, `sceau-gate` and `sceau-connect` together: from the invitation to a good assertion, and to its withdrawal.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::appliance::{APPLICATION, Appliance, free_port};
use crate::clients::program::Program;
use crate::doorstep::{consultation, physician_login};
use crate::forge::readers::assert_verified;
use crate::registers::scene::good;
use crate::support::companion::Server;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{ago, nonce};
use crate::support::wait::until;

/// A call of the loopback door: status and JSON.
pub(super) fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "60", "--noproxy", "*", "--write-out", "\n%{http_code}"])
        .args(["-H", "Content-Type: application/json", "--data-binary", &body.to_string()])
        .arg(format!("{}{path}", server.http()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn from_the_invitation_to_good_assertions_and_the_withdrawal() {
    let address = format!("127.0.0.1:{}", free_port());
    let appliance = Appliance::start(Plan::new("connect-end"), None, &address, "127.0.0.1");
    let server = Server::new(None);
    appliance.introduce(&server);
    let companion = server.serving();
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut keep = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        files.push(file);
    };
    // The guide's three clients, unchanged: the socket is all they know.
    let clients = [
        Some(("python", Program::python())),
        Some(("java", Program::java())),
        Program::csharp().map(|p| ("csharp", p)),
    ];
    for (name, client) in clients.into_iter().flatten() {
        let instant = ago(Duration::from_secs(60));
        let practitioner = Practitioner::physician().id;
        let mut words = vec!["--socket", companion.socket.to_str().unwrap(), "--practitioner", &practitioner];
        words.extend(["--method", "CPS", "--instant", &instant, "--transaction", "3.1", "--ins", "-"]);
        words.extend(["--service", "consultation", "--profile", "dmp-air"]);
        let said = client.run(&words, PATIENTS[0]);
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
        keep(name, &said.out);
    }
    // JSON over the loopback: the same objects.
    let (status, opened) = post(&server, "/v1/sessions", &physician_login());
    assert_eq!(status, 200, "{opened}");
    let session = opened["session"].as_str().unwrap();
    let mut issue = consultation(session, PATIENTS[0]);
    issue["nonce"] = nonce().into();
    let (status, issued) = post(&server, "/v1/assertions", &issue);
    assert_eq!(status, 200, "{issued}");
    keep("http", issued["assertion"].as_str().unwrap().as_bytes());
    let (status, again) = post(&server, "/v1/assertions", &issue);
    assert_eq!((status, again["error"].as_str()), (409, Some("Replayed")), "{again}");
    // The session is the application's, whichever of its doors it comes through.
    let mut client = companion.client();
    keep("socket", client.issue(consultation(session, PATIENTS[0])).unwrap().assertion.as_bytes());
    let files: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    assert_verified(&appliance.scene.establishment.folder.join("pki"), &files);
    // Every assertion is recorded for the application of the other machine.
    let recorded = crate::support::ledger::issued(&appliance.scene.establishment);
    assert_eq!(recorded, files.len());
    let said = server.verb(&["status", "--json"], "");
    let status: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (said.status.code(), status["appliances"][0]["ready"].as_bool()),
        (Some(0), Some(true)),
        "{status}"
    );
    // Withdrawn by an order: nothing more, in words that say whom to ask.
    let fingerprint = status["fingerprint"].as_str().unwrap();
    let application = format!("gate:{APPLICATION}");
    let revoke = ["revoke-certificate", "--application", &application, "--certificate", fingerprint];
    good(&appliance.scene.applications(&revoke, &["alice"]));
    until("the companion is not admitted any more", || {
        let refused = client.try_call("fr.sceau.Token.Status", json!({})).unwrap();
        refused.is_err_and(|refused| refused.brief() == ("Unavailable", "appliance-unreachable"))
    });
    let said = server.verb(&["status"], "");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.code() == Some(3) && text.contains("n'admet pas (ou plus) le certificat"), "{text}");
}
