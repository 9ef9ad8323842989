//! Keys that are said to be in the TPM and are not, or are not those in use.

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{CertifiedKey, Claims, Evidence, KeyCertificate, KeyRole, Marshalled};

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
        vec![KeyCertificate { structure: STRUCTURES[0].to_owned(), key: name.to_owned(), certificate }]
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
