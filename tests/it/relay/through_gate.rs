//! Calls of an application of another machine: through the gate, for it alone, spent once.

use sceau::traces::entry::outcome::Outcome;
use serde_json::{Value, json};

use super::rig::RigPlan;
use crate::gate::rig::{PATIENT, VARLINK, local, opening, port_of, remote, start_gate};
use crate::gate::wire::{Identity, Wire};
use crate::support::configuration::table;
use crate::support::wait::until;

#[test]
fn a_call_through_the_gate_is_made_for_its_application() {
    let folder = tempfile::tempdir().unwrap();
    let dpi = Identity::make(folder.path(), "dpi");
    let file = folder.path().join("applications.toml");
    let path = file.to_str().unwrap().to_owned();
    let known = dpi.fingerprint.to_string();
    let edit = move |config: &mut toml::Table| {
        config.insert("gate".into(), table([("user", "".into())]).into());
        let registers = config.entry("registers").or_insert_with(|| toml::Table::new().into());
        registers.as_table_mut().unwrap().insert("applications".into(), path.into());
    };
    let entries = json!({ "application": [local(), remote("gate:dpi", &[&dpi])] });
    std::fs::write(&file, toml::to_string(&entries).unwrap()).unwrap();
    let rig = RigPlan { edit: Box::new(edit), ..RigPlan::default() }.start();
    let gate =
        start_gate(&rig.establishment, |config| drop(config.insert("relay".into(), "run/relay.sock".into())));
    let port = port_of(&gate);
    let mut session = None::<String>;
    until("a session is open", || {
        let mut wire = Wire::open(port, Some(&dpi), VARLINK).unwrap();
        let opened = wire.call("fr.sceau.Token.OpenSession", &opening());
        session = opened.and_then(|opened| opened["parameters"]["session"].as_str().map(str::to_owned));
        session.is_some()
    });
    let session = session.unwrap();
    let call = |session: &str| {
        let body = rig.query(PATIENT, "");
        let head = format!(
            "POST /relay/{}/registry HTTP/1.1\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
            rig.host(),
            rig.sealed(session, PATIENT),
            body.len()
        );
        let mut wire = Wire::open(port, Some(&dpi), "http/1.1").unwrap();
        wire.send(format!("{head}{body}").as_bytes()).unwrap();
        String::from_utf8(wire.rest()).unwrap()
    };
    let answer = call(&session);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("AdhocQueryResponse"), "{answer}");
    let calls = rig.dmp().calls();
    assert_eq!((calls.len(), calls[0]["verdict"].as_str()), (1, Some("accepted")));
    assert!(!Value::from(calls).to_string().to_lowercase().contains(&known), "the DMP learns of no certificate");
    rig.wait_course(&[Outcome::Released, Outcome::Spent, Outcome::Accepted]);
    // A session of this machine's application is none of that one.
    let refused = call(&rig.session());
    assert!(refused.starts_with("HTTP/1.1 4") && refused.contains("session-unknown"), "{refused}");
    // And the other way round: the gate's header from a connection that names nobody is a call of our own user.
    let own = rig.ask(&session, PATIENT);
    assert_eq!(own.fault().1, "session-unknown", "{}", own.text());
    assert_eq!(rig.dmp().calls().len(), 1);
}
