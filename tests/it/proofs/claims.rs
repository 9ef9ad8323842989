//! What a proof must say: who, for whom, when, how; and whose word counts where the application's differs.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Provider, SUBJECT, claims, judged, now, proved, rfc3339, rule};
use crate::doorstep::{DoorAlone, with};
use crate::support::daemons::Daemons;
use crate::support::ledger::entries;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::program::program;
use sceau::traces::entry::event::Event;
use sceau::traces::entry::evidence::Evidence;

#[test]
fn each_claim_is_held_and_its_right_value_opens() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    let now = now();
    let cases: &[(&str, Value, &str)] = &[
        ("iss", "https://sso.hopital.test/realms/soins/".into(), "issuer"),
        ("iss", Value::Null, "claim"),
        ("aud", "pharmacie".into(), "audience"),
        ("aud", json!(["pharmacie", "account"]), "audience"),
        ("aud", Value::Null, "claim"),
        ("azp", "pharmacie".into(), "authorized-party"),
        ("exp", (now - 60).into(), "expired"),
        ("exp", Value::Null, "claim"),
        ("exp", (now + 60).to_string().into(), "claim"),
        ("nbf", (now + 600).into(), "not-yet-valid"),
        ("iat", (now + 600).into(), "issued-in-future"),
        ("iat", Value::Null, "claim"),
        ("auth_time", (now + 30).into(), "login-after-issue"),
        ("auth_time", Value::Null, "claim"),
        ("sub", "f:soins:paul.martin".into(), "subject"),
        ("sub", SUBJECT.to_uppercase().into(), "subject"),
        ("acr", "eidas1".into(), "method"),
        ("amr", json!(["sc"]), "method"),
        ("amr", json!(["pin", "pin"]), "method"),
        ("typ", "Bearer".into(), "type"),
    ];
    for (name, value, expected) in cases {
        let met = judged(&provider, &mut client, |claims| match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
            value => claims[*name] = value.clone(),
        });
        assert_eq!(met, *expected, "{name} = {value}");
        assert_eq!(judged(&provider, &mut client, |_| ()), "opened");
    }
    // An old token of a login that still counts: a thief's.
    let old = judged(&provider, &mut client, |claims| {
        (claims["iat"], claims["nbf"]) = ((now - 400).into(), (now - 400).into());
        claims["auth_time"] = (now - 460).into();
    });
    assert_eq!(old, "too-old");
    // Several audiences with the party that it was handed to.
    let several = judged(&provider, &mut client, |claims| claims["aud"] = json!(["account", super::CLIENT]));
    assert_eq!(several, "opened");
}

#[test]
fn the_login_is_the_providers_and_the_application_must_tell_the_same() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    let ask = |member: &str, value: Value| {
        let claims = claims();
        with(proved(&claims, &provider.proof(&claims)), member, value)
    };
    let at = |before: u64| rfc3339(now() - before).into();
    assert_eq!(rule(client.open_session(ask("authentication.instant", at(50)))), "login-differs");
    assert_eq!(rule(client.open_session(ask("authentication.instant", at(70)))), "login-differs");
    assert_eq!(rule(client.open_session(ask("authentication.method", "OTP_SMS".into()))), "method");
    // Paired with the physician alone.
    let nurse = Practitioner::nurse().id;
    assert_eq!(rule(client.open_session(ask("practitioner", nurse.into()))), "subject");
    // A login of long ago is proved, and too old all the same.
    let old = judged(&provider, &mut client, |claims| claims["auth_time"] = (now() - 5 * 3600).into());
    assert_eq!(old, r#"("Denied", "login-too-old")"#);
    let morning = judged(&provider, &mut client, |claims| claims["auth_time"] = (now() - 3 * 3600).into());
    assert_eq!(morning, "opened");
}

#[test]
fn a_contactless_reading_proves_the_reading_with_the_pin_too() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    let mut ask = |shown: Value, told: Value| {
        let claims = with(with(claims(), "acr", "session".into()), "card_pin_time", shown);
        let asked =
            with(proved(&claims, &provider.proof(&claims)), "authentication.method", "CPS:CPSSANSCONTACT".into());
        rule(client.open_session(with(asked, "authentication.initial_instant", told)))
    };
    let hour = now() - 3600;
    assert_eq!(ask(hour.into(), rfc3339(hour).into()), "opened");
    assert_eq!(ask(hour.into(), rfc3339(hour + 1800).into()), "login-differs");
    assert_eq!(ask(hour.into(), Value::Null), "login-differs");
    assert_eq!(ask(Value::Null, rfc3339(hour).into()), "claim");
    let yesterday = now() - 20 * 3600;
    assert_eq!(ask(yesterday.into(), rfc3339(yesterday).into()), r#"("Denied", "contactless-delay-exceeded")"#);
}

/// From the proof to the trace and the assertion: the provider's instant, and what the proof is known by.
#[test]
fn an_assertion_tells_the_providers_instant_and_its_trace_the_proof() {
    let provider = Provider::new();
    let establishment = provider.plan().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let claims = claims();
    let asked = proved(&claims, &provider.proof(&claims));
    let login = rfc3339(claims["auth_time"].as_u64().unwrap());
    // Told a second late: within the tolerance, and not what counts.
    let late = rfc3339(claims["auth_time"].as_u64().unwrap() + 1);
    let session = client.open_session(with(asked, "authentication.instant", late.into())).unwrap();
    let issued = client.consult(&session, PATIENTS[0]).unwrap();
    let instant = format!("AuthnInstant=\"{}.000Z\"", login.trim_end_matches('Z'));
    assert!(issued.assertion.contains(&instant), "{instant} in {}", issued.assertion);
    let evidence: Vec<_> = entries(&establishment)
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::SessionOpened(opened) => Some(opened.setting.evidence),
            Event::Issued(issued) => Some(issued.setting.evidence),
            _ => None,
        })
        .collect();
    let id = claims["jti"].as_str().unwrap();
    let mark =
        sceau::traces::digest::Digest::of(&[b"sceau proof jti\0", super::ISSUER.as_bytes(), b"\0", id.as_bytes()]);
    assert_eq!(evidence, [Evidence::Proof(mark); 2]);
}

#[test]
fn the_command_line_shows_a_proof_from_a_file() {
    let provider = Provider::new();
    let establishment = provider.plan().build();
    let _daemons = Daemons::start(&establishment);
    let claims = claims();
    let file = provider.folder.path().join("proof.jwt");
    std::fs::write(&file, provider.proof(&claims) + "\n").unwrap();
    let issue = |file: &Path| {
        let mut command = Command::new(program("sceau"));
        command.args(["issue", "--method", "CPS", "--transaction", "0.4", "--service", "consultation", "--json"]);
        command
            .args(["--practitioner", &Practitioner::physician().id, "--socket"])
            .arg(establishment.token_socket());
        command.arg("--instant").arg(rfc3339(claims["auth_time"].as_u64().unwrap())).arg("--proof-file").arg(file);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, said) = issue(&file);
    assert!(code == Some(0) && said.contains("issued_at"), "{code:?} {said}");
    let (code, said) = issue(&file);
    assert!(code == Some(1) && said.contains("preuve a déjà servi"), "{code:?} {said}");
    let (code, said) = issue(Path::new("/absent.jwt"));
    assert!(code == Some(2) && said.contains("--proof-file"), "{code:?} {said}");
}
