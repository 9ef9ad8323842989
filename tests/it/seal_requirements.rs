//! Production starts on a conforming seal and on nothing else: each spoilt property refuses the start, and says so.

mod configuration;
mod key;
mod renewal;
pub(crate) mod structures;

use std::time::{Duration, Instant};

use rcgen::KeyUsagePurpose;
use serde_json::{Value, json};

use crate::support::certificate::{SealCertificate, TEST_POLICY};
use crate::support::daemon::{Daemon, READY_WITHIN};
use crate::support::daemons::{Daemons, run_until_exit};
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::seal::SealPlan;
use crate::support::varlink::{Client, login};

/// A refusal comes at once; a program that runs instead is killed after that and fails the test.
const REFUSED_WITHIN: Duration = Duration::from_secs(30);

/// The conforming production plan, without its seal. Every refusal below spoils one property of it.
fn production() -> Plan {
    Plan::new("requirements").production().policy(TEST_POLICY)
}

fn conforming_seal() -> SealPlan {
    SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256)
}

fn with_certificate(certificate: SealCertificate) -> Establishment {
    production().seal(SealPlan { certificate, ..conforming_seal() }).build()
}

fn right_certificate() -> SealCertificate {
    SealCertificate::of(STRUCTURES[0])
}

/// Exit code 2 before READY=1, and a message that holds each of `parts`: what is wrong, the remedy, the file or key.
fn assert_refused(of: &Establishment, executable: &str, args: &[&str], parts: &[&str]) {
    let refusal = run_until_exit(of, executable, args, REFUSED_WITHIN);
    assert_eq!(refusal.code, Some(2), "{executable}: {}", refusal.said);
    assert!(!refusal.was_ready, "{executable} was ready before: {}", refusal.said);
    let said = refusal.said.lines().find(|line| line.starts_with(&format!("{executable} : ")));
    assert!(said.is_some(), "no word for people: {}", refusal.said);
    // A message may have several lines (TOML shows the place): everything after its first word counts.
    let said = &refusal.said[refusal.said.find(&format!("{executable} : ")).unwrap()..];
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

/// `sceaud` refuses, naming the certificate's file and the key.
fn assert_certificate_refused(of: &Establishment, parts: &[&str]) {
    assert_refused(of, "sceaud", &[], &[&["pki/seal-a.pem", "clé seal-a"], parts].concat());
}

/// Asks for Status until it is as `wanted`: there is no event to wait for that an application could see.
fn wait_status(client: &mut Client, wanted: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let status = client.status();
        if wanted(&status) {
            return;
        }
        assert!(Instant::now() < deadline, "Status does not come to what is expected: {status}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_conforming_seal_starts() {
    let establishment = with_certificate(right_certificate());
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let status = client.status();
    assert_eq!((&status["state"], &status["ready"]), (&json!("operational"), &json!(true)), "{status}");
    let physician = &establishment.practitioners[0];
    let session = client.open_session(login(&physician.id, "CPS", "consultation")).unwrap();
    let issued = client.consult(&session, "207058575627097").unwrap();
    let base64: String = establishment.seals[0].certificate_pem.lines().filter(|l| !l.starts_with('-')).collect();
    assert!(issued.assertion.contains(&base64), "sealed under another certificate");
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let establishment = production().seal(SealPlan { other_key: true, ..conforming_seal() }).build();
    let signer = Daemon::signer(&establishment, "seal-a-1", &[]);
    signer.wait_ready(1);
    let parts = ["n'est pas celui de la clé du jeton", "importez le certificat émis pour cette clé", "clé seal-a"];
    assert_refused(&establishment, "sceaud", &[], &parts);
}

#[test]
fn a_certificate_without_non_repudiation_is_refused() {
    use KeyUsagePurpose::{ContentCommitment, DigitalSignature, KeyEncipherment};
    for usages in [&[DigitalSignature][..], &[ContentCommitment], &[DigitalSignature, KeyEncipherment], &[]] {
        let establishment = with_certificate(right_certificate().key_usages(usages));
        assert_certificate_refused(&establishment, &["nonRepudiation", "utilisez le certificat ORG_SIGN"]);
    }
}

#[test]
fn an_authentication_certificate_is_refused() {
    let establishment = with_certificate(right_certificate().authentication());
    assert_certificate_refused(&establishment, &["nonRepudiation", "utilisez le certificat ORG_SIGN"]);
}

#[test]
fn another_structures_certificate_is_refused() {
    let establishment = with_certificate(right_certificate().structure(STRUCTURES[1]));
    let parts = [STRUCTURES[1], STRUCTURES[0], "demandez un certificat pour cette structure"];
    assert_certificate_refused(&establishment, &parts);
    // A certificate of another structure stays refused when that structure is declared too.
    let establishment = production()
        .structures(&STRUCTURES[..2])
        .seal(SealPlan { certificate: SealCertificate::of(STRUCTURES[1]), ..conforming_seal() })
        .seal(SealPlan::of(STRUCTURES[1], "seal-b", KeyType::P256))
        .build();
    assert_certificate_refused(&establishment, &parts);
}

#[test]
fn a_foreign_chain_is_refused() {
    let remedy = ["aucune chaîne valide", "donnez la racine et les intermédiaires IGC-Santé"];
    let establishment = production().seal(SealPlan { unknown_ca: true, ..conforming_seal() }).build();
    assert_certificate_refused(&establishment, &remedy);
    // The right issuer, but nothing leads from it to the root.
    let establishment = with_certificate(right_certificate());
    establishment.edit_file("sceau.toml", |config| {
        config["trust"]["intermediates"] = toml::Value::Array(Vec::new());
    });
    assert_certificate_refused(&establishment, &remedy);
}

#[test]
fn no_anchor_is_refused() {
    let establishment = with_certificate(right_certificate());
    establishment.edit_file("sceau.toml", |config| config["trust"]["anchors"] = toml::Value::Array(Vec::new()));
    assert_certificate_refused(&establishment, &["[trust] anchors est vide", "donnez le certificat racine"]);
}

#[test]
fn a_missing_policy_is_refused() {
    for policy in [None, Some("1.2.250.1.213.1.7.2.1.1.1.2"), Some("1.2.250.1.213.1.7.2.1.1.1.1.1")] {
        let establishment = with_certificate(right_certificate().policy(policy));
        assert_certificate_refused(&establishment, &[TEST_POLICY, "policy_oid", "demandez un certificat"]);
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let establishment = with_certificate(right_certificate().expired());
    assert_certificate_refused(&establishment, &["échu", "installez le certificat renouvelé"]);
}

#[test]
fn a_certificate_that_is_not_yet_valid_is_refused() {
    let establishment = with_certificate(right_certificate().not_yet_valid());
    assert_certificate_refused(&establishment, &["pas encore valide", "vérifiez l'horloge"]);
}

#[test]
fn a_test_ca_is_refused() {
    // Test mode lays out a PKI with the word TEST in its names; production then looks at the same files.
    let plan = Plan::new("requirements").policy(TEST_POLICY).seal(conforming_seal());
    let establishment = plan.build();
    establishment.edit_file("sceau.toml", |config| config["mode"] = "production".into());
    assert_certificate_refused(
        &establishment,
        &["autorité de test (", "TEST", "certificat de l'IGC-Santé réelle"],
    );
}
