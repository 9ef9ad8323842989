//! A nonce is good for one answer per application, whatever the answer was, but `Malformed` and `Busy` (contract).

use std::sync::Barrier;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::doorstep::{OtherUser, also_for, brief, consultation, freeze, physician_login, says, until, with};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};

fn plan() -> Plan {
    Plan::new("replay").key_type(KeyType::P256)
}

fn limits(values: &'static [(&'static str, i64)]) -> impl FnOnce(&mut toml::Table) {
    move |config| {
        let limits: toml::Table = values.iter().map(|(name, value)| (name.to_string(), (*value).into())).collect();
        config.insert("limits".into(), limits.into());
    }
}

fn start(plan: Plan) -> (Establishment, Daemons, Client, String) {
    let establishment = plan.build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    (establishment, daemons, client, session)
}

/// A consultation with that nonce.
fn asked(session: &str, nonce: &str) -> Value {
    with(consultation(session, PATIENTS[0]), "nonce", nonce.into())
}

#[test]
fn a_used_nonce_is_refused() {
    let (establishment, _daemons, mut client, session) = start(plan());
    let replayed = says("Replayed", "");
    // The shortest and the longest form.
    for nonce in [nonce(), "aZ09-_aZ09-_aZ09".into(), "n".repeat(64)] {
        client.issue(asked(&session, &nonce)).unwrap();
        assert_eq!(brief(client.issue(asked(&session, &nonce))), replayed);
        // Another connection, another session, another patient, another transaction: the nonce is the same.
        let mut other = establishment.client();
        let second = other.open_session(physician_login()).unwrap();
        assert_eq!(brief(other.issue(asked(&second, &nonce))), replayed);
        let patient = json!({ "ins": PATIENTS[1] });
        let changed = with(with(asked(&second, &nonce), "patient", patient), "transaction", "3.2".into());
        assert_eq!(brief(other.issue(changed)), replayed);
        // Nor does it come back with the end of the session that used it.
        other.call("fr.sceau.Token.CloseSession", json!({ "session": second })).unwrap();
        assert_eq!(brief(client.issue(asked(&session, &nonce))), replayed);
    }
    assert_eq!(issued(&establishment), 3, "a replay is no assertion");
}

#[test]
fn the_same_nonce_at_once_gives_one_assertion() {
    let (establishment, _daemons, _client, session) = start(plan());
    const CALLERS: usize = 16;
    for round in 0..8 {
        let (nonce, together) = (nonce(), Barrier::new(CALLERS));
        let answers: Vec<_> = thread::scope(|scope| {
            let callers = (0..CALLERS).map(|_| {
                let mut client = establishment.client();
                client.knows_session(&session, "dmp-air", "CPS");
                let (nonce, session, together) = (&nonce, &session, &together);
                scope.spawn(move || {
                    together.wait();
                    client.issue(asked(session, nonce))
                })
            });
            let callers: Vec<_> = callers.collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        let issued = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(issued, 1, "round {round}");
        for refused in answers.into_iter().filter_map(Result::err) {
            assert_eq!(refused.brief(), ("Replayed", ""));
        }
    }
}

#[test]
fn another_application_may_use_the_same_nonce() {
    let Some(other) = OtherUser::named("daemon", "nonces of another application") else { return };
    let (establishment, _daemons, mut ours, session) = start(plan().edit_applications(also_for("daemon")));
    let way = other.way_to(&establishment);
    let mut theirs = way.client().unwrap();
    let own = theirs.open_session(physician_login()).unwrap();
    let nonce = nonce();
    let first = ours.issue(asked(&session, &nonce)).unwrap();
    let second = theirs.issue(asked(&own, &nonce)).unwrap();
    assert_ne!(first.id, second.id);
    for (client, session) in [(&mut ours, &session), (&mut theirs, &own)] {
        assert_eq!(brief(client.issue(asked(session, &nonce))), says("Replayed", ""));
    }
}

#[test]
fn a_malformed_request_leaves_its_nonce_free() {
    let (_establishment, _daemons, mut client, session) = start(plan());
    let nonce = nonce();
    let spoilt = [
        ("transaction", "9.9".into(), says("Malformed", "transaction")),
        ("purpose", "urgence".into(), says("Malformed", "purpose")),
        ("patient.ins", "207058575627098".into(), says("Malformed", "patient.ins")),
        ("patient.oid", "1.2.3".into(), says("Malformed", "patient.oid")),
        ("reason", "x".into(), says("Malformed", "reason")),
        ("purpose", Value::Null, says("InvalidParameter", "purpose")),
        ("patient.ins", Value::Null, says("InvalidParameter", "patient.ins")),
        ("receipt", "yes".into(), says("InvalidParameter", "receipt")),
    ];
    for (member, value, answer) in spoilt {
        assert_eq!(brief(client.issue(with(asked(&session, &nonce), member, value))), answer);
    }
    client.issue(asked(&session, &nonce)).unwrap();
    assert_eq!(brief(client.issue(asked(&session, &nonce))), says("Replayed", ""));
}

#[test]
fn a_denied_request_has_used_its_nonce() {
    let (_establishment, _daemons, mut client, session) = start(plan());
    let spoilt = [
        ("transaction", "2.1".into(), "transaction-not-allowed"),
        ("transaction", "0.5".into(), "purpose-not-allowed"),
        ("patient", Value::Null, "patient-required"),
        ("transaction", "0.1".into(), "patient-not-expected"),
    ];
    for (member, value, reason) in spoilt {
        let nonce = nonce();
        assert_eq!(brief(client.issue(with(asked(&session, &nonce), member, value))), says("Denied", reason));
        assert_eq!(brief(client.issue(asked(&session, &nonce))), says("Replayed", ""), "after {reason}");
    }
}

#[test]
fn an_unavailable_answer_has_used_its_nonce() {
    let (_establishment, daemons, mut client, session) = start(plan().audit(None));
    // Nothing signs the ledger: no receipt.
    let first = nonce();
    let receipt = with(asked(&session, &first), "receipt", true.into());
    assert_eq!(brief(client.issue(receipt)), says("Unavailable", "ledger"));
    assert_eq!(brief(client.issue(asked(&session, &first))), says("Replayed", ""));
    // No signer: no signature.
    daemons.signers[0].kill_and_hold();
    until("sceaud misses its signer", || client.status()["ready"] == false);
    let second = nonce();
    assert_eq!(brief(client.issue(asked(&session, &second))), says("Unavailable", "token-unreachable"));
    daemons.signers[0].release();
    until("the signer is back", || client.status()["ready"] == true);
    assert_eq!(brief(client.issue(asked(&session, &second))), says("Replayed", ""));
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn a_busy_answer_leaves_its_nonce_free() {
    let plan = plan().edit_config(limits(&[("requests_in_flight_max", 1), ("signature_ms", 30_000)]));
    let (establishment, daemons, mut client, session) = start(plan);
    let (frozen, shed) = (nonce(), nonce());
    freeze(&daemons.signers[0]);
    let mut first = establishment.client();
    first.knows_session(&session, "dmp-air", "CPS");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| first.issue(asked(&session, &frozen)));
        until("one request is under way", || issued(&establishment) == 1);
        for _ in 0..3 {
            let busy = client.issue(asked(&session, &shed)).unwrap_err();
            assert_eq!(busy.brief().0, "Busy");
            assert!(busy.parameters["retry_after_ms"].as_u64().unwrap() > 0);
        }
        // A nonce that is under way is used already; what policy refuses needs no free place to be refused.
        assert_eq!(brief(client.issue(asked(&session, &frozen))), says("Replayed", ""));
        let denied = with(asked(&session, &nonce()), "transaction", "2.1".into());
        assert_eq!(brief(client.issue(denied)), says("Denied", "transaction-not-allowed"));
        daemons.signers[0].signal(Signal::SIGCONT);
        waiting.join().unwrap().unwrap();
    });
    client.issue(asked(&session, &shed)).unwrap();
    assert_eq!(brief(client.issue(asked(&session, &shed))), says("Replayed", ""));
    assert_eq!(issued(&establishment), 2, "what was shed is no entry");
}

#[test]
fn the_form_of_a_nonce_is_the_contract_s() {
    let (_establishment, _daemons, mut client, session) = start(plan());
    let (short, long) = ("n".repeat(15), "n".repeat(65));
    for wrong in
        ["", &short, &long, "aaaaaaaaaaaaaaaé", "aaaaaaaaaaaaaaa ", "aaaaaaaaaaaaaaa+", "aaaaaaaaaaaaaaa\n"]
    {
        assert_eq!(brief(client.issue(asked(&session, wrong))), says("Malformed", "nonce"), "{wrong:?}");
    }
    client.consult(&session, PATIENTS[0]).unwrap();
}
