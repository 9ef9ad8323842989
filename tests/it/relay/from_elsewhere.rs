//! SOAP stacks on an application server that know a loopback address alone: companion, gate, relay, DMP.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use super::dmp::{Dmp, ServerPki, source};
use super::outside::jdk;
use super::rig::{Rig, RigPlan};
use crate::connect::appliance::{Appliance, admit_gate, free_port};
use crate::registers::scene::Scene;
use crate::support::companion::{Companion, Server};
use crate::support::daemon::Daemon;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::softhsm::run;
use crate::support::varlink::{login, nonce};

const DOCUMENT_LEN: usize = 300_000;

/// Everything between a SOAP stack and the DMP. Programs are dropped before their folder.
struct Way {
    companion: Companion,
    dmp: Dmp,
    host: String,
    _relay: [Daemon; 2],
    _appliance: Appliance,
    /// The folder of the DMP's certificates.
    _pki: ServerPki,
    server: Server,
}

impl Way {
    fn open() -> Way {
        let rig = RigPlan { edit: Box::new(admit_gate), ..RigPlan::default() }.start();
        let host = rig.host();
        let Rig { relay, signer, daemons, dmp, pki, establishment, .. } = rig;
        let address = format!("127.0.0.1:{}", free_port());
        let appliance = Appliance::over(Scene::over(daemons, establishment), None, &address, "127.0.0.1");
        let server = Server::new(None);
        appliance.introduce(&server);
        let companion = server.serving();
        let dmp = dmp.unwrap();
        // ITI-18 ignores it; ITI-43 answers so.
        dmp.behave(&json!({ "document": DOCUMENT_LEN, "only": "/repository" }));
        Way { companion, dmp, host, _relay: [relay, signer], _appliance: appliance, _pki: pki, server }
    }

    /// Runs a client with a session and nonces on its standard input; its lines.
    fn run(&self, mut client: Command) -> Vec<String> {
        let login = login(&Practitioner::physician().id, "CPS", "consultation");
        let session = self.companion.client().open_session(login).unwrap();
        let mut client =
            client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let secrets = [session, nonce(), nonce(), nonce()].join("\n");
        client.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
        let output = client.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let calls = self.dmp.calls();
        assert_eq!(calls.len(), 2);
        assert!(calls.iter().all(|call| call["verdict"] == "accepted"));
        said.lines().map(str::to_owned).collect()
    }
}

#[test]
fn zeep_consults_a_record_through_companion_and_gate() {
    let way = Way::open();
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    let mut zeep = Command::new(python.trim());
    zeep.arg(source("lps.py")).arg(way.server.http()).arg(&way.host).args([PATIENTS[0], PATIENTS[1]]);
    let lines = way.run(zeep);
    assert_eq!(lines[0], "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success");
    assert_eq!(lines[1], format!("{DOCUMENT_LEN} True"));
    assert!(lines[2].starts_with("patient-mismatch | "), "{}", lines[2]);
}

/// The companion is its HTTP proxy: the addresses that it calls are the DMP's own.
#[test]
fn a_jdk_client_consults_a_record_through_the_companion_as_its_proxy() {
    let way = Way::open();
    let lines = way.run(jdk(way.server.port, &way.host));
    assert_eq!(lines[0], "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success");
    assert_eq!(lines[1], format!("{DOCUMENT_LEN} 0"));
    assert!(lines[2].starts_with("{urn:fr.sceau:relay}patient-mismatch | "), "{}", lines[2]);
}
