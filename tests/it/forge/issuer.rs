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

/// Two attributes in one RDN, and a type that RFC 2253 has no keyword for, which it wants as numbers.
#[test]
fn unusual_subjects_are_written_by_the_rules() {
    let made = |subject: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8"]);
        run(openssl.args(["-subj", subject, "-keyout"]).arg(&key).arg("-out").arg(&certificate));
        std::fs::read_to_string(&certificate).unwrap()
    };
    let ours = |pem: &str| SealCertificate::parse(pem.as_bytes()).unwrap().issuer_field().to_owned();
    let pem = made("/DC=fr/L=Lyon/street=1, rue X/UID=7/GN=Anne/CN=#é ");
    // openssl alone spells the street in small letters.
    assert_eq!(ours(&pem), openssl(&pem).replace("street=", "STREET="));
    // Within an RDN the order is free (RFC 2253 §2.2): ours is the certificate's, openssl turns it round.
    assert_eq!(ours(&made("/C=FR/O=A+OU=1690781810/CN=x")), "CN=x,O=A+OU=1690781810,C=FR");
    assert_eq!(ours(&made("/C=FR/serialNumber=AB/CN=x")), "CN=x,2.5.4.5=#13024142,C=FR");
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
