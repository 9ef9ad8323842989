//! The story that evidence tells contradicts an earlier one: clock, counter, ledger.

use std::fs;

use sceau::evidence::document::{Claims, Document as _};
use sceau::evidence::nonce::Nonce;

use crate::evidence::attester::Attester;
use crate::evidence::boot::Boot;
use crate::evidence::officer::Officer;

const AK: u32 = 0x8101_0002;

#[test]
fn a_ledger_that_did_not_grow_from_the_last_is_refused() {
    let Some(mut attester) = Attester::new("a_ledger_that_did_not_grow_from_the_last_is_refused") else { return };
    let officer = Officer::of(&attester);
    let nonce = || officer.nonce("pharmacie");
    officer.judged(&attester.evidence(nonce(), None), &[]).assert_good();
    attester.ledger = (9, "first");
    officer.judged(&attester.evidence(nonce(), None), &[]).assert_fails(
        "no proof",
        &["ledger"],
        "depuis 5 entrées",
    );
    officer.judged(&attester.evidence(nonce(), Some(4)), &[]).assert_fails(
        "another size",
        &["ledger"],
        "aucune preuve",
    );
    attester.ledger = (9, "rewritten");
    officer.judged(&attester.evidence(nonce(), Some(5)), &[]).assert_fails(
        "rewritten",
        &["ledger"],
        "deux histoires",
    );
    attester.ledger = (5, "rewritten");
    officer.judged(&attester.evidence(nonce(), None), &[]).assert_fails(
        "same size",
        &["ledger"],
        "deux histoires",
    );
    attester.ledger = (4, "first");
    officer.judged(&attester.evidence(nonce(), None), &[]).assert_fails("cut", &["ledger"], "reculé");
    attester.ledger = (9, "first");
    officer.judged(&attester.evidence(nonce(), Some(5)), &[]).assert_good();
    // A checkpoint that another key signed.
    let mut claims = attester.claims();
    let ledger = claims.ledger.as_mut().unwrap();
    ledger.checkpoint = ledger.checkpoint.replace("\n9\n", "\n8\n");
    let forged = attester.evidence_of(nonce(), None, claims, AK);
    officer.judged(&forged, &[]).assert_fails("forged", &["ledger"], "pas signé");
    // A declared restoration is refused until the officer admits it, and named.
    attester.origin = "ch-exemple.fr/sceau/2";
    attester.ledger = (6, "first");
    let restored = attester.evidence(nonce(), None);
    officer.judged(&restored, &[]).assert_fails("restored", &["ledger"], "restauré : génération 2");
    officer.judged(&restored, &["--new-baseline", "restauration du 3 mai"]).assert_good();
    attester.ledger = (7, "first");
    officer.judged(&attester.evidence(nonce(), Some(6)), &[]).assert_good();
}

#[test]
fn a_bad_first_verdict_pins_no_ledger() {
    let Some(mut attester) = Attester::new("a_bad_first_verdict_pins_no_ledger") else { return };
    let officer = Officer::of(&attester);
    let usual = (attester.boot.clone(), attester.origin);
    // Whatever ran there had a ledger of its own, and a key in this TPM.
    attester.boot = Boot::of("foreign");
    attester.origin = "ailleurs.fr/sceau/1";
    attester.restart();
    let rogue = attester.evidence(officer.nonce("pharmacie"), None);
    officer.judged(&rogue, &[]).assert_fails("another image", &["reference-values"], "PCR 4, 11");
    (attester.boot, attester.origin) = usual;
    attester.restart();
    officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]).assert_good();
}

#[test]
fn a_counter_that_went_back_or_was_replaced_is_refused() {
    let Some(attester) = Attester::new("a_counter_that_went_back_or_was_replaced_is_refused") else { return };
    let officer = Officer::of(&attester);
    let nonce = || officer.nonce("pharmacie");
    attester.count();
    officer.judged(&attester.evidence(nonce(), None), &[]).assert_good();
    let claiming = |counter: Option<u64>| Claims { counter, ..attester.claims() };
    let lower = attester.evidence_of(nonce(), None, claiming(Some(1)), AK);
    officer.judged(&lower, &[]).assert_fails("another value than certified", &["counter"], "autre valeur");
    let mut bare = attester.evidence_of(nonce(), None, claiming(Some(99)), AK);
    bare.counter = None;
    officer.judged(&bare, &[]).assert_fails("not certified any more", &["counter"], "n'est plus le compteur");
    let none = attester.evidence_of(nonce(), None, claiming(None), AK);
    officer.judged(&none, &[]).assert_fails("no counter", &["counter"], "ne montre plus");
    let mut plain = attester.evidence(nonce(), None);
    // An ordinary index, whose value anybody writes: bits 4 to 7 of its attributes.
    plain.counter.as_mut().unwrap().public.0[9] &= 0x0F;
    officer.judged(&plain, &[]).assert_fails("no counter by its attributes", &["counter"], "pas un compteur");
    officer.judged(&attester.evidence(nonce(), None), &[]).assert_good();
}

/// The TPM's memory itself is put back, as with the snapshot of a virtual machine.
#[test]
fn a_machine_put_back_to_an_older_state_is_refused() {
    let Some(mut attester) = Attester::new("a_machine_put_back_to_an_older_state_is_refused") else { return };
    let officer = Officer::of(&attester);
    attester.tpm.shut_down();
    let state = attester.tpm.path("state/tpm2-00.permall");
    let kept = fs::read(&state).unwrap();
    attester.tpm.start();
    attester.boot.on(&attester.tpm);
    for _ in 0..2 {
        attester.restart();
    }
    attester.count();
    officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]).assert_good();
    attester.tpm.cut();
    fs::write(&state, kept).unwrap();
    attester.tpm.start();
    attester.boot.on(&attester.tpm);
    let back = attester.evidence(officer.nonce("pharmacie"), None);
    officer.judged(&back, &[]).assert_fails("put back", &["clock", "counter"], "reculé");
}

#[test]
fn a_nonce_is_spent_by_one_document_and_ages() {
    let Some(attester) = Attester::new("a_nonce_is_spent_by_one_document_and_ages") else { return };
    let officer = Officer::of(&attester);
    let nonce = officer.nonce("pharmacie");
    let (first, second) = (attester.evidence(nonce, None), attester.evidence(nonce, None));
    assert_ne!(first.text(), second.text());
    officer.judged(&first, &[]).assert_good();
    officer.judged(&second, &[]).assert_fails("spent", &["nonce"], "déjà servi");
    // Drawn long ago: the file says until when.
    let nonce = officer.nonce("pharmacie");
    let late = attester.evidence(nonce, None);
    let mut state: serde_json::Value = serde_json::from_str(&officer.read("state.json")).unwrap();
    let drawn = state["appliances"][0]["nonces"].as_array_mut().unwrap().last_mut().unwrap();
    assert_eq!(drawn["nonce"], nonce.to_string());
    drawn["expires_at"] = "2026-01-01T00:00:00.000Z".into();
    officer.write("state.json", &state.to_string());
    officer.judged(&late, &[]).assert_fails("expired", &["nonce"], "périmé");
    // One officer's nonces are unknown to another.
    let colleague = Officer::of(&attester);
    let theirs = attester.evidence(colleague.nonce("pharmacie"), None);
    officer.judged(&theirs, &[]).assert_fails("a colleague's", &["nonce"], "pas été tiré");
    assert_ne!(nonce, Nonce::new([0; 32]));
}

#[test]
fn one_command_at_a_time_holds_the_officers_file() {
    let Some(attester) = Attester::new("one_command_at_a_time_holds_the_officers_file") else { return };
    let officer = Officer::of(&attester);
    let before = officer.read("state.json");
    let lock = fs::File::open(officer.path("state.json.lock")).unwrap();
    lock.lock().unwrap();
    for arguments in [&["nonce", "--state", "state.json"][..], &["history", "--state", "state.json"]] {
        let (code, said) = officer.said(arguments);
        assert!(code == 3 && said.contains("autre commande"), "{said}");
    }
    assert_eq!(officer.read("state.json"), before);
    drop(lock);
    officer.nonce("pharmacie");
    // A file that is not whole is refused, not begun anew.
    officer.write("state.json", &before[..before.len() / 2]);
    let (code, said) = officer.said(&["nonce", "--state", "state.json"]);
    assert!(code == 2 && said.contains("fr.sceau.officer/1"), "{said}");
    assert_eq!(officer.read("state.json"), before[..before.len() / 2]);
}

/// Ten years of daily verdicts on nine appliances: what is written is read again.
#[test]
fn a_file_of_years_and_appliances_is_read_and_kept() {
    let Some(attester) = Attester::new("a_file_of_years_and_appliances_is_read_and_kept") else { return };
    let officer = Officer::of(&attester);
    officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]).assert_good();
    let mut state: serde_json::Value = serde_json::from_str(&officer.read("state.json")).unwrap();
    let appliances = state["appliances"].as_array_mut().unwrap();
    let verdict = appliances[0]["verdicts"][0].clone();
    appliances[0]["verdicts"] = std::iter::repeat_n(verdict, 3_660).collect();
    for number in 2..=9 {
        let mut other = appliances[0].clone();
        other["name"] = format!("pharmacie-{number}").into();
        other["nonces"] = serde_json::json!([]);
        appliances.push(other);
    }
    let text = serde_json::to_string_pretty(&state).unwrap();
    assert!(text.len() > 6 * 1024 * 1024, "{}", text.len());
    officer.write("state.json", &text);
    let verdict = officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    verdict.assert_good();
    let history = officer.done(&["history", "--state", "state.json"]);
    assert_eq!(history.matches(" good").count(), 9 * 3_660, "the oldest one made room");
    // Longer than anything that is kept is refused before it is read.
    officer.write("state.json", &" ".repeat(64 * 1024 * 1024 + 1));
    let (code, said) = officer.said(&["history", "--state", "state.json"]);
    assert!(code == 2 && said.contains("state.json"), "{said}");
}
