//! What the appliance attests, judged on the host by what was published; what it keeps over its boots.

use serde_json::Value;

use super::later::later;

/// Names of the checks that did not pass.
fn failed(verdict: &Value) -> Vec<&str> {
    let checks = verdict["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["status"] == "failed").map(|check| check["check"].as_str().unwrap()).collect()
}

#[test]
fn what_the_machine_attests_is_what_was_published() {
    assert!(later().answer.contains("preuve d'état"), "{}", later().answer);
    let [before, now, other] = &later().verdicts;
    for (code, verdict) in [before, now] {
        assert_eq!((*code, verdict["verdict"].as_str()), (0, Some("good")), "{verdict:#}");
    }
    // The canary: the same evidence, held against what another image would show, is foreign.
    assert!(other.0 == 1 && !failed(&other.1).is_empty(), "{:#}", other.1);
}

#[test]
fn a_reboot_keeps_its_state() {
    let answer = &later().answer;
    assert!(answer.contains("déjà appliqué") && answer.contains("État : provisionnée\n"), "{answer}");
    // The TPM's counter and the ledger went on from where the first boot left them.
    let shown = |at: usize, name: &str| later().verdicts[at].1["shown"][name].as_u64().unwrap();
    assert!(shown(1, "counter") > shown(0, "counter"), "{} then {}", shown(0, "counter"), shown(1, "counter"));
    assert!(shown(1, "ledger_entries") >= shown(0, "ledger_entries"));
}
