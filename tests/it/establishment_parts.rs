//! The test establishment's parts are what they claim, as openssl and pkcs11-tool see them: a spoilt certificate that
//! was right after all would make a refusal test pass for another reason.

use std::path::Path;
use std::process::Command;

use crate::support::certificate::{SealCertificate, TEST_POLICY};
use crate::support::collection::key_name;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::plan::{Plan, TEST_STRUCTURES};
use crate::support::seal::SealPlan;
use crate::support::softhsm::{MODULE, TokenStore, run};
use rcgen::{KeyPair, PublicKeyData};

fn text_of(pem: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-text", "-nameopt", "RFC2253,-esc_msb", "-in"]);
    run(openssl.arg(file.path()))
}

fn verdict(pki: &Pki, leaf: &str, policy: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = [("ca", pki.root_pem()), ("sub", pki.intermediate_pem()), ("leaf", leaf.into())];
    files.iter().for_each(|(name, pem)| std::fs::write(path(name), pem).unwrap());
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-x509_strict", "-policy", policy, "-explicit_policy", "-CAfile"]).arg(path("ca"));
    openssl.arg("-untrusted").arg(path("sub")).arg(path("leaf")).output().unwrap().status.success()
}

#[test]
fn seal_certificate_has_the_shape_of_org_sign() {
    let pki = Pki::generate(CaNames::Test, CaKeys::Rsa2048);
    let spki = KeyPair::generate().unwrap().subject_public_key_info();
    let right = SealCertificate::of("10B0127189");
    let text = text_of(&pki.issue(&right.clone().private_key_usage_period(), &spki));
    for line in [
        "Subject: CN=SCEAU DEMONSTRATION,OU=10B0127189,O=CENTRE HOSPITALIER DE DEMONSTRATION,ST=Rhône (69),C=FR",
        "Issuer: CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE TEST,O=ASIP-SANTE,C=FR",
        "Digital Signature, Non Repudiation",
        "E-mail Protection",
        "Policy: 1.2.250.1.213.1.7.2.1.1.1.1",
        "X509v3 Private Key Usage Period",
        "X509v3 Authority Key Identifier",
        "X509v3 Subject Key Identifier",
        "sha256WithRSAEncryption",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let right = pki.issue(&right, &spki);
    assert!(verdict(&pki, &right, TEST_POLICY));
    assert!(!verdict(&pki, &right, "1.2.250.1.213.1.7.2.1.1.1.2"));
    assert!(!verdict(&Pki::generate(CaNames::Test, CaKeys::P256), &right, TEST_POLICY));
    let text = text_of(
        &Pki::generate(CaNames::Production, CaKeys::P256).issue(&SealCertificate::of("1690781810"), &spki),
    );
    assert!(!text.to_uppercase().contains("TEST"), "{text}");
}

#[test]
fn each_spoilt_certificate_is_spoilt_in_one_property() {
    let pki = Pki::generate(CaNames::Test, CaKeys::P256);
    let spki = KeyPair::generate().unwrap().subject_public_key_info();
    let right = || SealCertificate::of("10B0127189");
    for dead in [right().expired(), right().not_yet_valid(), right().policy(None), right().policy(Some("1.2.3"))] {
        assert!(!verdict(&pki, &pki.issue(&dead, &spki), TEST_POLICY));
    }
    for alive in
        [right().structure("10B0307377"), right().expires_in(time::Duration::days(6)), right().authentication()]
    {
        assert!(verdict(&pki, &pki.issue(&alive, &spki), TEST_POLICY));
    }
    assert!(!text_of(&pki.issue(&right().authentication(), &spki)).contains("Non Repudiation"));
    assert!(!text_of(&pki.issue(&right().key_usages(&[]), &spki)).contains("X509v3 Key Usage"));
    assert!(!text_of(&pki.issue(&right().extended_key_usages(&[]), &spki)).contains("Extended Key Usage"));
    assert!(text_of(&pki.issue(&right().structure("10B0307377"), &spki)).contains("OU=10B0307377"));
}

fn private_key_listing(store: &TokenStore, token: &str, pin: &str) -> String {
    let mut tool = Command::new("pkcs11-tool");
    tool.env("SOFTHSM2_CONF", store.conf()).env("USER_PIN", pin);
    tool.args(["--module", MODULE, "--token-label", token, "--login", "--pin", "env:USER_PIN"]);
    run(tool.args(["--list-objects", "--type", "privkey"]))
}

#[test]
fn keys_are_of_the_origin_they_claim() {
    let folder = tempfile::tempdir().unwrap();
    let store = TokenStore::create(folder.path());
    let access = |label: &str, origin| {
        let token = store.make(label, "seal-a", KeyType::P256, origin);
        let listing = private_key_listing(&store, label, &token.pin);
        listing.lines().find_map(|line| line.trim().strip_prefix("Access:")).unwrap().trim().to_owned()
    };
    assert_eq!(access("good", KeyOrigin::Generated), "sensitive, always sensitive, never extractable, local");
    assert_eq!(access("extractable", KeyOrigin::Extractable), "sensitive, always sensitive, extractable, local");
    assert_eq!(access("open", KeyOrigin::NotSensitive), "never extractable, local");
    assert_eq!(access("imported", KeyOrigin::Imported), "sensitive");
}

/// A signature by the token, checked by openssl with the certificate, for every key type.
#[test]
fn certificates_match_the_tokens_keys() {
    for key in KeyType::ALL {
        let establishment = Plan::new("parts").key_type(key).build();
        let seal = &establishment.seals[0];
        let base64: String = seal.certificate_pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(key_name(&format!("<ds:X509Certificate>{base64}</ds:X509Certificate>")), key.name());
        let file = |name: &str| establishment.folder.join(name);
        std::fs::write(file("data"), [7; 32]).unwrap();
        let mut tool = Command::new("pkcs11-tool");
        tool.env("SOFTHSM2_CONF", establishment.store.conf()).env("USER_PIN", &seal.token.pin);
        tool.args(["--module", MODULE, "--token-label", &seal.token.label, "--login", "--pin", "env:USER_PIN"]);
        let mechanism = if key.name().starts_with("rsa") { "RSA-PKCS" } else { "ECDSA" };
        tool.args(["--sign", "--mechanism", mechanism, "--id", "01", "--signature-format", "openssl"]);
        run(tool.arg("--input-file").arg(file("data")).arg("--output-file").arg(file("signature")));
        assert!(signed_by(&file("pki/seal-a.pem"), &file("data"), &file("signature")), "{}", key.name());
    }
}

fn signed_by(certificate: &Path, data: &Path, signature: &Path) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-certin", "-inkey"]).arg(certificate);
    openssl.arg("-in").arg(data).arg("-sigfile").arg(signature).output().unwrap().status.success()
}

#[test]
fn establishments_share_a_key_but_no_pin_and_no_file() {
    let (one, two) = (Plan::new("parts").build(), Plan::new("parts").build());
    assert_eq!(one.seals[0].token.spki_der, two.seals[0].token.spki_der);
    assert_ne!(one.seals[0].token.pin, two.seals[0].token.pin);
    assert_ne!(one.name, two.name);
    let other = SealPlan { other_key: true, ..SealPlan::of(TEST_STRUCTURES[0], "seal-a", KeyType::Rsa2048) };
    let three = Plan::new("parts").seal(other).fresh_keys().build();
    assert_ne!(three.seals[0].token.spki_der, one.seals[0].token.spki_der);
    let folder = one.folder.clone();
    drop(one);
    assert!(!folder.exists());
}

#[test]
fn secrets_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let establishment = Plan::new("parts").structures(&TEST_STRUCTURES).key_type(KeyType::P256).build();
    assert_eq!(establishment.signer_instances(), ["seal-a-1", "seal-b-1", "seal-c-1"]);
    for seal in &establishment.seals {
        let pin = establishment.folder.join(format!("secrets/{}.pin", seal.key));
        assert_eq!(std::fs::metadata(&pin).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_to_string(&pin).unwrap(), seal.token.pin);
    }
}
