//! An auditor orders an archive; the officer's program finds the order in it. The ledger itself is judged where it is.

use std::fs;
use std::path::Path;
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
fn sceau(of: &Establishment, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program("sceau"));
    let output =
        command.args(arguments).arg("--config").arg(of.config()).current_dir(&of.folder).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn done(of: &Establishment, arguments: &[&str]) -> String {
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

/// A ledger file that a real daemon wrote and signed, spoilt as who has root could; a good twin before each.
#[test]
fn a_spoilt_ledger_is_named_by_the_appliance_itself() {
    let of = Plan::new("traces-ledger").key_type(KeyType::P256).build();
    let mut daemons = Daemons::start(&of);
    let mut client = of.client();
    let session = client.open_session(physician_login()).unwrap();
    for ins in [PATIENTS[0], PATIENTS[1], PATIENTS[0]] {
        client.consult(&session, ins).unwrap();
    }
    eventually("a checkpoint", || (sceau(&of, &["traces", "checkpoint"]).0 == Some(0)).then_some(()));
    daemons.sceaud.stop();
    let said = done(&of, &["traces", "verify"]);
    assert!(said.contains("BON") && said.contains("retour en arrière"), "{said}");
    done(&of, &["traces", "checkpoint", "--out", "kept.txt"]);
    done(&of, &["traces", "verify", "--since", "kept.txt"]);
    let file = of.folder.join("ledger/ledger.sqlite");
    let whole = fs::read(&file).unwrap();
    for (change, rule) in [
        ("UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 1) WHERE idx = 2", "entry-out-of-order"),
        ("UPDATE entries SET leaf = CAST(substr(leaf, 1, length(leaf) - 1) || x'00' AS BLOB) WHERE idx = 3", ""),
        ("DELETE FROM entries WHERE idx = 2", "entries-missing"),
        ("DELETE FROM checkpoints", "checkpoint-missing"),
        ("UPDATE checkpoints SET note = replace(note, 'sceau-map', 'sceau-nap')", "checkpoint-forged"),
    ] {
        rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
        let (code, json) = sceau(&of, &["traces", "verify", "--json"]);
        assert_eq!(code, Some(1), "{change}: {json}");
        let json: Value = serde_json::from_str(&json).unwrap();
        let rules: Vec<_> =
            json["findings"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
        assert!(rule.is_empty() && !rules.is_empty() || rules.contains(&rule), "{change}: {rules:?}");
        restore(&file, &whole);
    }
    done(&of, &["traces", "verify"]);
}

fn restore(file: &Path, whole: &[u8]) {
    for left in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{left}", file.display()));
    }
    fs::write(file, whole).unwrap();
}
