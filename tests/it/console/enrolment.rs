//! An application server is enrolled by stick: its code goes out once, what it proposes is told, and an order confirms it.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::policy::fingerprint::Fingerprint;
use sceau::policy::invitation::Code;
use serde_json::{Value, json};

use super::office::{provisioned, sign, without_authentication};
use super::rig::Rig;
use crate::admin::office::Office;
use crate::gate::rig::{local, remote, with_gate};
use crate::support::plan::Plan;
use crate::support::varlink::{Client, Refused};

/// Public keys of a gate and of a server, as far as `sceaud` looks at them.
const GATE: &[u8] = b"the gate's own key";
const SERVER: &[u8] = b"the server's key";

/// Puts an order on the stick, signed by alice.
fn order(rig: &Rig, office: &Office, name: &str, verb: &str, arguments: Value) {
    fs::create_dir_all(rig.stick("orders")).unwrap();
    fs::write(rig.stick("orders").join(name), office.order(verb, arguments).to_string()).unwrap();
    sign(rig, name, "alice", &office.alice);
}

/// Asks `sceaud` as the gate.
fn as_gate(office: &Office, method: &str, parameters: Value) -> Result<Value, Refused> {
    let mut client = Client::connect(&office.door.establishment.token_socket()).unwrap();
    client.call(&format!("fr.sceau.Gate.{method}"), parameters)
}

#[test]
fn an_invitation_goes_out_by_stick_and_what_is_proposed_comes_back_to_be_confirmed() {
    let test = "console::an_invitation_goes_out_by_stick_and_what_is_proposed_comes_back_to_be_confirmed";
    let Some(rig) = Rig::new(test) else { return };
    let office = Office::empty(with_gate(Plan::new("console")));
    provisioned(&rig, &office.door.establishment, &without_authentication(&rig));
    office.register();
    let register = json!([local(), remote("gate:dpi", &[])]).to_string();
    let digest = sceau::traces::digest::Digest::of(&[register.as_bytes()]);
    order(
        &rig,
        &office,
        "1.json",
        "applications-import",
        json!({ "format": "json", "sha256": digest.to_string() }),
    );
    fs::write(rig.stick("orders/1.json.document"), register).unwrap();
    rig.visited();
    // No gate has told its key: nothing is invited, and the order is not used up.
    order(&rig, &office, "2.json", "application-invite", json!({ "application": "gate:dpi" }));
    let (_, said) = rig.visit();
    assert!(said.contains("no-gate") && !rig.stick("answers/2.json.code").exists(), "{said}");
    let key = json!({ "key": Fingerprint::of(GATE).to_string() });
    as_gate(&office, "Clients", key.clone()).unwrap();
    let said = rig.visited();
    assert!(said.contains("code d'invitation de gate:dpi dans answers/2.json.code"), "{said}");
    let text = rig.answer("2.json.code");
    let code = Code::parse(&text).unwrap();
    assert_eq!(code.gate, *Fingerprint::of(GATE).digest());
    // In that file alone: reports stay on the screen.
    assert!(!said.contains(text.trim()) && !rig.answer("result.txt").contains(text.trim()), "{said}");
    let said = rig.visited();
    assert!(!said.contains("2.json") && !said.contains("propose"), "{said}");
    // What is proposed is told until an order confirms it.
    let proof = STANDARD.encode(code.secret.prove(SERVER, &code.gate).as_bytes());
    let key_of_server = STANDARD.encode(SERVER);
    let proposal = json!({ "application": "dpi", "key": key_of_server, "proof": proof, "address": "192.0.2.9" });
    as_gate(&office, "Propose", proposal).unwrap();
    let certificate = Fingerprint::of(SERVER);
    let said = rig.visited();
    for words in ["gate:dpi propose, depuis 192.0.2.9", &certificate.short(), &certificate.to_string()] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let arguments = json!({ "application": "gate:dpi", "certificate": certificate.to_string() });
    order(&rig, &office, "3.json", "application-certificate", arguments);
    let said = rig.visited();
    assert!(said.contains("ordre exécuté (application-certificate)") && !said.contains("propose"), "{said}");
    let admitted = as_gate(&office, "Clients", key).unwrap();
    assert_eq!(admitted["certificates"], json!([certificate.to_string()]));
}
