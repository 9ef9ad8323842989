//! The gate's own doors at sceaud: who may introduce whom, and how.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::rig::{Rig, issue, opening, remote};
use super::wire::Identity;
use crate::registers::scene::{Scene, said};
use crate::support::skip::skip;
use crate::support::varlink::Client;

const INTRODUCE: &str = "fr.sceau.Gate.Introduce";

fn introduction(identity: &Identity) -> Value {
    json!({ "certificate": identity.fingerprint.to_string(), "address": "192.0.2.1" })
}

#[test]
fn a_connection_is_introduced_first_and_once() {
    let rig = Rig::open("gate-introduce");
    let socket = rig.scene.establishment.token_socket();
    let mut client = Client::connect(&socket).unwrap();
    let introduced = client.call(INTRODUCE, introduction(&rig.dpi)).unwrap();
    assert_eq!(introduced["application"], "gate:dpi");
    let session = client.open_session(opening()).unwrap();
    let again = client.call(INTRODUCE, introduction(&rig.labo)).unwrap_err();
    assert_eq!(again.error, "org.varlink.service.InterfaceNotFound");
    client.call("fr.sceau.Token.Issue", issue(&session)).unwrap();
    // Another connection of the gate that is not introduced is not the application's.
    let mut other = Client::connect(&socket).unwrap();
    let refused = other.call("fr.sceau.Token.Issue", issue(&session)).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "session-unknown"));
    let late = other.call(INTRODUCE, introduction(&rig.dpi)).unwrap_err();
    assert_eq!(late.error, "fr.sceau.Gate.Malformed");
    let stranger = Identity::make(&rig.scene.establishment.folder, "stranger");
    let mut unknown = Client::connect(&socket).unwrap();
    let denied = unknown.call(INTRODUCE, introduction(&stranger)).unwrap_err();
    assert_eq!((denied.error.as_str(), denied.brief().1), ("fr.sceau.Gate.Denied", "application-unknown"));
    for (member, value) in [("certificate", json!("x")), ("address", json!("\n")), ("other", json!(1))] {
        let mut wrong = introduction(&rig.dpi);
        wrong[member] = value;
        let mut client = Client::connect(&socket).unwrap();
        assert_eq!(client.call(INTRODUCE, wrong).unwrap_err().error, "fr.sceau.Gate.Malformed", "{member}");
    }
}

#[test]
fn without_a_gate_nobody_is_introduced() {
    let scene = Scene::open("gate-none");
    let identity = Identity::make(&scene.establishment.folder, "dpi");
    let mut client = Client::of(&scene.establishment);
    let refused = client.call(INTRODUCE, introduction(&identity)).unwrap_err();
    assert_eq!(refused.error, "org.varlink.service.InterfaceNotFound");
    let nothing = client.call("fr.sceau.Nothing.Introduce", json!({})).unwrap_err();
    assert_eq!(nothing.error, refused.error, "as any other that does not exist");
}

/// Sends one frame to `token.sock` as that Unix user; what came back.
fn as_user(rig: &Rig, uid: u32, frame: &Value) -> Output {
    let script = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ns.sendall(sys.argv[2].encode()+b'\\0')\n\
                  b=b''\nwhile not b.endswith(b'\\0'):\n d=s.recv(9999)\n if not d: break\n b+=d\nsys.stdout.buffer.write(b[:-1])";
    let uid = uid.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &uid, "--regid", "65534", "--clear-groups", "--", "/usr/bin/python3", "-c", script]);
    command.arg(rig.scene.establishment.token_socket()).arg(frame.to_string());
    command.output().unwrap()
}

#[test]
fn no_other_user_speaks_for_an_application_of_another_machine() {
    if !nix::unistd::geteuid().is_root() {
        return skip("gate: other users", "needs root to become another user");
    }
    let rig = Rig::open("gate-users");
    let call = json!({ "method": INTRODUCE, "parameters": introduction(&rig.dpi) });
    let answer: Value = serde_json::from_slice(&as_user(&rig, 65_534, &call).stdout).unwrap();
    assert_eq!(answer["error"], "org.varlink.service.InterfaceNotFound");
    // A user whose number is one of those that stand for remote applications is hung up on, even for Status.
    let number = sceau::policy::application::remote::number("dpi");
    let status = json!({ "method": "fr.sceau.Token.Status" });
    assert!(as_user(&rig, number, &status).stdout.is_empty());
    assert!(!as_user(&rig, 65_534, &status).stdout.is_empty());
    assert!(rig.scene.daemons.sceaud.log().contains("reserved-user"));
}

#[test]
fn the_register_keeps_certificates_apart() {
    let rig = Rig::open("gate-register");
    let import = |entries: Vec<Value>| {
        rig.scene.file("other.json", Value::from(entries).to_string());
        said(&rig.scene.applications(&["import", "other.json", "--dry-run"], &[]))
    };
    let dpi = || remote("gate:dpi", &[&rig.dpi]);
    assert!(!import(vec![dpi()]).contains("certificates"));
    assert!(import(vec![dpi(), remote("gate:labo", &[&rig.dpi])]).contains("certificates"), "of two");
    assert!(import(vec![remote("gate:dpi", &[&rig.dpi, &rig.dpi])]).contains("certificates"), "twice");
    let local = crate::support::establishment::user_name();
    assert!(import(vec![remote(&local, &[&rig.dpi])]).contains("certificates"), "of a Unix user");
    assert!(import(vec![dpi(), dpi()]).contains("déclaré deux fois"));
    for wrong in ["gate:", "gate:DPI", "gate:1", "gate:é"] {
        assert!(import(vec![remote(wrong, &[])]).contains("gate:"), "{wrong}");
    }
    let mut wrong = dpi();
    wrong["certificates"] = json!(["sha256:00"]);
    assert!(import(vec![wrong]).contains("certificates"));
    // What the ledger has is exported and imported again as it was, in both forms.
    for form in ["table.csv", "table.json"] {
        let output = rig.scene.applications(&["export", "--out", form], &[]);
        assert!(output.status.success(), "{}", said(&output));
        let output = rig.scene.applications(&["import", form, "--dry-run"], &[]);
        assert!(output.status.success(), "{form}: {}", said(&output));
    }
}
