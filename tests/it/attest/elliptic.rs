//! A maker whose TPMs have an EK on P-256 (TCG's template L-2) and no RSA one: enrolment, evidence and verdict are the same.

use sceau::evidence::document::Document;
use sceau::evidence::enrolment::Request;

use super::rig::Machine;
use super::verdict::{enrol, judged, officer_of};
use crate::evidence::boot::{Boot, pcrs};
use crate::support::daemons::Daemons;
use crate::support::swtpm::Swtpm;

/// TPM_ALG_ECC, the first bytes of such a key's TPMT_PUBLIC.
const ECC: [u8; 2] = [0x00, 0x23];

fn booted() -> Swtpm {
    let tpm = Swtpm::elliptic();
    Boot::of("1").on(&tpm);
    tpm
}

#[test]
fn an_endorsement_key_on_a_curve_enrols_and_attests() {
    let test = "elliptic::an_endorsement_key_on_a_curve_enrols_and_attests";
    let (Some(machine), Some(other)) = (Machine::with(test, booted), Machine::with(test, booted)) else { return };
    let folder = machine.establishment.folder.clone();
    let officer = officer_of(&machine.tpm, &folder, &pcrs(&machine.tpm));
    let attest = |arguments: &[&str]| machine.done(arguments);
    let attestd = machine.attestd();
    let public = folder.join("pki/AUDIT.pub");
    enrol(&officer, &folder, &attest, &["--key", public.to_str().unwrap()]);
    let request = Request::read(&std::fs::read(folder.join("request.json")).unwrap()).unwrap();
    assert!(request.endorsement.ek_public.0.starts_with(&ECC), "it enrolled by its EK on P-256");
    // The challenge opens in that TPM alone.
    let theirs = other.attestd();
    other.done(&["enrol", "--out", "request.json"]);
    std::fs::copy(folder.join("challenge.json"), other.establishment.folder.join("challenge.json")).unwrap();
    let (code, said) = other.attest(&["answer", "challenge.json", "--out", "answer.json"]);
    assert!(code == 1 && said.contains("challenge-refused"), "{code}: {said}");
    let daemons = Daemons::start(&machine.establishment);
    judged(&officer, &folder, &attest, &[]).assert_good();
    // Evidence of the other under this one's nonce.
    let nonce = officer.nonce("pharmacie").to_string();
    std::fs::copy(folder.join("event.log"), other.establishment.folder.join("event.log")).unwrap();
    other.done(&["evidence", "--nonce", &nonce, "--out", "evidence.json"]);
    let foreign = other.establishment.folder.join("evidence.json");
    let verdict = officer.judged_file(foreign.to_str().unwrap(), &[]);
    verdict.assert_fails("another TPM", &["ek-certificate", "attestation-key"], "autre appliance");
    drop((daemons, attestd, theirs));
}
