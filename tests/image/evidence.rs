//! A second boot of the same appliance: its state is kept, and what it attests is judged on the host by what was published.

use std::sync::LazyLock;

use serde_json::Value;

use super::artefacts;
use super::life::provisioned;
use super::officer::Officer;

/// What a boot of the provisioned appliance came to.
struct Again {
    answer: String,
    /// Exit code and verdict, before (its first boot) and now; then the canary's.
    verdicts: [(i32, Value); 3],
}

static AGAIN: LazyLock<Again> = LazyLock::new(|| {
    let appliance = provisioned();
    let (mut machine, site) = (appliance.machine.twin(), &appliance.site);
    let officer: Officer = appliance.officer.twin();
    let before = officer.judges(appliance.machine.stick(), &artefacts::reference());
    officer.nonce(machine.stick());
    // The same file again: it knows that it was applied.
    site.provision(machine.stick());
    let mut boot = machine.boot();
    let answer = boot.comes_up();
    let now = officer.judges(boot.stick(), &artefacts::reference());
    let other = officer.judges(boot.stick(), of_another_image().path());
    Again { answer, verdicts: [before, now, other] }
});

/// Reference values with another PCR 11.
fn of_another_image() -> tempfile::NamedTempFile {
    let other = tempfile::NamedTempFile::new().unwrap();
    let mut values: Value =
        serde_json::from_str(&std::fs::read_to_string(artefacts::reference()).unwrap()).unwrap();
    for admitted in values["admitted"].as_array_mut().unwrap() {
        for value in admitted["pcrs"].as_array_mut().unwrap().iter_mut().filter(|value| value["pcr"] == 11) {
            value["sha256"] = "5".repeat(64).into();
        }
    }
    std::fs::write(other.path(), values.to_string()).unwrap();
    other
}

/// Names of the checks that did not pass.
fn failed(verdict: &Value) -> Vec<&str> {
    let checks = verdict["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["status"] == "failed").map(|check| check["check"].as_str().unwrap()).collect()
}

#[test]
fn what_the_machine_attests_is_what_was_published() {
    assert!(AGAIN.answer.contains("preuve d'état"), "{}", AGAIN.answer);
    let [before, now, other] = &AGAIN.verdicts;
    for (code, verdict) in [before, now] {
        assert_eq!((*code, verdict["verdict"].as_str()), (0, Some("good")), "{verdict:#}");
    }
    // The canary: the same evidence, held against what another image would show, is foreign.
    assert!(other.0 == 1 && !failed(&other.1).is_empty(), "{:#}", other.1);
}

#[test]
fn a_reboot_keeps_its_state() {
    let answer = &AGAIN.answer;
    assert!(answer.contains("déjà appliqué") && answer.contains("État : provisionnée\n"), "{answer}");
    // The TPM's counter and the ledger went on from where the first boot left them.
    let shown = |at: usize, name: &str| AGAIN.verdicts[at].1["shown"][name].as_u64().unwrap();
    assert!(shown(1, "counter") > shown(0, "counter"), "{} then {}", shown(0, "counter"), shown(1, "counter"));
    assert!(shown(1, "ledger_entries") >= shown(0, "ledger_entries"));
}
