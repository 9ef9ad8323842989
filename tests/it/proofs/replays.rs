//! A proof opens one session: whatever its spelling, whoever shows it when, and beyond any restart.

use std::thread;

use serde_json::{Value, json};

use super::{Provider, claims, proved, rule};
use crate::doorstep::{DoorAlone, brief, says, with};
use crate::support::daemons::Daemons;
use crate::support::ledger::entries;
use crate::support::wait::until;
use sceau::traces::entry::event::Event;
use sceau::traces::entry::evidence::Evidence;

/// Callers that show one proof at once.
const CALLERS: usize = 16;

/// Claims without `jti`, as some providers make them.
fn unnamed() -> Value {
    with(with(claims(), "jti", Value::Null), "nonce", crate::support::varlink::nonce().into())
}

#[test]
fn a_proof_opens_one_session_however_it_is_spelt() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    for claims in [claims(), unnamed()] {
        let proof = provider.proof(&claims);
        client.open_session(proved(&claims, &proof)).unwrap();
        // The same text; the same claims signed again; ECDSA's second value of one signature.
        let again = provider.proof(&claims);
        let other = provider.mint.token(&json!({ "do": "respell", "claims": claims }));
        assert_ne!(proof, again);
        for spelling in [&proof, &again, &other] {
            let refused = client.open_session(proved(&claims, spelling)).expect_err("refused");
            assert_eq!(refused.brief(), ("Replayed", ""));
            assert!(refused.parameters["message"].as_str().unwrap().contains("preuve"), "{refused:?}");
        }
    }
    // With a `jti` it is the jti that is spent, by whatever key and for whatever else is said.
    let named = claims();
    client.open_session(proved(&named, &provider.proof(&named))).unwrap();
    let longer = with(named.clone(), "exp", (super::now() + 90).into());
    let by_another = provider.sign("ed", &json!({ "alg": "EdDSA", "kid": "ed" }), &longer);
    assert_eq!(brief(client.open_session(proved(&named, &by_another))), says("Replayed", ""));
}

#[test]
fn what_was_refused_has_not_spent_its_proof() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    let claims = claims();
    let asked = proved(&claims, &provider.proof(&claims));
    for (member, value, expected) in [
        ("service", json!("radiologie"), says("Denied", "service-not-allowed")),
        ("authentication.method", json!("OTP_SMS"), says("Denied", "proof-invalid")),
        ("profile", json!("dmp-aire"), says("Denied", "profile-not-allowed")),
    ] {
        assert_eq!(brief(client.open_session(with(asked.clone(), member, value))), expected);
    }
    client.open_session(asked).unwrap();
}

#[test]
fn a_proof_shown_by_many_at_once_opens_once() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let claims = claims();
    let asked = proved(&claims, &provider.proof(&claims));
    let met: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> =
            (0..CALLERS).map(|_| scope.spawn(|| rule(door.client().open_session(asked.clone())))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(met.iter().filter(|met| *met == "opened").count(), 1, "{met:?}");
    assert_eq!(met.iter().filter(|met| *met == r#"("Replayed", "")"#).count(), CALLERS - 1, "{met:?}");
}

#[test]
fn a_used_proof_stays_used_across_kill_and_restart() {
    let provider = Provider::new();
    // The longest session is shorter than a proof is remembered.
    let plan = provider.plan().edit_config(|config| {
        for service in config["service"].as_array_mut().unwrap() {
            service["login_age_max_ms"] = 120_000.into();
        }
    });
    let establishment = plan.build();
    let mut daemons = Daemons::start(&establishment);
    let (named, unnamed) = (claims(), unnamed());
    let asked = [&named, &unnamed].map(|claims| proved(claims, &provider.proof(claims)));
    for asked in &asked {
        establishment.client().open_session(asked.clone()).unwrap();
    }
    for life in 2..4 {
        daemons.sceaud.kill();
        daemons.sceaud.wait_ready(life);
        for asked in &asked {
            let refused = establishment.client().open_session(asked.clone());
            assert_eq!(brief(refused), says("Replayed", ""), "life {life}");
        }
    }
    daemons.sceaud.stop();
    drop(daemons);
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    for asked in &asked {
        assert_eq!(brief(client.open_session(asked.clone())), says("Replayed", ""));
    }
    let fresh = claims();
    client.open_session(proved(&fresh, &provider.proof(&fresh))).unwrap();
    // The first replay after a silence is told with the proof that it showed; those that follow at once are counted.
    until("the trace of a replay", || {
        entries(&establishment).into_iter().any(|entry| match entry.event {
            Event::Refused(refused) => {
                refused.reason.as_str() == "replayed" && matches!(refused.evidence, Some(Evidence::Proof(_)))
            }
            _ => false,
        })
    });
}
