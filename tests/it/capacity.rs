//! `sceau bench` measures a token with a key that nobody keeps.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::establishment::Establishment;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::softhsm::run;

fn bench(establishment: &Establishment, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("sceau"));
    command.args(["bench", "--seconds", "1", "--config"]).arg(establishment.config()).args(arguments);
    command.env("SOFTHSM2_CONF", establishment.store.conf()).output().unwrap()
}

/// What the token holds, as another tool sees it.
fn objects(establishment: &Establishment) -> String {
    let mut tool = establishment.store.pkcs11_tool(&establishment.seals[0].token);
    run(tool.arg("--list-objects"))
}

#[test]
fn the_token_is_measured_with_a_key_that_it_does_not_keep() {
    let establishment = Plan::new("capacity").key_type(KeyType::P256).audit(None).build();
    let before = objects(&establishment);
    let output = bench(&establishment, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = told["raw"].as_array().unwrap();
    let has = |processes: u64, sessions: u64| {
        rows.iter().any(|row| {
            row["processes"] == processes && row["sessions"] == sessions && row["per_second"].as_f64() > Some(0.0)
        })
    };
    assert!(has(1, 1) && has(1, 2) && has(2, 1), "{told}");
    assert!(told["capacity_per_second"].as_f64() > Some(0.0), "{told}");
    assert_eq!(objects(&establishment), before);

    let output = bench(&establishment, &["--key", "seal-a"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Token de la clé seal-a, clé jetable RSA 2048"), "{text}");
    assert!(text.contains("Capacité estimée : "), "{text}");
}

#[test]
fn a_key_that_is_not_there_or_in_no_token_is_told() {
    let establishment = Plan::new("capacity").key_type(KeyType::P256).audit(None).build();
    let output = bench(&establishment, &["--key", "seal-z"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("clés configurées : seal-a"), "{said}");
    let sealed = Plan::new("capacity").key_type(KeyType::P256).keys(KeyOrigin::Sealed).audit(None).build();
    let output = bench(&sealed, &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("scellée"), "{said}");
}
