//! `Issuer` is the certificate's subject as RFC 2253 writes it: the same text as openssl's, whatever the name holds.

use std::process::Command;

use rcgen::{KeyPair, PublicKeyData};

use sceau::certificate::{CertificateError, SealCertificate};

use crate::support::certificate;
use crate::support::daemons::run_until_exit;
use crate::support::key_kind::KeyType;
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::seal::SealPlan;
use crate::support::softhsm::run;

const NAMES: [&str; 22] = [
    "CENTRE HOSPITALIER DU SUD",
    "A,B",
    "A+B",
    "A\"B\"",
    "A\\B\\",
    "<A>",
    "A;B",
    "#A",
    "A#B",
    " A",
    "A ",
    "  A  B  ",
    " ",
    "  ",
    "\\",
    "\"",
    "é, à + 𝔄; e\u{301}",
    "A=B,CN=ADMIN",
    ",CN=ADMIN",
    "A\\,B",
    "&amp; </saml:Issuer> ' ]]>",
    "# ",
];

/// Subject of the certificate as openssl prints it.
fn openssl(pem: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb", "-in"]);
    let said = run(openssl.arg(file.path()));
    said.strip_suffix('\n').unwrap().strip_prefix("subject=").unwrap().to_owned()
}

fn certified(organisation: &str, common_name: &str) -> String {
    let pki = Pki::generate(CaNames::Test, CaKeys::P256);
    let spki = KeyPair::generate().unwrap().subject_public_key_info();
    let wanted = certificate::SealCertificate::of(STRUCTURES[0]);
    pki.issue(&wanted.organisation(organisation).common_name(common_name), &spki)
}

#[test]
fn a_hostile_subject_is_written_as_openssl_writes_it() {
    for (at, name) in NAMES.iter().enumerate() {
        let other = NAMES[(at + 7) % NAMES.len()];
        let pem = certified(name, other);
        let ours = SealCertificate::parse(pem.as_bytes()).unwrap();
        assert_eq!(ours.issuer_field(), openssl(&pem), "O={name:?} CN={other:?}");
    }
}

/// What the assertion could not carry, or what a reader of the DMP's logs would take for a line's end.
#[test]
fn a_subject_that_xml_forbids_is_refused() {
    for character in ['\0', '\u{1}', '\t', '\n', '\r', '\u{7f}', '\u{85}', '\u{fffe}', '\u{ffff}'] {
        let pem = certified(&format!("A{character}B"), "SCEAU");
        let refused =
            SealCertificate::parse(pem.as_bytes()).map(|certificate| certificate.issuer_field().to_owned());
        assert_eq!(refused, Err(CertificateError::Subject), "{character:?}");
    }
    let certificate = certificate::SealCertificate::of(STRUCTURES[0]).common_name("A\nB");
    let seal = SealPlan { certificate, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) };
    let establishment = Plan::new("issuer").seal(seal).build();
    let refusal = run_until_exit(&establishment, "sceaud", &[], std::time::Duration::from_secs(30));
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    for part in ["pki/seal-a.pem", "clé seal-a", "sujet", "interdit en XML"] {
        assert!(refusal.said.contains(part), "{part:?} is not in {}", refusal.said);
    }
}
