//! What the service says of itself, and what a varlink client that we did not write makes of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::doorstep::{DoorAlone, brief, consultation, physician_login, says, with};
use crate::support::collection::Collection;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::run;
use crate::support::varlink::nonce;

/// The interface as integrators rely on it: grow it, never break it.
const DECLARED: [&str; 20] = [
    "type Authentication (method: string, instant: string, initial_instant: ?string, proof: ?string)",
    "type Patient (ins: string, oid: ?string)",
    "type Signers (processes: int, sessions: int, processes_max: int, sessions_max: int, per_second: ?int)",
    "type Seal (structure: string, key: string, ready: bool, certificate_expires_at: string, signers: ?Signers)",
    "type Audit (key: string, ready: bool, checkpoint: int)",
    "type Trouble (reason: string, message: string)",
    "type Exceptional (purpose: string, count: int)",
    "type Rights (table: string, version: string, sha256: string)",
    "type Attached (kind: string, name: string, image: string)",
    "method OpenSession(practitioner: string, authentication: ?Authentication, structure: ?string, service: ?string, \
     channel: ?string, profile: ?string) -> (session: string, expires_at: string)",
    "method Issue(session: string, nonce: string, transaction: string, purpose: string, patient: ?Patient, \
     invisible_to_guardians: ?bool, receipt: ?bool) -> (assertion: string, id: string, issued_at: string, \
     expires_at: string, entry: int, receipt: ?string)",
    "method Report(id: string, outcome: string) -> ()",
    "method CloseSession(session: string) -> ()",
    "method Status() -> (state: string, ready: bool, version: string, profile: string, entries: int, seals: []Seal, \
     audit: ?Audit, halted: ?string, \
     troubles: []Trouble, exceptional: []Exceptional, rights: []Rights, sealed_keys: ?[]string, attached: []Attached)",
    "error Malformed (field: string, message: string)",
    "error Denied (reason: string, message: string)",
    "error Replayed (message: string)",
    "error Busy (retry_after_ms: int)",
    "error Unavailable (reason: string, message: string)",
    "error Halted (message: string)",
];

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What an interface's text declares, without comments.
fn declarations(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn the_service_describes_itself() {
    let door = DoorAlone::open(Plan::new("introspection").key_type(KeyType::P256));
    let mut client = door.client();
    let info = client.call("org.varlink.service.GetInfo", json!({})).unwrap();
    for member in ["vendor", "product", "version", "url"] {
        assert!(info[member].is_string(), "{member} in {info}");
    }
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["interfaces"], json!(["org.varlink.service", "fr.sceau.Token"]));
    let mut describe =
        |name: Value| client.call("org.varlink.service.GetInterfaceDescription", json!({ "interface": name }));
    for name in info["interfaces"].as_array().unwrap() {
        let text = describe(name.clone()).unwrap()["description"].as_str().unwrap().to_owned();
        assert_eq!(declarations(&text)[0], format!("interface {}", name.as_str().unwrap()));
    }
    let token = describe("fr.sceau.Token".into()).unwrap();
    assert_eq!(declarations(token["description"].as_str().unwrap())[1..], DECLARED);
    let refused = describe("fr.sceau.Admin".into()).unwrap_err();
    assert_eq!(refused.error, "org.varlink.service.InterfaceNotFound");
    assert_eq!(refused.parameters, json!({ "interface": "fr.sceau.Admin" }));
    assert_eq!(brief(describe(1.into())), says("InvalidParameter", "interface"));
    let missing = client.call("org.varlink.service.GetInterfaceDescription", json!({}));
    assert_eq!(brief(missing), says("InvalidParameter", "interface"));
    let extra = client.call("org.varlink.service.GetInfo", json!({ "extra": 1 }));
    assert_eq!(brief(extra), says("Malformed", "extra"));
}

#[test]
fn an_independent_client_needs_nothing_but_the_socket() {
    let establishment = Plan::new("introspection").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let python = run(Command::new("sh").arg(source("tests/verifiers/venv.sh")));
    let mut command = Command::new(python.trim());
    command.arg(source("tests/it/introspection.py")).arg(establishment.token_socket());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let issuing = with(with(consultation("", PATIENTS[0]), "nonce", nonce().into()), "session", Value::Null);
    let words = json!([physician_login(), issuing]).to_string();
    child.stdin.take().unwrap().write_all(words.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();

    let mut client = establishment.client();
    assert_eq!(said["info"], client.call("org.varlink.service.GetInfo", json!({})).unwrap());
    let description = json!({ "interface": "fr.sceau.Token" });
    let description = client.call("org.varlink.service.GetInterfaceDescription", description).unwrap();
    assert_eq!(said["description"], description["description"]);
    assert_eq!(said["not-found"][0], "org.varlink.service.InterfaceNotFound");
    // It read every declaration.
    let methods = json!(["CloseSession", "Issue", "OpenSession", "Report", "Status"]);
    let errors = json!(["Busy", "Denied", "Halted", "Malformed", "Replayed", "Unavailable"]);
    let types = json!([
        "Attached",
        "Audit",
        "Authentication",
        "Exceptional",
        "Patient",
        "Rights",
        "Seal",
        "Signers",
        "Trouble"
    ]);
    assert_eq!(said["members"], json!({ "_Method": methods, "_Error": errors, "_Alias": types }));
    // Every answer has the members that its declaration gives it; an optional one may be absent.
    for (answer, declared) in [("status", "status-fields"), ("issued", "issued-fields")] {
        let answer = said[answer].as_object().unwrap();
        let declared = said[declared].as_object().unwrap();
        assert!(answer.keys().all(|name| declared.contains_key(name)), "{answer:?}");
        for (name, kind) in declared {
            assert!(
                answer.get(name).is_some_and(|value| !value.is_null()) || kind == "_Maybe",
                "{name} in {answer:?}"
            );
        }
    }
    assert_eq!(said["status"]["state"], "operational");
    assert_eq!(said["replayed"][0], "fr.sceau.Token.Replayed");
    assert_eq!(said["closed"], json!({}));
    let (assertion, id) = (said["issued"]["assertion"].as_str().unwrap(), said["issued"]["id"].as_str().unwrap());
    Collection::of(&establishment).keep(assertion, id, "dmp-air", &"CPS".into());
}
