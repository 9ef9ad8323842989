//! A key follows one of a provisioned appliance: ordered, made, certified, in force; the other one seals until then.

use std::fs;

use sceau::traces::entry::event::Event;
use toml::Table;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::certificates::spki;
use super::rig::Rig;
use super::scene::{adopt, appliance, base64, complement, home, is_ready, old_and_new, ordered, sealed_by};
use crate::admin::office::{Key, Office};
use crate::doorstep::{DoorAlone, until};
use crate::support::certificate::SealCertificate;
use crate::support::daemon::Daemon;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::{Plan, STRUCTURES};

fn sign(rig: &Rig, name: &str, key: &Key) {
    let signature = key.sign("sceau-order", &fs::read(rig.stick("orders/cle.json")).unwrap());
    fs::write(rig.stick("orders").join(format!("cle.json.{name}.sig")), signature).unwrap();
}

#[test]
fn a_new_key_seals_with_its_certificate_and_the_old_one_until_then() {
    let test = "console::a_new_key_seals_with_its_certificate_and_the_old_one_until_then";
    let Some(rig) = Rig::new(test) else { return };
    let establishment = Plan::new("renewal").key_type(KeyType::P256).build();
    appliance(&rig, &complement(&establishment));
    adopt(&rig, &establishment);
    let start = |instance: &str| Daemon::signer(&establishment, instance, &[]);
    let mut signers: Vec<_> = ["seal-1", "seal-2", "audit-1"].map(start).into();
    let sceaud = Daemon::sceaud(&establishment, &[]);
    sceaud.wait_ready(1);
    let (folder, old) = (establishment.folder.clone(), base64(&rig.configured("seal.pem").unwrap()));
    let office = Office::before(DoorAlone { sceaud, establishment });
    office.register();
    let of = &office.door.establishment;
    is_ready(of, "seal");
    assert_eq!(sealed_by(&rig, of), old);
    // Asked for, the request of the present key and the order of a new one are there; an approver alone orders nothing.
    fs::write(rig.stick("renouveler.txt"), "").unwrap();
    let said = rig.visited();
    assert!(said.contains("seal.csr") && said.contains("cle-neuve-seal.json"), "{said}");
    assert!(!rig.stick("renouveler.txt").exists(), "answered once");
    fs::create_dir_all(rig.stick("orders")).unwrap();
    fs::copy(rig.stick("answers/cle-neuve-seal.json"), rig.stick("orders/cle.json")).unwrap();
    sign(&rig, "bob", &office.bob);
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("role-missing"), "{said}");
    assert!(rig.configured("requests/seal-r2.csr").is_none());
    fs::remove_file(rig.stick("orders/cle.json.bob.sig")).unwrap();
    sign(&rig, "alice", &office.alice);
    let said = rig.visited();
    assert!(said.contains("clé seal-r2 générée dans le token ; l'ancienne sert toujours"), "{said}");
    let trace = office.trace_of(&fs::read_to_string(rig.stick("orders/cle.json")).unwrap());
    assert_eq!(trace, ("key-renew".to_owned(), vec!["alice".to_owned()], None));
    let asked = spki(&rig.answer("seal-r2.csr"));
    assert_ne!(asked, spki(&rig.answer("seal.csr")));
    assert_eq!(sealed_by(&rig, of), old);
    // What is wrong with a certificate is told under its name; the old one goes on.
    let before = rig.configured("sceau.toml");
    let right = rig.pki.issue(&old_and_new()[1], &asked);
    for (wrong, words) in [
        (SealCertificate::of(STRUCTURES[1]), "l'OU"),
        (SealCertificate::of(STRUCTURES[0]).authentication(), "keyUsage"),
        (SealCertificate::of(STRUCTURES[0]).expired(), "échu"),
    ] {
        rig.bring_only(&[("recu.pem", &rig.pki.issue(&wrong, &asked))]);
        let (code, said) = rig.visit();
        assert!(code == Some(1) && said.contains("recu.pem") && said.contains(words), "{words}: {said}");
        assert!(said.contains("Remède : "), "{said}");
        assert_eq!((rig.configured("seal-r2.pem"), &rig.configured("sceau.toml")), (None, &before), "{words}");
    }
    assert_eq!(sealed_by(&rig, of), old);
    // The right one: in force beside the old one, and it is the one that seals.
    rig.bring_only(&[("recu.pem", &right)]);
    let said = rig.visited();
    assert!(said.contains("clé seal-r2 mise en service"), "{said}");
    adopt(&rig, of);
    signers.extend(["seal-r2-1", "seal-r2-2"].map(|instance| Daemon::signer(of, instance, &[])));
    office.kill_and_wait();
    is_ready(of, "seal-r2");
    assert_eq!(sealed_by(&rig, of), base64(&right));
    let starts: Vec<_> = entries(of)
        .into_iter()
        .filter_map(|entry| if let Event::Start(start) = entry.event { Some(start.configuration) } else { None })
        .collect();
    assert!(
        starts.len() >= 2 && starts.first() != starts.last(),
        "the ledger names the configuration of each start"
    );
    // A used order makes no further key.
    let name = rig.stick("answers/cle.json.fait");
    fs::remove_file(name).unwrap();
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("order-already-used"), "{said}");
    assert!(rig.configured("requests/seal-r3.csr").is_none() && folder.exists());
}

/// Certificates are the convention's to name: neither one of the same key nor one of a new key stops what seals before it does.
#[test]
fn a_certificate_that_the_convention_does_not_name_stops_nothing() {
    let test = "console::a_certificate_that_the_convention_does_not_name_stops_nothing";
    let Some(rig) = Rig::new(test) else { return };
    let establishment = Plan::new("renewal").production().key_type(KeyType::P256).build();
    let of = &establishment;
    let same = appliance(&rig, &complement(of));
    adopt(&rig, of);
    let start = |instance: &str| Daemon::signer(of, instance, &[]);
    let mut signers: Vec<_> = ["seal-1", "seal-2", "audit-1"].map(start).into();
    let sceaud = Daemon::sceaud(of, &[]);
    of.enforce_convention();
    let old = base64(&rig.configured("seal.pem").unwrap());
    is_ready(of, "seal");
    assert_eq!(sealed_by(&rig, of), old);
    let again = rig.pki.issue(&old_and_new()[1], &same);
    rig.bring_only(&[("meme.pem", &again)]);
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("meme.pem : la convention en vigueur ne nomme pas"), "{said}");
    assert_eq!(base64(&rig.configured("seal.pem").unwrap()), old);
    ordered(&rig);
    rig.bring_only(&[]);
    rig.visited();
    let new = rig.pki.issue(&old_and_new()[1], &spki(&rig.answer("seal-r2.csr")));
    rig.bring_only(&[("neuf.pem", &new)]);
    let said = rig.visited();
    assert!(said.contains("la convention ne nomme pas le certificat de seal-r2"), "{said}");
    adopt(&rig, of);
    signers.extend(["seal-r2-1", "seal-r2-2"].map(start));
    sceaud.kill();
    sceaud.wait_starts(2);
    is_ready(of, "seal");
    assert_eq!(sealed_by(&rig, of), old, "nobody has signed for the new one");
    of.enforce_convention();
    until("the new one seals", || sealed_by(&rig, of) == base64(&new));
}

/// The key of mutual TLS has a successor as a seal has, on the same visit.
#[test]
fn both_kinds_of_keys_are_renewed_at_once() {
    let Some(rig) = Rig::new("console::both_kinds_of_keys_are_renewed_at_once") else { return };
    rig.bring_signed(&rig.right());
    rig.visited();
    let [seal, auth] = [SealCertificate::of(STRUCTURES[0]), SealCertificate::of(STRUCTURES[0]).authentication()];
    let issue = |certificate: &SealCertificate, name: &str| rig.pki.issue(certificate, &spki(&rig.answer(name)));
    rig.bring_only(&[("a.pem", &issue(&seal, "seal.csr")), ("b.pem", &issue(&auth, "auth.csr"))]);
    rig.visited();
    rig.bring_only(&[]);
    for key in ["seal-r2", "auth-r2"] {
        fs::write(home(&rig, &format!("requests/{key}.wanted")), "").unwrap();
    }
    rig.visited();
    // Each for its own use.
    rig.bring_only(&[("a.pem", &issue(&auth, "seal-r2.csr")), ("b.pem", &issue(&seal, "auth-r2.csr"))]);
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.matches("keyUsage").count() == 2, "{said}");
    rig.bring_only(&[("a.pem", &issue(&seal, "seal-r2.csr")), ("b.pem", &issue(&auth, "auth-r2.csr"))]);
    rig.visited();
    let told: Table = rig.configured("sceau.toml").unwrap().parse().unwrap();
    for (section, names) in [("seal", ["seal", "seal-r2"]), ("authentication", ["auth", "auth-r2"])] {
        let keys: Vec<_> =
            told[section].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap()).collect();
        assert_eq!(keys, names);
    }
    let (_, request) = x509_parser::pem::parse_x509_pem(rig.answer("auth-r2.csr").as_bytes()).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&request.contents).unwrap();
    assert!(
        request.certification_request_info.subject.to_string().contains("CENTRE HOSPITALIER DE DEMONSTRATION")
    );
}
