//! An auditor orders an archive; the officer's program finds the order in it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::doorstep::physician_login;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::wait::eventually;

/// Runs `sceau` with the establishment's configuration; everything it said.
pub(super) fn sceau(of: &Establishment, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program("sceau"));
    let output =
        command.args(arguments).arg("--config").arg(of.config()).current_dir(&of.folder).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

pub(super) fn done(of: &Establishment, arguments: &[&str]) -> String {
    let (code, said) = sceau(of, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}

fn judged(of: &Establishment, file: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut verifier = Command::new(program("sceau-verify"));
    verifier.args(["traces", file, "--key", "pki/AUDIT.pub"]).args(more).current_dir(&of.folder);
    let output = verifier.output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// One person who may order everything that one may.
fn operator(of: &Establishment) {
    let mut keygen = Command::new("ssh-keygen");
    run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(of.folder.join("carol")));
    let whom = "carol:administrator,auditor:carol.pub";
    done(of, &["operators", "bootstrap", "--operator", whom, "--sign-with", "carol"]);
}

#[test]
fn an_ordered_archive_shows_its_order_and_what_was_asked() {
    let of = Plan::new("traces-order").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&of);
    operator(&of);
    let keep = ["traces", "checkpoint", "--out", "kept.txt"];
    eventually("a checkpoint", || (sceau(&of, &keep).0 == Some(0)).then_some(()));
    let mut client = of.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    let practitioner = physician_login()["practitioner"].as_str().unwrap().to_owned();
    let period = ["--from", "2020-01-01", "--to", "2090-01-01"];
    let export = [&["traces", "export", "--practitioner", &practitioner], &period[..]].concat();
    let signed = [&export[..], &["--since", "kept.txt", "--out", "a.zip", "--sign-with", "carol"]].concat();
    done(&of, &signed);
    let (code, said) = judged(&of, "a.zip", &["--since", "kept.txt"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ordre        : entrée") && said.contains("complet, entrées n° 1 à"), "{said}");
    // Nothing is written over, and a patient is never typed.
    assert_eq!(sceau(&of, &signed).0, Some(2));
    let typed = [&["traces", "export", "--patient", PATIENTS[0]], &period[..], &["--out", "b.zip"]].concat();
    let (code, said) = sceau(&of, &typed);
    assert!(code == Some(2) && !said.contains(PATIENTS[0]), "{said}");
    fs::write(of.folder.join("ins"), PATIENTS[0]).unwrap();
    let whose = ["traces", "export", "--patient", "@ins", "--out", "p.zip", "--sign-with", "carol"];
    done(&of, &[&whose[..], &period[..]].concat());
    let (code, said) = judged(&of, "p.zip", &["--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &json["verdict"]), (Some(0), &"good".into()), "{said}");
}
