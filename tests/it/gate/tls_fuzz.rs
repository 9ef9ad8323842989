//! Handshakes that a library which is not ours spoils: none of them gets in, nobody else notices.

use std::process::Command;

use serde_json::Value;

use super::rig::Rig;
use super::wire::Identity;
use crate::support::skip::skip;
use crate::support::softhsm::run;

/// Spoilt handshakes; each costs that library some hundredth of a second.
const TRIES: u64 = 150;
/// A finding is tried again by its number.
const SEED: u64 = 20_261_123;

#[test]
fn no_spoilt_handshake_gets_in() {
    let rig = Rig::of(super::rig::with_gate(crate::support::plan::Plan::new("gate-tls-fuzz")), |config| {
        // Nobody waits his turn: it is the handshakes that are tried, not their pace.
        let limits =
            [("failures_per_source_per_minute", 1_000_000.into()), ("strangers_per_minute", 1_000_000.into())];
        config.insert("limits".into(), crate::support::configuration::table(limits).into());
        config.insert("tls12".into(), true.into());
    });
    let folder = &rig.scene.establishment.folder;
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    if !Command::new(python.trim()).args(["-c", "import tlslite"]).status().unwrap().success() {
        return skip("gate: tlslite-ng", "it is not installed here");
    }
    Identity::make(folder, "stranger");
    let before = rig.heard();
    let output = Command::new(python.trim())
        .arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gate/tls_fuzz.py"))
        .args([&rig.port.to_string(), "dpi", "stranger", &TRIES.to_string(), &SEED.to_string()])
        .current_dir(folder)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("gate: spoilt handshakes: {told}");
    assert_eq!(told["whole"], true, "an unspoilt one of that library is served");
    assert_eq!(told["answered"], serde_json::json!([]), "none is answered");
    assert_eq!(told["served"], TRIES, "the client on its connection was served after each");
    let (entries, refusals) = rig.heard();
    // The unspoilt one asked for a session without saying whose.
    assert!(entries == before.0 && refusals <= before.1 + 1, "nothing else reached sceaud");
    assert_eq!(rig.gate.starts(), 1);
}
