//! How the TPM is, for whoever watches it: `sceau check`.

use std::process::Command;

use serde_json::{Value, json};

use super::rig::Machine;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

/// Rules about the TPM that `sceau check` found broken.
fn found(machine: &Machine) -> Vec<String> {
    let mut sceau = Command::new(program("sceau"));
    sceau.args(["check", "--json", "--config"]).arg(machine.establishment.config());
    let report: Value = serde_json::from_slice(&sceau.output().unwrap().stdout).unwrap();
    assert!(report["checked"].as_array().unwrap().contains(&"tpm".into()), "{report}");
    let rules = report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap());
    rules.filter(|rule| rule.starts_with("tpm-")).map(str::to_owned).collect()
}

#[test]
fn what_is_amiss_with_the_tpm_is_found() {
    let Some(mut machine) = Machine::with("what_is_amiss_with_the_tpm_is_found", Swtpm::manufactured) else {
        return;
    };
    assert_eq!(found(&machine), ["tpm-unreachable"]);
    let daemon = machine.attestd();
    assert_eq!(found(&machine), ["tpm-not-enrolled"]);
    machine.ask("Enrol", json!({})).unwrap();
    assert_eq!(found(&machine), Vec::<String>::new());
    let status = machine.ask("Status", json!({})).unwrap();
    let members = json!({
        "enrolled": true, "lockout": false, "lockout_guarded": false, "counter": true, "sealed": [],
    });
    assert_eq!(status, members);
    // A sealed PIN whose wrong boot PINs anybody may have forgotten.
    let kept = machine.establishment.folder.join("attest/seal.sealed.json");
    std::fs::write(&kept, "{}").unwrap();
    assert_eq!(found(&machine), ["tpm-lockout-unguarded"]);
    run(&mut machine.tpm.tool("tpm2_changeauth", &["-c", "lockout", "kept in a safe"]));
    assert_eq!(found(&machine), Vec::<String>::new());
    run(&mut machine.tpm.tool("tpm2_changeauth", &["-c", "lockout", "-p", "kept in a safe"]));
    std::fs::remove_file(kept).unwrap();
    // Somebody guesses at an object of the TPM.
    run(&mut machine.tpm.tool("tpm2_dictionarylockout", &["-s", "-n", "1", "-t", "1000", "-l", "1000"]));
    run(&mut machine.tpm.tool("tpm2_createprimary", &["-C", "o", "-p", "right", "-c", "primary"]));
    let guess = ["-C", "primary", "-P", "wrong", "-u", "public", "-r", "private"];
    assert!(!machine.tpm.tool("tpm2_create", &guess).output().unwrap().status.success());
    run(&mut machine.tpm.tool("tpm2_flushcontext", &["--transient-object"]));
    run(&mut machine.tpm.tool("tpm2_flushcontext", &["--loaded-session"]));
    assert_eq!(found(&machine), ["tpm-lockout"]);
    machine.tpm.cut();
    assert_eq!(found(&machine), ["tpm-trouble"]);
    drop(daemon);
}
