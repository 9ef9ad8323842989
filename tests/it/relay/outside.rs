//! A SOAP stack that we did not write, over the socket: ITI-18, an ITI-43 answer in MTOM, and a fault that it understands.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use super::dmp::source;
use super::rig::Rig;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::run;
use crate::support::varlink::nonce;

const DOCUMENT_LEN: usize = 300_000;

#[test]
fn zeep_consults_a_record_through_the_socket() {
    let rig = Rig::start();
    let session = rig.session();
    // ITI-18 ignores it; ITI-43 answers so.
    rig.dmp().behave(&json!({ "document": DOCUMENT_LEN, "only": "/repository" }));
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    let mut zeep = Command::new(python.trim());
    zeep.arg(source("lps.py")).arg(rig.establishment.folder.join("run/relay.sock")).arg(rig.host());
    zeep.args([PATIENTS[0], PATIENTS[1]]);
    let mut zeep = zeep.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let secrets = [session, nonce(), nonce(), nonce()].join("\n");
    zeep.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let output = zeep.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success");
    assert_eq!(lines[1], format!("{DOCUMENT_LEN} True"));
    assert!(
        lines[2].starts_with("patient-mismatch | le corps de l'appel ne nomme pas le patient"),
        "{}",
        lines[2]
    );
    let calls = rig.dmp().calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call["verdict"] == "accepted"));
}
