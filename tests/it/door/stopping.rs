//! SIGTERM: what is under way is finished and answered, nothing new is begun, the exit code is 0.

use std::thread;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::doorstep::{consultation, freeze, physician_login, until};
use crate::support::daemon::READY_WITHIN;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};

/// Requests that a frozen signer keeps under way.
const UNDER_WAY: usize = 12;

fn asking(session: &str) -> Vec<u8> {
    let mut parameters = consultation(session, PATIENTS[0]);
    parameters["nonce"] = nonce().into();
    json!({ "method": "fr.sceau.Token.Issue", "parameters": parameters }).to_string().into_bytes()
}

#[test]
fn what_is_under_way_is_finished() {
    let establishment = Plan::new("stopping").key_type(KeyType::P256).edit_config(|config| {
        // None may cut short what the test holds up.
        let limits = ["queue_ms", "signature_ms", "shutdown_ms"].map(|name| (name.to_owned(), 30_000.into()));
        config.insert("limits".into(), toml::Table::from_iter(limits).into());
    });
    let establishment = establishment.build();
    let Daemons { mut sceaud, signers, audit: _audit } = Daemons::start(&establishment);
    let mut watcher = establishment.client();
    let session = watcher.open_session(physician_login()).unwrap();
    freeze(&signers[0]);
    let notify = std::sync::Arc::clone(&sceaud.notify);
    let exit = thread::scope(|scope| {
        let mut callers = Vec::new();
        for _ in 0..UNDER_WAY {
            let mut client = establishment.client();
            client.send(&asking(&session)).unwrap();
            callers.push(client);
        }
        // The door is one thread that takes up whatever has come before it answers again: after two answers it has
        // taken up all that was written before the first question.
        until("one request is at the signer", || issued(&establishment) >= 1);
        watcher.status();
        watcher.status();
        let stopping = scope.spawn(|| sceaud.stop());
        notify.wait(READY_WITHIN, |heard| heard.stopping).expect("STOPPING=1");
        until("nobody new gets in", || Client::connect(&establishment.token_socket()).is_err());
        assert_eq!(watcher.receive().unwrap(), None, "a connection without a request is closed");
        signers[0].signal(Signal::SIGCONT);
        for mut caller in callers {
            caller.receive_answer().unwrap().expect("what was under way is answered");
            // After its answer the connection is closed: this door serves no further question.
            let after = caller.receive();
            assert!(matches!(after, Ok(None) | Err(_)), "{after:?}");
        }
        stopping.join().unwrap()
    });
    assert_eq!(exit.and_then(|status| status.code()), Some(0), "{}", sceaud.log());
}

#[test]
fn the_next_start_takes_the_socket_over() {
    let establishment = Plan::new("stopping").key_type(KeyType::P256).build();
    let mut daemons = Daemons::start(&establishment);
    assert_eq!(daemons.sceaud.stop().and_then(|status| status.code()), Some(0));
    // A killed one leaves its socket's file behind as well.
    let sceaud = crate::support::daemon::Daemon::sceaud(&establishment, &[]);
    sceaud.wait_ready(1);
    sceaud.kill();
    sceaud.wait_ready(2);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
}
