//! Orders that attach and detach: who may, what is refused, what the ledger has of it.

use sceau::traces::digest::Digest;
use sceau::traces::entry::event::Event;
use serde_json::{Value, json};

use super::{CHANNEL, office, sceau};
use crate::admin::office::Office;
use crate::doorstep::{brief, says};
use crate::support::ledger::entries;

const IMAGE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn attach(office: &Office, more: Value) -> Value {
    let mut arguments = json!({ "name": "demo", "image": IMAGE, "doors": ["token"] });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    office.order("connector-attach", arguments)
}

fn network() -> Value {
    json!({ "interface": "lan1", "peers": ["192.0.2.7", "198.51.100.0/24"], "listen": "8443" })
}

fn told(office: &Office) -> Value {
    office.call("Connectors", json!({})).unwrap()
}

#[test]
fn what_is_attached_is_in_the_ledger_and_survives() {
    let office = office();
    assert_eq!(told(&office), json!({ "connectors": [], "modules": [] }));
    let order = attach(&office, json!({}));
    let done = office.submit(&order, &[&office.alice]).unwrap();
    assert_eq!(done["done"]["connectors"], json!([{ "name": "demo", "user": "sceau-connector-1" }]));
    let ledger = entries(&office.door.establishment);
    let at = usize::try_from(done["entry"].as_u64().unwrap()).unwrap();
    let Event::Register(register) = &ledger[at + 1].event else { panic!("the register follows its order") };
    assert_eq!(register.register.as_str(), "connectors");
    assert_eq!(register.mandate.as_ref().unwrap().order, Digest::of(&[order.to_string().as_bytes()]));
    assert_eq!(done["done"]["register"], register.content.to_string());
    // Whoever starts connectors is woken.
    assert!(office.door.establishment.folder.join("ledger/connectors-changed").is_file());
    let module = office.order("module-attach", json!({ "name": "vendor", "image": OTHER }));
    office.submit(&module, &[&office.alice, &office.bob]).unwrap();
    let before = told(&office);
    assert_eq!(before["connectors"][0]["image"], IMAGE);
    assert_eq!(before["modules"][0]["image"], OTHER);
    office.kill_and_wait();
    assert_eq!(told(&office), before);
    let attached = office.door.client().status()["attached"].clone();
    let wanted = json!([
        { "kind": "connector", "name": "demo", "image": IMAGE },
        { "kind": "module", "name": "vendor", "image": OTHER },
    ]);
    assert_eq!(attached, wanted);
    let (code, out, _) = sceau(&office, &["connectors", "list"]);
    assert_eq!(code, 0);
    for words in
        ["Connecteur  demo, utilisateur sceau-connector-1", IMAGE, "portes : token", "Module      vendor", OTHER]
    {
        assert!(out.contains(words), "{words} is not in {out}");
    }
    let (_, out, _) = sceau(&office, &["check"]);
    for words in ["connecteur demo attaché par un ordre", "module vendor attaché par un ordre"] {
        assert!(out.contains(words), "{words} is not in {out}");
    }
    let (_, out, _) = sceau(&office, &["status"]);
    assert!(out.contains("Connecteur  demo (image 1111111111111111…)"), "{out}");
}

/// Whoever could give a way out of the machine alone could carry assertions away.
#[test]
fn what_reaches_beyond_the_machine_is_a_matter_of_two() {
    let office = office();
    for reach in [network(), json!({ "device": CHANNEL }), json!({ "doors": ["state"] })] {
        let order = attach(&office, reach);
        assert_eq!(brief(office.submit(&order, &[&office.alice])), says("Denied", "signers-missing"));
        assert_eq!(brief(office.submit(&order, &[&office.bob, &office.carol])), says("Denied", "role-missing"));
        office.submit(&order, &[&office.bob, &office.alice]).unwrap();
    }
    let module = office.order("module-attach", json!({ "name": "vendor", "image": OTHER }));
    assert_eq!(brief(office.submit(&module, &[&office.alice])), says("Denied", "signers-missing"));
    // Without a way out an administrator is enough, and he alone.
    for other in [&office.bob, &office.carol] {
        assert_eq!(brief(office.submit(&attach(&office, json!({})), &[other])), says("Denied", "role-missing"));
    }
    office.submit(&attach(&office, json!({})), &[&office.alice]).unwrap();
    assert!(told(&office)["connectors"][0].get("device").is_none());
    // To stop is urgent: whoever decides may.
    let detach = |name: &str| office.order("connector-detach", json!({ "name": name }));
    assert_eq!(brief(office.submit(&detach("demo"), &[&office.carol])), says("Denied", "role-missing"));
    office.submit(&detach("demo"), &[&office.bob]).unwrap();
    assert_eq!(told(&office)["connectors"][0]["attached"], false);
    assert_eq!(office.door.client().status()["attached"], json!([]));
}

/// What the configuration does not lend, no order gives.
#[test]
fn an_interface_or_device_that_is_not_allowed_is_refused() {
    let office = office();
    let both = [&office.alice, &office.bob];
    for reach in [
        json!({ "interface": "lan0", "peers": ["192.0.2.7"] }),
        json!({ "device": "/dev/virtio-ports/org.qemu.guest_agent.0" }),
    ] {
        let order = attach(&office, reach);
        assert_eq!(brief(office.submit(&order, &both)), says("Denied", "reach-not-allowed"));
        assert_eq!(office.trace_of(&order.to_string()).2.as_deref(), Some("reach-not-allowed"));
        // Used up: a wider configuration later does not make it good.
        assert_eq!(brief(office.submit(&order, &both)), says("Denied", "order-already-used"));
    }
    assert_eq!(told(&office)["connectors"], json!([]));
}

#[test]
fn words_that_are_not_of_their_form_are_told_by_their_member() {
    let office = office();
    let both = [&office.alice, &office.bob];
    for (more, member) in [
        (json!({ "name": "../demo" }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "image": "11" }), "image"),
        (json!({ "image": IMAGE.replace('1', "G") }), "image"),
        (json!({ "doors": ["admin"] }), "doors"),
        (json!({ "interface": "lan1\nUser=root", "peers": ["192.0.2.7"] }), "interface"),
        (json!({ "interface": "lan1" }), "peers"),
        (json!({ "interface": "lan1", "peers": ["0.0.0.0/0"] }), "peers"),
        (json!({ "interface": "lan1", "peers": ["192.0.2.7"], "listen": "443" }), "listen"),
        (json!({ "device": "/dev/tpmrm0" }), "device"),
    ] {
        let refused = office.submit(&attach(&office, more), &both);
        assert_eq!(brief(refused), says("Malformed", &format!("order.arguments.{member}")));
    }
    // A member that is not known, or of another type, is no order at all.
    for more in [json!({ "command": "/bin/sh" }), json!({ "doors": "token" }), json!({ "listen": 8443 })] {
        assert_eq!(brief(office.submit(&attach(&office, more), &both)), says("Malformed", "order.arguments"));
    }
}

#[test]
fn nothing_changes_without_something_to_change() {
    let office = office();
    let detach = |verb: &str| office.order(verb, json!({ "name": "demo" }));
    for verb in ["connector-detach", "module-detach"] {
        assert_eq!(brief(office.submit(&detach(verb), &[&office.alice])), says("Denied", "not-attached"));
    }
    office.submit(&attach(&office, json!({})), &[&office.alice]).unwrap();
    let again = attach(&office, json!({}));
    assert_eq!(brief(office.submit(&again, &[&office.alice])), says("Denied", "nothing-to-change"));
    // An update: the same name, another image, the same user.
    let update = attach(&office, json!({ "image": OTHER }));
    office.submit(&update, &[&office.alice]).unwrap();
    let row = &told(&office)["connectors"][0];
    assert_eq!((&row["image"], &row["user"]), (&json!(OTHER), &json!("sceau-connector-1")));
    for number in 2..=16 {
        let order = attach(&office, json!({ "name": format!("c{number}") }));
        office.submit(&order, &[&office.alice]).unwrap();
    }
    let one_more = attach(&office, json!({ "name": "one-more" }));
    assert_eq!(brief(office.submit(&one_more, &[&office.alice])), says("Denied", "attachments-full"));
}

/// What is set for a connector is in its order, and another file is another order.
#[test]
fn settings_are_recorded_by_their_digests() {
    let office = office();
    let setting = |name: &str, digit: &str| format!("{name}:{}", digit.repeat(64));
    let order = |settings: Vec<String>| attach(&office, json!({ "settings": settings }));
    let first = order(vec![setting("gate.toml", "b"), setting("ca.pem", "a")]);
    office.submit(&first, &[&office.alice]).unwrap();
    let rows = told(&office);
    assert_eq!(rows["connectors"][0]["settings"], json!([setting("ca.pem", "a"), setting("gate.toml", "b")]));
    office.kill_and_wait();
    assert_eq!(told(&office), rows);
    let other = order(vec![setting("ca.pem", "a"), setting("gate.toml", "c")]);
    office.submit(&other, &[&office.alice]).unwrap();
    let twice = vec![setting("ca.pem", "a"), setting("ca.pem", "b")];
    let many = (0..17).map(|n| setting(&format!("f{n}"), "a")).collect();
    for wrong in [twice, many, vec!["gate.toml".into()], vec![setting("../x", "a")], vec![setting("a:b", "a")]] {
        let refused = brief(office.submit(&order(wrong), &[&office.alice]));
        assert_eq!(refused, says("Malformed", "order.arguments.settings"));
    }
    // The command line reads the file and says which one it means.
    let file = office.door.establishment.folder.join("gate.toml");
    std::fs::write(&file, "sources = []\n").unwrap();
    let (alice, file) = (office.alice.0.to_str().unwrap(), file.to_str().unwrap());
    let attach = ["connectors", "attach", "--name", "demo", "--root-hash", IMAGE, "--setting", file];
    assert_eq!(sceau(&office, &[&attach[..], &["--sign-with", alice]].concat()).0, 0);
    let (_, out, _) = sceau(&office, &["connectors", "list"]);
    let digest = Digest::of(&[b"sources = []\n"]);
    assert!(out.contains(&format!("réglages : gate.toml:{digest}")), "{out}");
}

/// The command line makes the same orders: signed here, or printed for two to sign.
#[test]
fn the_command_line_attaches_and_detaches() {
    let office = office();
    let key = |key: &crate::admin::office::Key| key.0.to_str().unwrap().to_owned();
    let (alice, bob) = (key(&office.alice), key(&office.bob));
    let reach = ["--interface", "lan1", "--peer", "192.0.2.7", "--listen", "8443"];
    let attach =
        ["connectors", "attach", "--name", "gate", "--root-hash", IMAGE, "--door", "token", "--door", "relay"];
    let (code, _, said) = sceau(&office, &[&attach[..], &reach, &["--sign-with", &alice]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("signers-missing"), "{said}");
    let signed = ["--sign-with", &alice, "--sign-with", &bob];
    let (code, out, said) = sceau(&office, &[&attach[..], &reach, &signed].concat());
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("ordre exécuté (connector-attach)"), "{out}");
    let (_, out, _) = sceau(&office, &["connectors", "list"]);
    assert!(out.contains("réseau lan1, avec 192.0.2.7 ; écoute au port 8443"), "{out}");
    let module = ["modules", "attach", "--name", "vendor", "--root-hash", OTHER];
    assert_eq!(sceau(&office, &[&module[..], &signed].concat()).0, 0);
    for (what, name) in [("connectors", "gate"), ("modules", "vendor")] {
        assert_eq!(sceau(&office, &[what, "detach", "--name", name, "--sign-with", &bob]).0, 0);
    }
    let (_, out, _) = sceau(&office, &["connectors", "list"]);
    assert_eq!(out, "Détaché     gate (utilisateur sceau-connector-1 réservé)\n");
}
