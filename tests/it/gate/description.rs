//! What the gate says of its JSON side, tried by schemathesis: what is described is what is served.

use super::rig::{Rig, opening, told};
use crate::support::skip::skip;
use crate::support::softhsm::run;

#[test]
fn the_gate_describes_itself() {
    let rig = Rig::open("gate-openapi");
    let (status, document) = told(&rig.curl(Some(&rig.dpi), &[], "/openapi.json", None));
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    assert_eq!(document, sceau::gate::document());
}

#[test]
fn what_is_described_is_what_is_served() {
    let rig = Rig::open("gate-schemathesis");
    let folder = &rig.scene.establishment.folder;
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(std::process::Command::new("sh").arg(venv));
    let program = std::path::Path::new(python.trim()).with_file_name("schemathesis");
    if !program.exists() {
        return skip("gate: schemathesis", "it is not installed here");
    }
    let (_, document) = told(&rig.curl(Some(&rig.dpi), &[], "/openapi.json", None));
    std::fs::write(folder.join("openapi.json"), document.to_string()).unwrap();
    let output = std::process::Command::new(program)
        .args(["run", "openapi.json", "--url", &format!("https://127.0.0.1:{}", rig.port), "--tls-verify", "false"])
        .arg("--request-cert").arg(&rig.dpi.certificate).arg("--request-cert-key").arg(&rig.dpi.key)
        .args(["--max-examples", "40", "--seed", "1", "--workers", "1", "--suppress-health-check", "all"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method"])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // The schema describes what a right request gets, as well.
    assert_eq!(told(&rig.curl(Some(&rig.dpi), &[], "/v1/sessions", Some(&opening().to_string()))).0, 200);
}
