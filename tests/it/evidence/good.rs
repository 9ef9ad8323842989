//! Evidence of a machine in order is good, and stays so over restarts, growth and updates.

use sceau::evidence::document::Document as _;

use super::attester::Attester;
use super::boot::Boot;
use super::officer::Officer;

#[test]
fn good_evidence_is_good_and_the_next_is_held_against_it() {
    let Some(mut attester) = Attester::new("good_evidence_is_good_and_the_next_is_held_against_it") else {
        return;
    };
    let officer = Officer::of(&attester);
    let first = attester.evidence(officer.nonce("pharmacie"), None);
    let verdict = officer.judged(&first, &[]);
    verdict.assert_good();
    assert_eq!(verdict.with("not-applicable"), ["keys"]);
    assert_eq!(verdict.json["shown"]["phases"][2], "ready");
    assert_eq!(verdict.json["shown"]["admitted"][0], "image 1");
    // The same file is judged again as what it is; a verdict for people says the same.
    officer.judged(&first, &[]).assert_good();
    let page = officer.done(&["evidence.json", "--state", "state.json", "--reference", "reference.json"]);
    assert!(page.contains("evidence.json : BON") && page.contains("verdict précédent : bon"), "{page}");
    // A machine that was restarted, whose ledger grew.
    attester.restart();
    attester.count();
    attester.ledger.0 = 13;
    let next = attester.evidence(officer.nonce("pharmacie"), Some(5));
    let verdict = officer.judged(&next, &[]);
    verdict.assert_good();
    assert!(verdict.detail("ledger").contains("8 de plus"), "{}", verdict.detail("ledger"));
    assert!(verdict.detail("clock").contains("un redémarrage"), "{}", verdict.detail("clock"));
    // An update: another image, admitted beside the first, is told.
    let before = attester.pcrs();
    attester.boot = Boot::of("2");
    attester.restart();
    officer.admit(&[("1", &before), ("2", &attester.pcrs())]);
    let updated = officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    updated.assert_good();
    assert_eq!(updated.json["shown"]["admitted"][0], "image 2");
    assert!(
        updated.json["notes"].to_string().contains("PCR changés depuis le dernier verdict bon : 4, 11"),
        "{:#}",
        updated.json
    );
    // Back to the first, which the officer still admits: it is said in words.
    attester.boot = Boot::of("1");
    attester.restart();
    let back = officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    back.assert_good();
    assert!(back.json["notes"].to_string().contains("admis : image 1, au dernier verdict bon : image 2"));
    // Enrolled again, it keeps what was judged.
    officer.enrolled_with(&attester, "pharmacie", &["--replace"]);
    let history = officer.done(&["history", "--state", "state.json"]);
    assert_eq!(history.matches(" good").count(), 6, "{history}");
}

#[test]
fn what_was_not_given_is_never_called_good() {
    let Some(attester) = Attester::new("what_was_not_given_is_never_called_good") else { return };
    let officer = Officer::of(&attester);
    officer.write("evidence.json", &attester.evidence(officer.nonce("pharmacie"), None).text());
    let (code, page) = officer.said(&["evidence.json", "--state", "state.json"]);
    assert!(code == 1 && page.contains("NON DÉCIDÉ") && page.contains("--reference"), "{page}");
}
