//! Orders and conventions by stick, before a `sceaud` that runs: it judges, the console carries.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use super::rig::Rig;
use crate::admin::office::{Key, Office};
use crate::doorstep::DoorAlone;
use crate::support::convention::CONVENTION;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;

/// Makes the establishment's folder the appliance's configuration, as if `provisioning` had been applied.
pub(super) fn provisioned(rig: &Rig, establishment: &Establishment, provisioning: &str) {
    symlink(&establishment.folder, rig.root("var/lib/sceau-config")).unwrap();
    let at = |name: &str| establishment.folder.join(name);
    fs::write(at("appliance.toml"), provisioning).unwrap();
    // What the visit looks for before it asks sceaud for anything.
    for name in ["seal.pem", "AUDIT.pub"] {
        fs::write(at(name), "of the establishment's own plan").unwrap();
    }
}

pub(super) fn without_authentication(rig: &Rig) -> String {
    rig.right().replace("authentication = true", "authentication = false")
}

fn operator(name: &str, role: &str, key: &Key) -> String {
    format!("\n[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\nkey = \"{}\"\n", key.public())
}

/// Signs a file of the stick as an operator at his desk would.
pub(super) fn sign(rig: &Rig, order: &str, name: &str, key: &Key) {
    let signature = key.sign("sceau-order", &fs::read(rig.stick("orders").join(order)).unwrap());
    fs::write(rig.stick("orders").join(format!("{order}.{name}.sig")), signature).unwrap();
}

#[test]
fn the_first_operators_sign_the_order_that_the_stick_brings_them() {
    let Some(rig) = Rig::new("console::the_first_operators_sign_the_order_that_the_stick_brings_them") else {
        return;
    };
    let office = Office::empty(Plan::new("console"));
    let named = operator("alice", "administrator", &office.alice) + &operator("bob", "approver", &office.bob);
    provisioned(&rig, &office.door.establishment, &(without_authentication(&rig) + &named));
    let said = rig.visited();
    assert!(said.contains("faites signer answers/operateurs.json dans les 24 heures par alice, bob"), "{said}");
    let order: Value = serde_json::from_str(&rig.answer("operateurs.json")).unwrap();
    assert_eq!(
        (&order["verb"], &order["ledger"]),
        (&"operators-bootstrap".into(), &office.ledger.as_str().into())
    );
    // One of the two has signed: sceaud's own refusal, and nobody is registered.
    fs::create_dir_all(rig.stick("orders")).unwrap();
    fs::copy(rig.stick("answers/operateurs.json"), rig.stick("orders/premiers.json")).unwrap();
    sign(&rig, "premiers.json", "alice", &office.alice);
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("premiers.json") && said.contains("signers-missing"), "{said}");
    assert_eq!(office.active(), [""; 0]);
    sign(&rig, "premiers.json", "bob", &office.bob);
    let said = rig.visited();
    assert!(said.contains("ordre exécuté (operators-bootstrap)"), "{said}");
    assert_eq!(office.active(), ["alice", "bob"]);
    // Done orders are passed over, and no further first order is made.
    let said = rig.visited();
    assert!(!said.contains("premiers.json") && !rig.stick("answers/operateurs.json").exists(), "{said}");
    fs::write(rig.stick("orders/faux.json"), "{\"sceau_order\":1").unwrap();
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("faux.json, order"), "{said}");
}

#[test]
fn a_convention_comes_by_stick_and_its_approvers_decide() {
    let Some(rig) = Rig::new("console::a_convention_comes_by_stick_and_its_approvers_decide") else { return };
    let door = DoorAlone::in_production(Plan::new("console").key_type(KeyType::P256));
    let establishment = &door.establishment;
    provisioned(&rig, establishment, &without_authentication(&rig));
    let convention = rig.stick("convention");
    fs::create_dir_all(&convention).unwrap();
    let of_convention = |folder: &Path| -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(CONVENTION)).collect()
    };
    let copy = |from: &Path, to: &Path| {
        for name in of_convention(from) {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    };
    // The next one is signed at a desk, and the stick brings it.
    let desk = tempfile::tempdir().unwrap();
    copy(&establishment.folder, desk.path());
    establishment.renew_convention(|_| {});
    copy(&establishment.folder, &convention);
    copy(desk.path(), &establishment.folder);
    let said = rig.visited();
    assert!(said.contains("prise par sceaud"), "{said}");
    let number = || establishment.call_admin("Convention", serde_json::json!({})).unwrap()["number"].clone();
    let taken = number();
    assert_eq!(fs::read(convention.join(CONVENTION)).unwrap(), fs::read(establishment.convention()).unwrap());
    assert!(!rig.visited().contains("mise en place"), "once");
    // One that nobody signed, and one that is none: the approvers' one stays in force.
    let right = fs::read_to_string(convention.join(CONVENTION)).unwrap();
    fs::write(convention.join(CONVENTION), right.replace("number = 2", "number = 9")).unwrap();
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("convention-altered"), "{said}");
    let in_place = fs::read(establishment.convention()).unwrap();
    fs::write(convention.join(CONVENTION), "[convention]\nformat = 1\n").unwrap();
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("convention.toml, ligne 1") && said.contains("number"), "{said}");
    assert_eq!(fs::read(establishment.convention()).unwrap(), in_place, "what is none replaces nothing");
    assert_eq!(number(), taken);
}
