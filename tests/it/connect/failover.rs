//! Two appliances: when one falls silent the other serves; nothing is asked twice; sessions are opened anew.

use nix::sys::signal::Signal;
use serde_json::json;

use super::toy_gate::{GateKey, ToyGate};
use crate::doorstep::{consultation, physician_login};
use crate::forge::readers::assert_verified;
use crate::support::companion::Server;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, Issued};
use crate::support::wait::eventually;

/// An appliance of the pair.
struct One {
    gate: Option<ToyGate>,
    key: GateKey,
    port: u16,
    _daemons: Daemons,
    establishment: Establishment,
}

impl One {
    fn start(server: &Server, name: &str) -> One {
        let establishment = Plan::new("connect-pair").key_type(KeyType::P256).build();
        let daemons = Daemons::start(&establishment);
        let key = GateKey::make(server.folder.path().join(name));
        let gate = ToyGate::start(None, "127.0.0.1", 0, &key, &establishment.token_socket());
        let port = gate.port;
        server.enrolled(&format!("127.0.0.1:{port}"), "dpi", &key.code());
        One { gate: Some(gate), key, port, _daemons: daemons, establishment }
    }

    fn again(&mut self) {
        let door = self.establishment.token_socket();
        self.gate = Some(ToyGate::start(None, "127.0.0.1", self.port, &self.key, &door));
    }

    /// That this appliance made it.
    fn made(&self, issued: &Issued) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vihf.xml");
        std::fs::write(&file, &issued.assertion).unwrap();
        assert_verified(&self.establishment.folder.join("pki"), &[&file]);
    }
}

/// Asks as the guide says: opens a session that is unknown again, asks again with a new nonce where nobody answered. What came,
/// and what was told on the way.
fn insist(client: &mut Client, session: &mut String) -> (Issued, Vec<String>) {
    let mut told = Vec::new();
    let issued = eventually("an assertion", || match client.issue(consultation(session, PATIENTS[0])) {
        Ok(issued) => Some(issued),
        Err(refused) => {
            let (error, reason) = refused.brief();
            told.push(format!("{error}/{reason}"));
            if reason == "session-unknown" {
                *session = client.open_session(physician_login()).unwrap_or_default();
            }
            None
        }
    });
    told.dedup();
    (issued, told)
}

#[test]
fn an_answer_that_is_lost_was_asked_for_once() {
    let server = Server::new(None);
    let mut one = One::start(&server, "a.pem");
    let companion = server.serving();
    let mut client = companion.client();
    let session = client.open_session(physician_login()).unwrap();
    let gate = one.gate.as_mut().unwrap();
    gate.swallow(1);
    let refused = client.issue(consultation(&session, PATIENTS[0])).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "appliance-unreachable"));
    assert!(refused.parameters["message"].as_str().unwrap().contains("nouveau nonce"));
    // The gate says each question that arrives; the ledger has what was made of it.
    assert_eq!((gate.line().as_str(), issued(&one.establishment)), ("issue", 1));
    // The application's connection goes on, and the next question is one question; until the companion has a new connection it
    // is told so, and nothing was sent.
    let mut session = session;
    let (answered, told) = insist(&mut client, &mut session);
    assert!(told.iter().all(|why| why == "Unavailable/appliance-unreachable"), "{told:?}");
    let gate = one.gate.as_ref().unwrap();
    assert_eq!((gate.line().as_str(), issued(&one.establishment)), ("issue", 2));
    assert_eq!(gate.said(), Vec::<String>::new(), "the companion has asked nothing again");
    one.made(&answered);
}

#[test]
fn when_one_falls_silent_the_other_serves_and_sessions_are_opened_anew() {
    let server = Server::new(None);
    let mut first = One::start(&server, "a.pem");
    let second = One::start(&server, "b.pem");
    let third = server.enrol("127.0.0.1:1", "dpi", &first.key.code());
    assert_eq!(third.status.code(), Some(2), "a pair is two");
    let companion = server.serving();
    let mut client = companion.client();
    let mut session = client.open_session(physician_login()).unwrap();
    let of_first = session.clone();
    let (answer, told) = insist(&mut client, &mut session);
    assert_eq!(told, Vec::<String>::new());
    first.made(&answer);
    // Its process ends: the session is another appliance's.
    first.gate = None;
    let (answer, told) = insist(&mut client, &mut session);
    assert!(told.ends_with(&["Denied/session-unknown".to_owned()]), "{told:?}");
    second.made(&answer);
    // It is back, and nothing moves: each move costs sessions.
    first.again();
    eventually("it is seen again", || companion.log().matches("Ready").count().checked_sub(2));
    let (answer, told) = insist(&mut client, &mut session);
    assert_eq!(told, Vec::<String>::new());
    second.made(&answer);
    // The other one freezes amid a question: told so, asked once, and the first serves; its old session is good.
    second.gate.as_ref().unwrap().signal(Signal::SIGSTOP);
    session = of_first;
    let before = (issued(&first.establishment), issued(&second.establishment));
    let (answer, told) = insist(&mut client, &mut session);
    // Unless its silence was noticed before the question came to it, on a busy machine.
    assert!(told.iter().eq(["Unavailable/appliance-unreachable"]) || told.is_empty(), "{told:?}");
    first.made(&answer);
    assert_eq!((issued(&first.establishment), issued(&second.establishment)), (before.0 + 1, before.1));
    second.gate.as_ref().unwrap().signal(Signal::SIGCONT);
    let ready = client.call("fr.sceau.Token.Status", json!({})).unwrap();
    assert_eq!(ready["ready"], true);
}
