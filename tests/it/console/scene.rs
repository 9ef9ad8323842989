//! An appliance whose seal's certificate ends soon, and daemons that run with what the console wrote.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use time::Duration as Span;
use toml::{Table, Value};

use super::certificates::spki;
use super::rig::Rig;
use crate::doorstep::until;
use crate::seal_requirements::structures::certificate_of;
use crate::support::certificate::SealCertificate;
use crate::support::establishment::{Establishment, write};
use crate::support::plan::STRUCTURES;
use crate::support::softhsm::run;
use crate::support::varlink::{Client, login};

/// A file of the configuration.
pub(super) fn home(rig: &Rig, name: &str) -> PathBuf {
    rig.root("var/lib/sceau-config").join(name)
}

/// A certificate that ends soon, and one that follows it.
pub(super) fn old_and_new() -> [SealCertificate; 2] {
    let right = SealCertificate::of(STRUCTURES[0]);
    [right.clone().expires_in(Span::days(20)), right]
}

/// An appliance with a seal key alone and a certificate that ends soon; the key's SubjectPublicKeyInfo.
pub(super) fn appliance(rig: &Rig, complement: &str) -> Vec<u8> {
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
pub(super) fn ordered(rig: &Rig) {
    fs::write(home(rig, "requests/seal-r2.wanted"), "").unwrap();
}

/// What a daemon is given beside the keys: doors, registers and terms of a test's establishment, or the convention that it has.
pub(super) fn complement(of: &Establishment) -> String {
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
/// What they seal is kept for the outside verifiers beside the authorities that the console was given.
pub(super) fn adopt(rig: &Rig, of: &Establishment) {
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
    for (theirs, given) in of.trust_files().iter().zip(["racine.pem", "intermediaire.pem"]) {
        fs::copy(rig.stick("files").join(given), theirs).unwrap();
    }
    config.insert("clock".into(), Table::from_iter([("require_synchronised".to_owned(), false.into())]).into());
    fs::copy(home(rig, "softhsm2-seal.conf"), of.store.conf()).unwrap();
    write(&of.config(), &toml::to_string(&config).unwrap(), 0o644);
}

/// The base64 of a certificate.
pub(super) fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// Certificate of a new assertion, which xmlsec1 verifies.
pub(super) fn sealed_by(rig: &Rig, of: &Establishment) -> String {
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
pub(super) fn is_ready(of: &Establishment, key: &str) {
    until("the key is ready", || {
        // A door that is just being opened again.
        let Ok(mut client) = Client::connect(&of.token_socket()) else { return false };
        client.status()["seals"].as_array().unwrap().iter().any(|seal| seal["key"] == key && seal["ready"] == true)
    });
}
