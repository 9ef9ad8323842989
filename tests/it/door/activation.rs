//! The socket is systemd's: handed over by its name, with what waits in it, and left alone at the end.

use std::process::Command;

use crate::doorstep::{physician_login, until};
use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::varlink::Client;

/// `sceaud` behind `systemd-socket-activate`, which listens on `sockets` (name and file below `run`).
fn activated(establishment: &Establishment, sockets: &[(&str, &str)]) -> Daemon {
    let run_folder = establishment.folder.join("run");
    let listens: Vec<String> =
        sockets.iter().map(|(_, file)| format!("--listen='{}'", run_folder.join(file).display())).collect();
    let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
    let script = format!(
        "#!/bin/sh\nexec systemd-socket-activate {} --fdname={} -E NOTIFY_SOCKET '{}' \"$@\"\n",
        listens.join(" "),
        names.join(":"),
        program("sceaud").display()
    );
    let (text, path) = (establishment.folder.join("text"), establishment.folder.join("activated"));
    std::fs::write(&text, script).unwrap();
    // Written by another process: see supervision.rs.
    run(Command::new("install").args(["-m", "755"]).arg(&text).arg(&path));
    Daemon::start(establishment, "sceaud", path.to_str().unwrap(), &[], &[])
}

fn serves(sockets: &[(&str, &str)], door: &str) {
    let establishment = Plan::new("activation").key_type(KeyType::P256).build();
    let signer = Daemon::signer(&establishment, &establishment.signer_instances()[0], &[]);
    signer.wait_ready(1);
    let mut sceaud = activated(&establishment, sockets);
    let door = establishment.folder.join("run").join(door);
    // The first connection starts the program, waits in the socket and is answered.
    until("the socket listens", || Client::connect(&door).is_ok());
    let mut client = Client::connect(&door).unwrap();
    client.status();
    sceaud.wait_ready(1);
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    if let Some((_, file)) = sockets.iter().find(|(name, _)| *name == "admin") {
        let mut operator = Client::connect(&establishment.folder.join("run").join(file)).unwrap();
        operator.call("fr.sceau.Admin.Instance", serde_json::json!({})).unwrap();
    }
    assert!(!establishment.admin_socket().exists(), "nor one for the operators");
    assert!(!establishment.token_socket().exists(), "no socket of its own beside the one that was handed over");
    assert_eq!(sceaud.stop().and_then(|status| status.code()), Some(0), "{}", sceaud.log());
    assert!(door.exists(), "the socket's file is systemd's");
}

#[test]
fn the_socket_that_systemd_hands_over_is_served() {
    serves(&[("token", "activated.sock")], "activated.sock");
}

/// Each door is found by its name, in whatever order systemd hands them over.
#[test]
fn the_socket_is_found_by_its_name() {
    serves(&[("admin", "first.sock"), ("token", "second.sock")], "second.sock");
}
