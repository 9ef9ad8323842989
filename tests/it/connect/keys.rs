//! A gate is known by its key alone; the companion's own key stays its own.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::toy_gate::{GateKey, ToyGate};
use crate::doorstep::{DoorAlone, brief, says};
use crate::support::companion::Server;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_gate_with_another_key_hears_nothing() {
    let door = DoorAlone::open(Plan::new("connect-keys").key_type(KeyType::P256));
    let server = Server::new(None);
    let socket = door.establishment.token_socket();
    let right = GateKey::make(server.folder.path().join("right.pem"));
    let other = GateKey::make(server.folder.path().join("other.pem"));
    let impostor = ToyGate::start(None, "127.0.0.1", 0, &other, &socket);
    let address = format!("127.0.0.1:{}", impostor.port);
    // At the introduction.
    let refused = server.enrol(&address, "dpi", &right.code());
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("n'a pas la clé du code"), "{said}");
    assert!(!server.state().join("appliances.toml").exists());
    assert_eq!(impostor.said(), Vec::<String>::new(), "no byte of a proposal");
    // Afterwards: the right one is introduced, the impostor takes its place.
    drop(impostor);
    let gate = ToyGate::start(None, "127.0.0.1", 0, &right, &socket);
    let address = format!("127.0.0.1:{}", gate.port);
    server.enrolled(&address, "dpi", &right.code());
    assert_eq!(gate.line(), "POST /v1/enrolment HTTP/1.1");
    let companion = server.serving();
    let port = gate.port;
    drop(gate);
    let impostor = ToyGate::start(None, "127.0.0.1", port, &other, &socket);
    let said = server.verb(&["status"], "");
    assert_eq!(said.status.code(), Some(3));
    assert!(text(&said.stdout).contains("a une autre clé que celle de l'invitation"), "{}", text(&said.stdout));
    let answer =
        companion.client().try_call("fr.sceau.Token.OpenSession", json!({ "practitioner": "1" })).unwrap();
    assert_eq!(brief(answer), says("Unavailable", "appliance-unreachable"));
    assert_eq!(impostor.said(), Vec::<String>::new());
}

#[test]
fn the_key_is_made_once_and_for_its_owner_alone() {
    let door = DoorAlone::open(Plan::new("connect-keys").key_type(KeyType::P256));
    let server = Server::new(None);
    let key = GateKey::make(server.folder.path().join("gate.pem"));
    let gate = ToyGate::start(None, "127.0.0.1", 0, &key, &door.establishment.token_socket());
    let address = format!("127.0.0.1:{}", gate.port);
    server.enrolled(&address, "dpi", &key.code());
    let file = server.state().join("key.pem");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&server.state())), (0o600, 0o700));
    let before = std::fs::read_to_string(&file).unwrap();
    // A second introduction, of the same server: the same key.
    server.enrolled(&address, "dpi", &key.code());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    let known = std::fs::read_to_string(server.state().join("appliances.toml")).unwrap();
    assert_eq!(known.matches("[[appliance]]").count(), 1, "{known}");
    // Its certificate is of this key, and openssl takes it for what it is.
    let certificate = server.state().join("certificate.pem");
    let openssl = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-ext", "extendedKeyUsage", "-in"])
        .arg(&certificate)
        .output()
        .unwrap();
    let said = text(&openssl.stdout);
    assert!(said.contains("CN = dpi") && said.contains("TLS Web Client Authentication"), "{said}");
}

#[test]
fn what_is_mistyped_is_told_before_anything_is_made() {
    let server = Server::new(None);
    let key = GateKey::make(server.folder.path().join("gate.pem"));
    let mut wrong = key.code();
    wrong.replace_range(wrong.len() - 1.., if wrong.ends_with('A') { "B" } else { "A" });
    for (address, name, code, word) in [
        ("127.0.0.1", "dpi", key.code(), "HÔTE:PORT"),
        ("127.0.0.1:1", "gate:dpi", key.code(), "gate:"),
        ("127.0.0.1:1", "dpi", wrong.clone(), "code d'invitation"),
        ("127.0.0.1:1", "dpi", String::new(), "code d'invitation"),
    ] {
        let refused = server.enrol(address, name, &code);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(word) && !said.contains(&code[..code.len().min(40)]) || code.is_empty(), "{said}");
        assert!(!server.state().exists(), "{word}");
    }
    // Nobody there: not now, and nothing is believed.
    let refused = server.enrol("127.0.0.1:1", "dpi", &key.code());
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(!server.state().join("appliances.toml").exists());
    // Without an appliance, or without a door, nothing runs and the remedy is named.
    let said = server.verb(&["run"], "");
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said.stderr).contains("sceau-connect enrol"), "{}", text(&said.stderr));
}

#[test]
fn the_guides_configuration_is_taken() {
    let guide = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connecteur.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let blocks: Vec<&str> =
        guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let server = Server::new(None);
    let folder = format!("folder = {:?}", server.state());
    let said = |text: &str| {
        server.configure(text);
        let output = server.verb(&["status"], "");
        assert_eq!(output.status.code(), Some(2));
        self::text(&output.stderr)
    };
    // Linux, then Windows: here the one has but nobody to ask, the other a door that is not ours.
    let linux = blocks[0].replace("folder = \"/var/lib/sceau-connect\"", &folder);
    assert!(said(&linux).contains("sceau-connect enrol"), "{}", said(&linux));
    assert!(said(blocks[1]).contains("un tube nommé n'existe que sous Windows"), "{}", said(blocks[1]));
    assert!(said(&linux.replace("users", "user")).contains("`users`"));
}
