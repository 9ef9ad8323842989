//! A SOAP stack on an application server that knows a loopback address alone: companion, gate, relay, DMP.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use super::dmp::source;
use super::rig::{Rig, RigPlan};
use crate::connect::appliance::{Appliance, admit_gate, free_port};
use crate::connect::companion::Server;
use crate::registers::scene::Scene;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::softhsm::run;
use crate::support::varlink::{login, nonce};

const DOCUMENT_LEN: usize = 300_000;

#[test]
fn zeep_consults_a_record_through_companion_and_gate() {
    let rig = RigPlan { edit: Box::new(admit_gate), ..RigPlan::default() }.start();
    let host = rig.host();
    let Rig { relay, signer, daemons, dmp, establishment, .. } = rig;
    let dmp = dmp.unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let appliance = Appliance::over(Scene::over(daemons, establishment), None, &address, "127.0.0.1");
    let server = Server::new(None);
    appliance.introduce(&server);
    let companion = server.serving();
    let login = login(&Practitioner::physician().id, "CPS", "consultation");
    let session = companion.client().open_session(login).unwrap();
    // ITI-18 ignores it; ITI-43 answers so.
    dmp.behave(&json!({ "document": DOCUMENT_LEN, "only": "/repository" }));
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    let mut zeep = Command::new(python.trim());
    zeep.arg(source("lps.py")).arg(server.http()).arg(host).args([PATIENTS[0], PATIENTS[1]]);
    let mut zeep = zeep.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let secrets = [session, nonce(), nonce(), nonce()].join("\n");
    zeep.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let output = zeep.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success");
    assert_eq!(lines[1], format!("{DOCUMENT_LEN} True"));
    assert!(lines[2].starts_with("patient-mismatch | "), "{}", lines[2]);
    let calls = dmp.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call["verdict"] == "accepted"));
    // Programs before their folder.
    drop((companion, dmp, relay, signer, appliance));
}
