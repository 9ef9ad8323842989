//! Both sides together: what `sceau attest` makes on the appliance is what `sceau-verify evidence` judges on the officer's workstation.

use std::path::Path;

use super::rig::Machine;
use crate::counter::copy;
use crate::doorstep::physician_login;
use crate::evidence::boot::{Boot, pcrs};
use crate::evidence::officer::{Officer, Verdict};
use crate::support::daemons::Daemons;
use crate::support::practitioners::PATIENTS;
use crate::support::swtpm::Swtpm;
use crate::support::wait::until;

/// Runs `sceau attest` with these words on the appliance.
type Attest<'a> = &'a dyn Fn(&[&str]) -> String;

/// A TPM that measured a boot of the image.
pub(super) fn booted() -> Swtpm {
    let tpm = Swtpm::manufactured();
    Boot::of("1").on(&tpm);
    tpm
}

/// An officer who knows the TPM's maker and the image; the logs of that boot are in the appliance's folder.
pub(super) fn officer_of(tpm: &Swtpm, folder: &Path, measured: &[sceau::evidence::document::PcrValue]) -> Officer {
    let boot = Boot::of("1");
    std::fs::write(folder.join("event.log"), boot.log()).unwrap();
    std::fs::write(folder.join("userspace.log"), boot.userspace_log()).unwrap();
    let officer = Officer::new();
    officer.write("roots.pem", &tpm.authorities().map(|file| std::fs::read_to_string(file).unwrap()).concat());
    officer.admit(&[("1", measured)]);
    officer
}

/// The whole enrolment: request, challenge, answer.
pub(super) fn enrol(officer: &Officer, folder: &Path, attest: Attest<'_>, more: &[&str]) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (request, challenge, answer) = (file("request.json"), file("challenge.json"), file("answer.json"));
    attest(&["enrol", "--out", "request.json"]);
    let given = ["--state", "state.json", "--name", "pharmacie", "--roots", "roots.pem", "--out", &challenge];
    let said = officer.done(&[&["enrol", &request][..], &given, more].concat());
    assert!(said.contains("sceau attest answer"), "{said}");
    attest(&["answer", "challenge.json", "--out", "answer.json"]);
    let said = officer.done(&["enrol", &answer, "--state", "state.json"]);
    assert!(said.contains("enrôlée : pharmacie"), "{said}");
}

/// Asked and judged once.
pub(super) fn judged(officer: &Officer, folder: &Path, attest: Attest<'_>, more: &[&str]) -> Verdict {
    let nonce = officer.nonce("pharmacie").to_string();
    let out = format!("{nonce}.json");
    attest(&[&["evidence", "--nonce", &nonce, "--out", &out][..], more].concat());
    officer.judged_file(folder.join(out).to_str().unwrap(), &[])
}

/// The same by the file that the officer gives, which says how long the ledger was when he believed it last.
fn judged_by_file(officer: &Officer, folder: &Path, attest: Attest<'_>) -> Verdict {
    let (file, nonce) = officer.question("pharmacie");
    let out = format!("{nonce}.json");
    attest(&["evidence", "--nonce-file", file.to_str().unwrap(), "--out", &out]);
    officer.judged_file(folder.join(out).to_str().unwrap(), &["--nonce-file", file.to_str().unwrap()])
}

/// Entries of the ledger, as the officer reads them in a verdict.
pub(super) fn entries(verdict: &Verdict) -> u64 {
    verdict.json["shown"]["ledger_entries"].as_u64().unwrap()
}

fn tokens(machine: &Machine, number: usize) {
    let session = machine.establishment.client().open_session(physician_login()).unwrap();
    for _ in 0..number {
        machine.establishment.client().consult(&session, PATIENTS[0]).unwrap();
    }
}

#[test]
fn the_officer_believes_the_appliance_until_its_ledger_or_its_tpm_is_another() {
    let test = "the_officer_believes_the_appliance_until_its_ledger_or_its_tpm_is_another";
    let Some(machine) = Machine::with(test, booted) else { return };
    let folder = machine.establishment.folder.clone();
    let officer = officer_of(&machine.tpm, &folder, &pcrs(&machine.tpm));
    let attest = |arguments: &[&str]| machine.done(arguments);
    let ask = |more: &[&str]| judged(&officer, &folder, &attest, more);
    let attestd = machine.attestd();
    // The audit key is in a soft token: the officer has it from the ceremony.
    let public = folder.join("pki/AUDIT.pub");
    enrol(&officer, &folder, &attest, &["--key", public.to_str().unwrap()]);
    let mut daemons = Daemons::start(&machine.establishment);
    tokens(&machine, 1);
    judged_by_file(&officer, &folder, &attest).assert_good();
    tokens(&machine, 1);
    let first = judged_by_file(&officer, &folder, &attest);
    first.assert_good();
    assert_eq!(first.with("not-applicable"), ["audit-key", "keys"]);
    assert!(first.detail("audit-key").contains("n'est pas dans ce TPM"), "{}", first.detail("audit-key"));
    assert_eq!(first.json["shown"]["counter"], machine.counter());
    daemons.sceaud.stop();
    drop(daemons);
    let (ledger, old) = (folder.join("ledger"), folder.join("old"));
    copy(&ledger, &old);
    // It goes on: more tokens, and the proof that they were only added.
    let mut daemons = Daemons::start(&machine.establishment);
    tokens(&machine, 8);
    let since = entries(&first).to_string();
    ask(&[]).assert_fails("no proof", &["ledger"], &format!("depuis {since} entrées"));
    let second = ask(&["--since", &since]);
    second.assert_good();
    assert!(entries(&second) >= entries(&first) + 8, "{:#}", second.json);
    assert!(second.detail("ledger").contains("de plus"), "{}", second.detail("ledger"));
    daemons.sceaud.stop();
    drop((daemons, attestd));
    // An older copy of the ledger beside its counter: sceaud signs nothing, and evidence shows that.
    copy(&old, &ledger);
    let attestd = machine.attestd();
    let daemons = Daemons::start(&machine.establishment);
    until("it is halted", || machine.establishment.client().status()["state"] == "halted");
    ask(&[]).assert_fails("older, halted", &["audit-key", "ledger"], "aucune clé d'audit");
    drop((daemons, attestd));
    // Without its counter it goes on, as if nothing had been.
    copy(&old, &ledger);
    machine.establishment.edit_file("sceau.toml", |config| {
        config["ledger"].as_table_mut().unwrap().remove("counter");
    });
    let attestd = machine.attestd();
    let daemons = Daemons::start(&machine.establishment);
    let shorter = ask(&[]);
    shorter.assert_fails("older", &["counter", "ledger"], "ne montre plus");
    assert!(shorter.detail("ledger").contains("reculé"), "{}", shorter.detail("ledger"));
    let shorter = judged_by_file(&officer, &folder, &attest);
    shorter.assert_fails("older, asked by a file", &["counter", "ledger"], "ne montre plus");
    assert!(shorter.detail("ledger").contains("reculé"), "{}", shorter.detail("ledger"));
    let since = entries(&second).to_string();
    let (code, said) =
        machine.attest(&["evidence", "--nonce", &"0".repeat(64), "--out", "none.json", "--since", &since]);
    assert!(code == 2 && said.contains("moins d'entrées") && !folder.join("none.json").exists(), "{said}");
    tokens(&machine, 12);
    let other = ask(&["--since", &since]);
    other.assert_fails("another history", &["counter", "ledger"], "ne montre plus");
    assert!(other.detail("ledger").contains("deux histoires"), "{}", other.detail("ledger"));
    drop((daemons, attestd));
    // Its disk with another TPM that measured the same boot.
    let foreign = booted();
    machine.establishment.edit_file("sceau.toml", |config| {
        config["tpm"].as_table_mut().unwrap().insert("tcti".into(), foreign.tcti().into());
    });
    let attestd = machine.attestd();
    let nonce = officer.nonce("pharmacie").to_string();
    let (code, said) = machine.attest(&["evidence", "--nonce", &nonce, "--out", "none.json"]);
    assert!(code == 3 && said.contains("tpm-other"), "{code}: {said}");
    machine.done(&["enrol", "--anew", "--out", "anew.json"]);
    ask(&[]).assert_fails("another TPM", &["ek-certificate", "attestation-key"], "autre appliance");
    let history = officer.done(&["history", "--state", "state.json"]);
    assert_eq!((history.matches(" good").count(), history.matches(" bad").count()), (3, 6), "{history}");
    drop(attestd);
}
