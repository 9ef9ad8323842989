//! An appliance becomes known by what only its TPM can open.

use sceau::evidence::document::{Document, Marshalled};
use sceau::evidence::enrolment::Answer;

use super::attester::Attester;
use super::officer::Officer;

/// `--roots` of another maker, a certificate for another key, an AK that signs anything.
#[test]
fn only_a_known_makers_tpm_with_an_attestation_key_is_challenged() {
    let Some(attester) = Attester::new("only_a_known_makers_tpm_with_an_attestation_key_is_challenged") else {
        return;
    };
    let (officer, other) = (Officer::new(), Attester::new("").unwrap());
    officer.trust(&other);
    let request = attester.request();
    let given = ["--state", "state.json", "--name", "a", "--roots", "roots.pem", "--out", "challenge"];
    let refused = |request: &sceau::evidence::enrolment::Request, word: &str| {
        officer.write("request", &request.text());
        let (code, said) = officer.said(&[&["enrol", "request"][..], &given].concat());
        assert!(code == 1 && said.contains(word), "{word}: {said}");
        assert!(!officer.path("challenge").exists());
    };
    refused(&request, "aucune chaîne");
    officer.trust(&attester);
    let mut swapped = request.clone();
    swapped.endorsement.ek_certificate = other.request().endorsement.ek_certificate;
    refused(&swapped, "d'une autre clé");
    let mut signer = request.clone();
    signer.attestation_key = attester.public("audit.pub");
    refused(&signer, "clé d'attestation");
    let mut torn = request.clone();
    torn.attestation_key.0.pop();
    refused(&torn, "pas lisible");
    officer.write("request", &request.text());
    let (code, said) = officer.said(&["enrol", "request", "--state", "state.json"]);
    assert!(code == 2 && said.contains("--name"), "{said}");
    officer.done(&[&["enrol", "request"][..], &given].concat());
}

/// MakeCredential is ours, ActivateCredential the TPM's.
#[test]
fn the_challenge_opens_in_that_tpm_for_that_key_alone_and_once() {
    let Some(attester) = Attester::new("the_challenge_opens_in_that_tpm_for_that_key_alone_and_once") else {
        return;
    };
    let (officer, other) = (Officer::new(), Attester::new("").unwrap());
    officer.trust(&attester);
    let challenge = officer.challenge(&attester, "pharmacie");
    assert!(other.answer(&challenge).is_none(), "another TPM");
    // The same TPM with another key under the handle of the AK.
    let enrol = |answer: &Answer| {
        officer.write("answer.json", &answer.text());
        officer.said(&["enrol", "answer.json", "--state", "state.json"])
    };
    let answer = attester.answer(&challenge).unwrap();
    let mut wrong = answer.clone();
    wrong.credential = Marshalled(vec![0; 32]);
    let (code, said) = enrol(&wrong);
    assert!(code == 1 && said.contains("n'est pas dans le TPM"), "{said}");
    // A wrong answer ends the enrolment: the right one comes too late.
    let (code, said) = enrol(&answer);
    assert!(code == 1 && said.contains("aucun enrôlement"), "{said}");
    let again = officer.challenge(&attester, "pharmacie");
    assert_ne!((again.id, &again.credential), (challenge.id, &challenge.credential));
    assert_eq!(enrol(&attester.answer(&again).unwrap()).0, 0);
    assert_eq!(enrol(&answer).0, 1, "no answer enrols twice");
    // A name is not taken over by mistake.
    officer.write("request", &other.request().text());
    officer.trust(&other);
    let given = ["--state", "state.json", "--name", "pharmacie", "--roots", "roots.pem", "--out", "taken"];
    let (code, said) = officer.said(&[&["enrol", "request"][..], &given].concat());
    assert!(code == 2 && said.contains("--replace"), "{said}");
}

#[test]
fn a_challenge_for_another_key_of_the_same_tpm_does_not_open() {
    let Some(attester) = Attester::new("a_challenge_for_another_key_of_the_same_tpm_does_not_open") else {
        return;
    };
    let officer = Officer::new();
    officer.trust(&attester);
    // The request names an AK of another machine beside this EK.
    let other = Attester::new("").unwrap();
    let mut request = attester.request();
    request.attestation_key = other.request().attestation_key;
    officer.write("request", &request.text());
    let given = ["--state", "state.json", "--name", "a", "--roots", "roots.pem", "--out", "challenge"];
    officer.done(&[&["enrol", "request"][..], &given].concat());
    let challenge = Document::read(officer.read("challenge").as_bytes()).unwrap();
    assert!(attester.answer(&challenge).is_none(), "the TPM of the EK has no such key");
    assert!(other.answer(&challenge).is_none(), "the TPM of the AK has no such EK");
}
