//! The TPM itself signs something else than what is asked.

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{Claims, Evidence};

use crate::evidence::attester::{Attester, SELECTION};
use crate::evidence::officer::Officer;
use crate::support::softhsm::run;

/// Handles of the attester's AK and audit key, and of keys that these tests add.
const AK: u32 = 0x8101_0002;
const AUDIT: u32 = 0x8101_0003;
const OTHER_AK: u32 = 0x8101_0010;
const PSS_AK: u32 = 0x8101_0011;

#[test]
fn another_key_or_algorithm_of_the_same_tpm_is_refused() {
    let Some(attester) = Attester::new("another_key_or_algorithm_of_the_same_tpm_is_refused") else { return };
    let officer = Officer::of(&attester);
    let make = |key: u32| attester.evidence_of(officer.nonce("pharmacie"), None, attester.claims(), key);
    attester.attestation_key("other", OTHER_AK);
    officer.judged(&make(OTHER_AK), &[]).assert_fails("quote of another AK", &["quote"], "clé d'attestation");
    let mut other = make(OTHER_AK);
    other.attestation_key = attester.public("other.pub");
    officer.judged(&other, &[]).assert_fails("another AK", &["attestation-key"], "sous le même certificat EK");
    let kind = ["-G", "rsa", "-g", "sha256", "-s", "rsapss", "-c", "pss.ctx", "-u", "pss.pub"];
    attester.tool("tpm2_createak", &[&["-C", "0x81010030"][..], &kind].concat());
    attester.tool("tpm2_evictcontrol", &["-C", "o", "-c", "pss.ctx", "0x81010011"]);
    let mut pss = make(AK);
    pss.quote = attester.quote_in("rsapss", PSS_AK, SELECTION, &qualifying_data(&pss.nonce, &pss.claims));
    officer.judged(&pss, &[]).assert_fails("RSA-PSS", &["quote"], "RSA-PSS");
    // A key that signs anything is no AK, whatever it signs.
    officer.judged(&make(AUDIT), &[]).assert_fails("quote by a signing key", &["quote"], "clé d'attestation");
    // A certification in the place of the quote.
    let mut certified = make(AK);
    certified.quote = certified.keys[0].certification.clone();
    officer.judged(&certified, &[]).assert_fails("certification as quote", &["quote"], "autre chose");
    officer.judged(&make(AK), &[]).assert_good();
}

#[test]
fn another_bank_or_fewer_pcrs_are_refused() {
    let Some(mut attester) = Attester::new("another_bank_or_fewer_pcrs_are_refused") else { return };
    run(&mut attester.tpm.tool("tpm2_pcrallocate", &["sha1:all+sha256:all"]));
    attester.restart();
    let officer = Officer::of(&attester);
    let quoted = |selection: &str| {
        let mut evidence = attester.evidence(officer.nonce("pharmacie"), None);
        evidence.quote = attester.quote(AK, selection, &qualifying_data(&evidence.nonce, &evidence.claims));
        evidence
    };
    let sha1 = SELECTION.replace("sha256", "sha1");
    officer.judged(&quoted(&sha1), &[]).assert_fails("SHA-1 bank", &["pcr-bank"], "banque");
    officer.judged(&quoted(&format!("{SELECTION}+{sha1}")), &[]).assert_fails(
        "both banks",
        &["pcr-bank"],
        "banque",
    );
    officer.judged(&quoted("sha256:0,1,2,3"), &[]).assert_fails("fewer", &["pcr-bank"], "exactement");
    officer.judged(&quoted(&format!("{SELECTION},16")), &[]).assert_fails("more", &["pcr-bank"], "exactement");
    officer.judged(&quoted(SELECTION), &[]).assert_good();
}

#[test]
fn a_key_outside_the_tpm_or_another_than_in_use_is_refused() {
    let Some(attester) = Attester::new("a_key_outside_the_tpm_or_another_than_in_use_is_refused") else { return };
    let officer = Officer::of(&attester);
    let make = || attester.evidence(officer.nonce("pharmacie"), None);
    let case = |name: &str, edit: &dyn Fn(&mut Evidence), checks: &[&str], word: &str| {
        let mut evidence = make();
        edit(&mut evidence);
        officer.judged(&evidence, &[]).assert_fails(name, checks, word);
    };
    let old = make();
    case("none", &|e| e.keys.clear(), &["audit-key"], "ne certifie aucune");
    case("two", &|e| e.keys.push(e.keys[0].clone()), &["audit-key"], "plusieurs");
    case("old certification", &|e| e.keys = old.keys.clone(), &["audit-key"], "autre nonce");
    case("another's public area", &|e| e.keys[0].public = attester.public("ak.pub"), &["audit-key"], "autre clé");
    case("quote as certification", &|e| e.keys[0].certification = e.quote.clone(), &["audit-key"], "autre chose");
    // A key that the owner could carry elsewhere: certified, and not fixed.
    let kind = ["-G", "ecc:ecdsa", "-a", "sensitivedataorigin|userwithauth|sign"];
    let files = ["-u", "loose.pub", "-r", "loose.priv"];
    attester.tool("tpm2_create", &[&["-C", "primary.ctx"][..], &kind, &files].concat());
    attester.tool("tpm2_load", &["-C", "primary.ctx", "-u", "loose.pub", "-r", "loose.priv", "-c", "loose.ctx"]);
    attester.tool("tpm2_evictcontrol", &["-C", "o", "-c", "loose.ctx", "0x81010020"]);
    let certified = |e: &mut Evidence, file: &str, handle: u32| {
        let data = qualifying_data(&e.nonce, &e.claims);
        e.keys[0].public = attester.public(file);
        e.keys[0].certification = attester.certify(handle, data.as_bytes());
    };
    case("not fixed", &|e| certified(e, "loose.pub", 0x8101_0020), &["audit-key"], "pas attachée");
    case(
        "not in use",
        &|e| {
            attester.attestation_key("spare", 0x8101_0021);
            run(&mut attester.tpm.tool("tpm2_evictcontrol", &["-C", "o", "-c", "0x81010021"]));
            certified(e, "audit.pub", AK);
        },
        &["audit-key"],
        "autre clé",
    );
    let mute = Claims { ledger: None, ..attester.claims() };
    let evidence = attester.evidence_of(officer.nonce("pharmacie"), None, mute, AK);
    officer.judged(&evidence, &[]).assert_fails("no ledger", &["audit-key", "ledger"], "aucune clé d'audit");
    officer.judged(&make(), &[]).assert_good();
}
