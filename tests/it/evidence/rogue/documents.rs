//! The document is changed after a TPM made it.

use sceau::evidence::document::{Evidence, Marshalled};
use sceau::evidence::nonce::Nonce;
use sceau::traces::digest::Digest;

use crate::evidence::attester::Attester;
use crate::evidence::officer::Officer;

#[test]
fn an_edited_document_is_refused_for_what_was_edited() {
    let Some(attester) = Attester::new("an_edited_document_is_refused_for_what_was_edited") else { return };
    let officer = Officer::of(&attester);
    let make = || attester.evidence(officer.nonce("pharmacie"), None);
    let other = Attester::new("").unwrap();
    let good = make();
    let case = |name: &str, edit: &dyn Fn(&mut Evidence), checks: &[&str], word: &str| {
        // Each has a nonce of its own: none is refused for another's.
        let mut evidence = make();
        edit(&mut evidence);
        officer.judged(&evidence, &[]).assert_fails(name, checks, word);
    };
    let theirs = other.request().endorsement;
    case(
        "EK certificate",
        &|e| e.endorsement.ek_certificate = theirs.ek_certificate.clone(),
        &["ek-certificate"],
        "échangé",
    );
    case(
        "EK public area",
        &|e| e.endorsement.ek_public = theirs.ek_public.clone(),
        &["ek-certificate"],
        "autre clé",
    );
    case("version", &|e| e.claims.version.push('1'), &["binding"], "pas ceux");
    case("convention", &|e| e.claims.convention = Digest::of(&[b"x"]), &["binding"], "pas ceux");
    case("PCR value", &|e| e.pcrs[8].sha256 = Digest::of(&[b"x"]), &["pcr-values"], "pas celles");
    case("PCR left out", &|e| e.pcrs.retain(|value| value.pcr != 3), &["pcr-values"], "ne montre pas");
    case("PCR twice", &|e| e.pcrs.insert(1, e.pcrs[0]), &["pcr-values"], "ne montre pas");
    case("edited event", &|e| flip(&mut e.event_log.0, 120), &["event-log"], "");
    case("truncated log", &|e| e.event_log.0.truncate(400), &["event-log"], "coupé");
    case("event left out", &|e| e.event_log.0 = without_last(&attester), &["event-log"], "PCR 11");
    case("garbage after the log", &|e| e.event_log.0.push(0), &["event-log"], "coupé");
    case("no log", &|e| e.event_log.0.clear(), &["event-log"], "coupé");
    case("phase renamed", &|e| replace(&mut e.userspace_log, "\"ready\"", "\"bad\""), &["event-log"], "phase");
    case("phase left out", &|e| e.userspace_log = Some(Marshalled(vec![])), &["event-log"], "PCR 11, 15");
    case("wrong magic", &|e| flip(&mut e.quote.attest.0, 0), &["quote"], "marque du TPM");
    case("byte of the quote", &|e| flip(&mut e.quote.attest.0, 60), &["quote"], "");
    case("byte of the signature", &|e| flip(&mut e.quote.signature.0, 20), &["quote"], "clé d'attestation");
    case("garbage after the signature", &|e| e.quote.signature.0.push(0), &["quote"], "pas lisible");
    case(
        "AK",
        &|e| e.attestation_key = attester.public("audit.pub"),
        &["attestation-key"],
        "autre clé d'attestation",
    );
    // Nonces.
    let mut foreign = make();
    foreign.nonce = Nonce::new([1; 32]);
    officer.judged(&foreign, &[]).assert_fails("unknown nonce", &["nonce", "binding"], "pas été tiré");
    let mut fresher = good.clone();
    fresher.nonce = officer.nonce("pharmacie");
    officer.judged(&fresher, &[]).assert_fails("old quote under a new nonce", &["binding"], "pas ceux");
    // An older one than what was seen since is told so, and a newer one is good.
    officer.judged(&good, &[]).assert_fails("an older evidence", &["clock"], "pas avancé");
    let newer = make();
    officer.judged(&newer, &[]).assert_good();
    let mut spent = newer.clone();
    spent.endorsement.ek_chain.clear();
    officer.judged(&spent, &[]).assert_fails("spent nonce", &["ek-certificate", "nonce"], "chaîne");
    // The quote of an older evidence in a newer one.
    let mut old = make();
    old.quote = good.quote.clone();
    officer.judged(&old, &[]).assert_fails("old quote", &["binding"], "pas ceux");
    officer.write("asked", &format!("{}\n", officer.nonce("pharmacie")));
    officer.judged(&make(), &["--nonce-file", "asked"]).assert_fails(
        "other nonce than asked",
        &["nonce"],
        "--nonce-file",
    );
    // Nothing of all this moved what the next good evidence is held against.
    officer.judged(&make(), &[]).assert_good();
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 0x01;
}

fn replace(log: &mut Option<Marshalled>, from: &str, to: &str) {
    let text = String::from_utf8(log.take().unwrap().0).unwrap();
    assert!(text.contains(from));
    *log = Some(Marshalled(text.replace(from, to).into_bytes()));
}

fn without_last(attester: &Attester) -> Vec<u8> {
    let (_, events) = attester.boot.events.split_last().unwrap();
    crate::evidence::boot::written(events)
}
