//! A key follows one of a provisioned appliance: ordered, made, certified, in force; the other one seals until then.

use std::fs;
use std::process::Command;

use sceau::traces::entry::event::Event;
use time::Duration as Span;
use toml::{Table, Value};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::certificates::spki;
use super::rig::Rig;
use crate::admin::office::{Key, Office};
use crate::doorstep::{DoorAlone, until};
use crate::faults::disk::{Disk, Fault};
use crate::seal_requirements::structures::certificate_of;
use crate::support::certificate::SealCertificate;
use crate::support::daemon::Daemon;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::softhsm::run;
use crate::support::varlink::{Client, login};

/// Exit code of a program that shim.c has cut off.
const CUT: Option<i32> = Some(99);

fn home(rig: &Rig, name: &str) -> std::path::PathBuf {
    rig.root("var/lib/sceau-config").join(name)
}

/// A certificate that ends soon, and one that follows it.
fn old_and_new() -> [SealCertificate; 2] {
    let right = SealCertificate::of(STRUCTURES[0]);
    [right.clone().expires_in(Span::days(20)), right]
}

/// An appliance with a seal key alone and a certificate that ends soon; the key's SubjectPublicKeyInfo.
fn appliance(rig: &Rig, complement: &str) -> Vec<u8> {
    fs::write(rig.stick("files/complement.toml"), complement).unwrap();
    let right = rig.right().replace("authentication = true", "authentication = false");
    let named = right.replace("mode = \"test\"", "mode = \"test\"\ncomplement = \"complement.toml\"");
    rig.bring_signed(&(named + &rig.pinned("complement.toml")));
    rig.visited();
    let spki = spki(&rig.answer("seal.csr"));
    rig.bring_only(&[("ancien.pem", &rig.pki.issue(&old_and_new()[0], &spki))]);
    rig.visited();
    spki
}

/// What an order that was obeyed leaves.
fn ordered(rig: &Rig) {
    fs::write(home(rig, "requests/seal-r2.wanted"), "").unwrap();
}

/// What a daemon is given beside the keys: doors, registers and terms of a test's establishment, or the convention that it has.
fn complement(of: &Establishment) -> String {
    let mut told: Table = fs::read_to_string(of.config()).unwrap().parse().unwrap();
    for ours in ["mode", "seal", "audit", "trust", "profiles", "clock"] {
        told.remove(ours);
    }
    for (section, names) in [
        ("sockets", &["token", "admin", "signers"][..]),
        ("registers", &["applications", "practitioners"]),
        ("ledger", &["folder"]),
    ] {
        for name in names {
            let value = &mut told[section][*name];
            *value = absolute(of, value);
        }
    }
    if of.has_convention() {
        let value = &mut told["convention"]["file"];
        *value = absolute(of, value);
    }
    toml::to_string(&told).unwrap()
}

fn absolute(of: &Establishment, value: &Value) -> Value {
    of.folder.join(value.as_str().unwrap()).display().to_string().into()
}

/// Lets the daemons of a test run with what the console wrote: PINs by file and a clock that nobody sets are all that differs.
fn adopt(rig: &Rig, of: &Establishment) {
    let mut config: Table = rig.configured("sceau.toml").unwrap().parse().unwrap();
    let pin = of.folder.join("console.pin");
    write(&pin, &rig.pin("seal.pin"), 0o600);
    let at = |name: &Value| -> Value { home(rig, name.as_str().unwrap()).display().to_string().into() };
    let own = |key: &mut Table, file: &str| {
        key.remove("pin_credential");
        key.insert("pin_file".into(), pin.display().to_string().into());
        let path = at(&key[file]);
        key.insert(file.into(), path);
    };
    config["seal"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|seal| own(seal.as_table_mut().unwrap(), "certificate"));
    own(config["audit"].as_table_mut().unwrap(), "public_key");
    for authorities in ["anchors", "intermediates"] {
        config["trust"][authorities].as_array_mut().unwrap().iter_mut().for_each(|name| *name = at(name));
    }
    config.insert("clock".into(), Table::from_iter([("require_synchronised".to_owned(), false.into())]).into());
    fs::copy(home(rig, "softhsm2-seal.conf"), of.store.conf()).unwrap();
    write(&of.config(), &toml::to_string(&config).unwrap(), 0o644);
}

/// The base64 of a certificate.
fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// Certificate of a new assertion, which xmlsec1 verifies.
fn sealed_by(rig: &Rig, of: &Establishment) -> String {
    let mut client = of.client();
    let session = client.open_session(login(&of.practitioners[0].id, "CPS", "consultation")).unwrap();
    let assertion = client.consult(&session, "207058575627097").unwrap().assertion;
    let file = rig.path("vihf.xml");
    fs::write(&file, &assertion).unwrap();
    let mut xmlsec1 = Command::new("xmlsec1");
    xmlsec1.arg("--verify").arg("--trusted-pem").arg(rig.stick("files/racine.pem"));
    xmlsec1.arg("--untrusted-pem").arg(rig.stick("files/intermediaire.pem"));
    run(xmlsec1.args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]).arg(file));
    certificate_of(&assertion).base64
}

/// Waits until that key can seal.
fn is_ready(of: &Establishment, key: &str) {
    until("the key is ready", || {
        // A door that is just being opened again.
        let Ok(mut client) = Client::connect(&of.token_socket()) else { return false };
        client.status()["seals"].as_array().unwrap().iter().any(|seal| seal["key"] == key && seal["ready"] == true)
    });
}

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

#[test]
fn a_power_cut_between_two_steps_of_a_renewal_loses_no_key() {
    let Some(rig) = Rig::new("console::a_power_cut_between_two_steps_of_a_renewal_loses_no_key") else { return };
    appliance(&rig, "");
    rig.bring_only(&[]);
    let disk = Disk::below(&rig.path("root"), &home(&rig, ""));
    let (toml, seal) = (rig.configured("sceau.toml").unwrap(), rig.configured("seal.pem").unwrap());
    let cut = |n: u32, kind: &'static str| {
        disk.fails(Fault { operation: "rename", n, errno: 5, kind });
        let (code, said) = rig.visit_with(&disk.environment());
        assert!(disk.fired() == (code == CUT) && (code == CUT || code == Some(0)), "{n} {kind}: {code:?} {said}");
        disk.is_well();
        assert_eq!(rig.configured("seal.pem").as_ref(), Some(&seal), "{n} {kind}");
        code == CUT
    };
    // The key is made: whatever is cut off, the next visit has its request, and of one key.
    let mut asked = Vec::new();
    for (n, kind) in (1..).flat_map(|n| ["cut", "cut-behind"].map(|kind| (n, kind))) {
        let _ = fs::remove_file(home(&rig, "requests/seal-r2.csr"));
        ordered(&rig);
        let was_cut = cut(n, kind);
        assert_eq!(rig.configured("sceau.toml").as_ref(), Some(&toml), "{n} {kind}");
        rig.visited();
        assert!(rig.configured("requests/seal-r2.wanted").is_none(), "{n} {kind}");
        asked.push(spki(&rig.configured("requests/seal-r2.csr").unwrap()));
        if !was_cut {
            assert!(n >= 3, "the draft and the request are two");
            break;
        }
    }
    asked.dedup();
    assert_eq!(asked.len(), 1, "what a cut left is taken, not made twice");
    // It comes into force: before, the old one serves alone; behind, both do; nothing else is ever there.
    let new = rig.pki.issue(&old_and_new()[1], &asked[0]);
    let mut in_force = None;
    for (n, kind) in (1..).flat_map(|n| ["cut", "cut-behind"].map(|kind| (n, kind))) {
        fs::write(home(&rig, "sceau.toml"), &toml).unwrap();
        let _ = fs::remove_file(home(&rig, "seal-r2.pem"));
        rig.bring_only(&[("neuf.pem", &new)]);
        let was_cut = cut(n, kind);
        let left = rig.configured("sceau.toml").unwrap();
        // The stick may be gone: what was installed is enough.
        if rig.configured("seal-r2.pem").is_some() {
            rig.bring_only(&[]);
        }
        rig.visited();
        let now = rig.configured("sceau.toml").unwrap();
        assert!(left == toml || left == now, "{n} {kind}");
        assert!(now.contains("key = \"seal\"") && now.contains("key = \"seal-r2\""), "{now}");
        assert_eq!(*in_force.get_or_insert_with(|| now.clone()), now);
        assert_eq!(rig.configured("seal-r2.pem").unwrap().trim(), new.trim());
        if !was_cut {
            assert!(n >= 4, "certificate, drafts and sceau.toml are four");
            break;
        }
    }
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

#[test]
fn a_certificate_that_has_ended_leaves_its_successor_alone() {
    let Some(rig) = Rig::new("console::a_certificate_that_has_ended_leaves_its_successor_alone") else { return };
    let first = appliance(&rig, "");
    ordered(&rig);
    rig.visited();
    let [_, right] = old_and_new();
    rig.bring_only(&[("neuf.pem", &rig.pki.issue(&right, &spki(&rig.answer("seal-r2.csr"))))]);
    rig.visited();
    let unit =
        |key: &str| rig.root(&format!("run/systemd/system/sceau.target.wants/sceau-signer@{key}-1.service"));
    let has = |key: &str| unit(key).symlink_metadata().is_ok();
    assert!(has("seal") && has("seal-r2"));
    // Years later.
    fs::write(home(&rig, "seal.pem"), rig.pki.issue(&right.clone().expired(), &first)).unwrap();
    let said = rig.visited();
    assert!(said.contains("certificat échu, retiré du service : seal ;"), "{said}");
    assert!(
        !has("seal") && has("seal-r2") && !unit("seal").with_file_name("sceau-signer@seal-1.service.d").exists()
    );
    let told = rig.configured("sceau.toml").unwrap();
    assert!(!told.contains("key = \"seal\"") && told.contains("key = \"seal-r2\""), "{told}");
    assert!(rig.configured("seal.pem").is_some(), "nothing is destroyed");
    // The next one follows the one that serves.
    fs::write(home(&rig, "requests/seal-r3.wanted"), "").unwrap();
    rig.visited();
    rig.bring_only(&[("suite.pem", &rig.pki.issue(&right, &spki(&rig.answer("seal-r3.csr"))))]);
    assert!(rig.visited().contains("clé seal-r3 mise en service"));
    assert!(has("seal-r2") && has("seal-r3"));
}
