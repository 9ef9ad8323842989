//! What no log may hold, at the most talkative level, after a busy day with refusals.

use serde_json::{Value, json};

use crate::doorstep::{consultation, physician_login, until, with};
use crate::support::configuration::METHODS;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{login, nonce};

#[test]
fn no_secret_is_logged() {
    let establishment = Plan::new("secrets").key_type(KeyType::P256).build();
    let mut daemons = Daemons::start_with(&establishment, &[("SCEAU_LOG", "trace")]);
    let mut client = establishment.client();
    let mut secrets: Vec<String> = establishment.seals.iter().map(|seal| seal.token.pin.clone()).collect();
    let mut sessions = Vec::new();
    for who in Practitioner::all() {
        for method in METHODS {
            sessions.push(client.open_session(login(&who.id, method, "urgences")).unwrap());
        }
        secrets.extend([who.id, who.name]);
    }
    let mut issue = |parameters: Value| {
        secrets.push(parameters["nonce"].as_str().unwrap().to_owned());
        let answer = client.issue(parameters);
        if let Ok(issued) = &answer {
            // The signed text may not be there either; its id names it for an operator.
            secrets.push(issued.assertion[..200].to_owned());
        }
        answer.is_ok()
    };
    let asked = |session: &str, ins: &str| with(consultation(session, ins), "nonce", nonce().into());
    for (session, ins) in sessions.iter().zip(PATIENTS.iter().cycle()) {
        assert!(issue(asked(session, ins)));
        let replayed = asked(session, ins);
        assert!(issue(replayed.clone()) && !issue(replayed));
    }
    let session = sessions[0].as_str();
    for (member, value) in [
        ("transaction", json!("2.1")),
        ("transaction", json!("3.1 confidentiel")),
        ("patient.ins", json!("123456789012345")),
        ("patient.name", json!("MADAME SECRET")),
        ("purpose", json!("motif confidentiel")),
        ("session", json!("cGFzIHVuZSBzZXNzaW9uIGR1IHRvdXQsIG5vbiBub24")),
    ] {
        assert!(!issue(with(asked(session, PATIENTS[0]), member, value)), "{member}");
    }
    let proof = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzZWNyZXQifQ.";
    for (member, value) in [
        ("practitioner", json!(Practitioner::named(1, "").id)),
        ("practitioner", json!("899900063481")),
        ("authentication.proof", json!(proof)),
        ("authentication.method", json!("MOT DE PASSE hunter2")),
        ("service", json!("service confidentiel")),
    ] {
        client.open_session(with(physician_login(), member, value)).unwrap_err();
    }
    client.send(format!("{{\"session\":\"{session}\", broken").as_bytes()).unwrap();
    client.receive_answer().unwrap().unwrap_err();
    // A lost signer and its return are told in the log, without what was under way.
    daemons.signers[0].kill_and_hold();
    until("the signer is missed", || client.status()["ready"] == false);
    assert!(client.consult(session, PATIENTS[0]).is_err());
    daemons.signers[0].release();
    until("the signer is back", || client.status()["ready"] == true);
    client.consult(session, PATIENTS[0]).unwrap();
    client.call("fr.sceau.Token.CloseSession", json!({ "session": session })).unwrap();
    drop(client);
    daemons.sceaud.stop();
    daemons.signers[0].stop();

    secrets.extend(sessions);
    secrets.extend(PATIENTS.map(str::to_owned));
    let typed = ["confidentiel", "MADAME SECRET", "123456789012345", "cGFzIHVuZSBzZXNzaW9u", "hunter2", proof];
    secrets.extend(typed.map(str::to_owned));
    secrets.extend([Practitioner::named(1, "").id, "899900063481".into()]);
    let daemons = [&daemons.sceaud, &daemons.signers[0]];
    for (log, name) in daemons.map(|daemon| (daemon.log(), &daemon.name)) {
        assert!(log.lines().count() > 3, "{name} logs something\n{log}");
        for secret in &secrets {
            assert!(!log.contains(secret.as_str()), "{name} logs {secret:?}\n{log}");
        }
    }
    // The log is of use: refusals are told with their reason.
    let log = daemons[0].log();
    for reason in ["replayed", "transaction-not-allowed", "malformed", "practitioner-unknown", "operational"] {
        assert!(log.contains(reason), "{reason} is not in\n{log}");
    }
}
