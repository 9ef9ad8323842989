//! Evidence of a machine that really booted, judged on the host by the published reference values.

use super::artefacts;
use super::life::provisioned;

/// Names of the checks that did not pass.
fn failed(verdict: &serde_json::Value) -> Vec<&str> {
    let checks = verdict["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["status"] == "failed").map(|check| check["check"].as_str().unwrap()).collect()
}

#[test]
fn what_the_machine_attests_is_what_was_published() {
    let (mut machine, officer) = (provisioned().machine.twin(), provisioned().officer.twin());
    officer.nonce(machine.stick());
    let mut boot = machine.boot();
    let answer = boot.comes_up();
    assert!(answer.contains("preuve d'état"), "{answer}");
    let (code, verdict) = officer.judges(boot.stick(), &artefacts::reference());
    assert_eq!((code, verdict["verdict"].as_str()), (0, Some("good")), "{verdict:#}");
    // The canary: the same evidence, held against what another image would show, is foreign.
    let other = tempfile::NamedTempFile::new().unwrap();
    let text = std::fs::read_to_string(artefacts::reference()).unwrap();
    let mut values: serde_json::Value = serde_json::from_str(&text).unwrap();
    for admitted in values["admitted"].as_array_mut().unwrap() {
        for value in admitted["pcrs"].as_array_mut().unwrap().iter_mut().filter(|value| value["pcr"] == 11) {
            value["sha256"] = "5".repeat(64).into();
        }
    }
    std::fs::write(other.path(), values.to_string()).unwrap();
    let (code, verdict) = officer.judges(boot.stick(), other.path());
    assert!(code == 1 && !failed(&verdict).is_empty(), "{verdict:#}");
}
