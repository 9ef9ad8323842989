//! Keys that are said to be in the TPM and are not, or are not those in use.

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{
    CertifiedKey, Claims, Document as _, Evidence, KeyCertificate, KeyRole, Marshalled,
};
use sceau::policy::keyring::Keyring;

use crate::evidence::attester::Attester;
use crate::evidence::officer::Officer;
use crate::support::certificate::SealCertificate;
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::plan::STRUCTURES;

const AK: u32 = 0x8101_0002;
/// Name and handle of the seal's key and of mutual TLS's.
const KEYS: [(KeyRole, &str, u32); 2] =
    [(KeyRole::Seal, "seal-a", 0x8101_0020), (KeyRole::Authentication, "auth", 0x8101_0021)];

/// PEM to what is in it.
fn der(pem: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap().1.contents
}

/// An HSM was replaced, or the key moved out of the TPM: the officer says so once, with the new key.
#[test]
fn an_audit_key_that_changed_is_admitted_by_the_officers_word_alone() {
    let test = "an_audit_key_that_changed_is_admitted_by_the_officers_word_alone";
    let Some(mut attester) = Attester::new(test) else { return };
    let officer = Officer::of(&attester);
    officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]).assert_good();
    attester.signing_key("next", 0x8101_0020);
    attester.audit = ("next", 0x8101_0020);
    officer.write("NEXT.pub", &attester.audit_key().to_string());
    let outside = |attester: &Attester, since: Option<u64>| {
        let mut evidence = attester.evidence(officer.nonce("pharmacie"), since);
        evidence.keys.clear();
        evidence
    };
    let (changed, again) = (["--new-baseline", "HSM remplacé"], ["--key", "NEXT.pub"]);
    let both = [changed, again].concat();
    let case = "nobody said so";
    officer.judged(&outside(&attester, None), &[]).assert_fails(
        case,
        &["audit-key", "ledger"],
        "ne certifie aucune",
    );
    officer.judged(&outside(&attester, None), &changed).assert_fails(
        "no key",
        &["audit-key"],
        "ne certifie aucune",
    );
    officer.write("evidence.json", &outside(&attester, None).text());
    let (code, said) = officer.said(&[&["evidence.json", "--state", "state.json"][..], &again].concat());
    assert!(code == 2 && said.contains("--new-baseline"), "{said}");
    // With evidence that is not good the key is not taken either.
    let mut torn = outside(&attester, None);
    torn.pcrs[0].sha256 = sceau::traces::digest::Digest::default();
    assert_eq!(officer.judged(&torn, &both).code, 1);
    attester.audit = ("audit", 0x8101_0003);
    officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]).assert_good();
    let old = officer.judged(&outside(&attester, None), &both);
    old.assert_fails("the old key under the new one's name", &["audit-key", "ledger"], "ne certifie aucune");
    let old = officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &both);
    old.assert_fails("the old key, in the TPM, where another was given", &["ledger"], "n'est plus celle");
    // Its own: from now on, and the ledger goes on from there.
    attester.audit = ("next", 0x8101_0020);
    let admitted = officer.judged(&outside(&attester, None), &both);
    admitted.assert_good();
    assert!(admitted.json["notes"].to_string().contains("n'est pas dans ce TPM"), "{:#}", admitted.json);
    attester.ledger.0 = 9;
    officer.judged(&outside(&attester, Some(5)), &[]).assert_good();
    attester.audit = ("audit", 0x8101_0003);
    attester.ledger.0 = 5;
    let back = officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    back.assert_fails("the old key again", &["ledger"], "n'est plus celle");
}

#[test]
fn a_seal_or_authentication_key_is_in_the_tpm_and_in_use_or_refused() {
    let test = "a_seal_or_authentication_key_is_in_the_tpm_and_in_use_or_refused";
    let Some(attester) = Attester::new(test) else { return };
    let officer = Officer::of(&attester);
    KEYS.iter().for_each(|(_, name, at)| attester.signing_key(name, *at));
    let pki = Pki::generate(CaNames::Test, CaKeys::P256);
    let certificate = |name: &str| {
        let wanted = SealCertificate::of(STRUCTURES[0]);
        let pem = pki.issue(&wanted, &attester.file(&format!("{name}.der")));
        let certificate = Marshalled(der(&pem));
        let (structure, key) = (STRUCTURES[0].to_owned(), name.to_owned());
        vec![KeyCertificate { structure, key, certificate, keyring: Keyring::Pkcs11 }]
    };
    let claims =
        || Claims { seals: certificate("seal-a"), authentications: certificate("auth"), ..attester.claims() };
    let certified = |evidence: &mut Evidence, (role, name, at): (KeyRole, &str, u32)| {
        let data = qualifying_data(&evidence.nonce, &evidence.claims);
        evidence.keys.push(CertifiedKey {
            role,
            key: name.to_owned(),
            public: attester.public(&format!("{name}.pub")),
            certification: attester.certify(at, data.as_bytes()),
        });
    };
    let make = |claims: Claims| {
        let mut evidence = attester.evidence_of(officer.nonce("pharmacie"), None, claims, AK);
        KEYS.iter().for_each(|key| certified(&mut evidence, *key));
        evidence
    };
    let good = officer.judged(&make(claims()), &[]);
    good.assert_good();
    assert!(good.detail("keys").contains("seal-a, auth"), "{}", good.detail("keys"));
    // Of a machine in order that has other certificates than the TPM's keys: each by itself.
    for (name, spoilt, word) in [
        ("seal of another key", Claims { seals: certificate("auth"), ..claims() }, "de cachet"),
        (
            "client of another key",
            Claims { authentications: certificate("seal-a"), ..claims() },
            "d'authentification",
        ),
        ("no seal", Claims { seals: vec![], ..claims() }, "de cachet"),
        ("no client", Claims { authentications: vec![], ..claims() }, "d'authentification"),
    ] {
        officer.judged(&make(spoilt), &[]).assert_fails(name, &["keys"], word);
    }
    let mut renamed = claims();
    renamed.authentications[0].key = "another".to_owned();
    officer.judged(&make(renamed), &[]).assert_fails("another name", &["keys"], "sous ce nom");
    // A declaration that the quote does not cover.
    let mut added = make(Claims { authentications: vec![], ..claims() });
    added.claims.authentications = certificate("auth");
    let unbound = officer.judged(&added, &[]);
    unbound.assert_fails("declared afterwards", &["binding"], "ne sont pas ceux que le TPM a signés");
    // Certifications of another moment, of another key, or of one that may leave.
    let case = |name: &str, edit: &dyn Fn(&mut Evidence), word: &str| {
        let mut evidence = make(claims());
        edit(&mut evidence);
        officer.judged(&evidence, &[]).assert_fails(name, &["keys"], word);
    };
    let old = make(claims());
    case("old", &|e| e.keys[1].certification = old.keys[1].certification.clone(), "autre nonce");
    case("the audit key's", &|e| e.keys[2].certification = e.keys[0].certification.clone(), "autre clé");
    case("the quote", &|e| e.keys[2].certification = e.quote.clone(), "autre chose");
    let attributes = ["-G", "ecc:ecdsa", "-a", "sensitivedataorigin|userwithauth|sign"];
    let wrapped = ["-C", "primary.ctx", "-u", "loose.pub", "-r", "loose.priv"];
    attester.tool("tpm2_create", &[&wrapped[..], &attributes].concat());
    attester.tool("tpm2_load", &[&wrapped[..], &["-c", "loose.ctx"]].concat());
    attester.tool("tpm2_evictcontrol", &["-C", "o", "-c", "loose.ctx", "0x81010022"]);
    let loose = |evidence: &mut Evidence| {
        evidence.keys.pop();
        evidence.keys.pop();
        certified(evidence, (KeyRole::Seal, "loose", 0x8101_0022));
    };
    case("it may leave", &loose, "pas attachée");
    let many = |evidence: &mut Evidence| {
        let one = evidence.keys[1].clone();
        evidence.keys.extend(std::iter::repeat_n(one, 64));
    };
    case("too many", &many, "plus de 64");
    officer.judged(&make(claims()), &[]).assert_good();
}
