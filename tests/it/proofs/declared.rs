//! Declared logins: the exception, with its own end, age and budget.

use std::time::Duration;

use toml::Table;

use super::{Provider, claims, proved, rule};
use crate::doorstep::{DoorAlone, brief, physician_login, says, with};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::varlink::ago;

fn declaration(name: &'static str, value: i64) -> impl FnOnce(&mut Table) {
    move |config| config["declaration"][name] = value.into()
}

#[test]
fn production_takes_a_declared_login_by_exception_alone() {
    let plan = || Plan::new("declared").key_type(KeyType::P256);
    let opens = |plan: Plan| rule(DoorAlone::in_production(plan).client().open_session(physician_login()));
    let refused = r#"("Denied", "proof-required")"#;
    assert_eq!(opens(plan()), "opened");
    assert_eq!(opens(plan().edit_config(|config| drop(config.remove("exception")))), refused);
    let yesterday = time::OffsetDateTime::now_utc().date().previous_day().unwrap().to_string();
    let ended = plan().edit_config(|config| config["exception"][0]["until"] = yesterday.into());
    assert_eq!(opens(ended), refused);
    let others = plan().edit_config(|config| config["exception"][0]["application"] = "nobody".into());
    assert_eq!(opens(others), refused);
    // The register says so too, or it is no exception.
    let silent = plan().edit_applications(|register| {
        register["application"][0].as_table_mut().unwrap().remove("may_declare");
    });
    assert_eq!(opens(silent), refused);
    assert_eq!(opens(plan().may_declare(false)), refused);
    // A proof needs no exception.
    let provider = Provider::new();
    let proving =
        provider.registered(plan().may_declare(false)).edit_config(|config| drop(config.remove("exception")));
    let claims = claims();
    let door = DoorAlone::in_production(proving);
    assert_eq!(rule(door.client().open_session(proved(&claims, &provider.proof(&claims)))), "opened");
    assert_eq!(rule(door.client().open_session(physician_login())), refused);
}

#[test]
fn a_declared_login_is_held_to_a_shorter_age() {
    let provider = Provider::new();
    let plan = provider.registered(Plan::new("declared").key_type(KeyType::P256));
    let door = DoorAlone::open(plan.edit_config(declaration("login_age_max_ms", 600_000)));
    let mut client = door.client();
    let minutes = |n: u64| ago(Duration::from_secs(60 * n));
    let declared = |n: u64| with(physician_login(), "authentication.instant", minutes(n).into());
    assert_eq!(brief(client.open_session(declared(11))), says("Denied", "login-too-old"));
    let answer = client.call("fr.sceau.Token.OpenSession", declared(9)).unwrap();
    // Its session ends ten minutes after the login, not after the opening.
    let latest = super::rfc3339(super::now() + 120);
    assert!(answer["expires_at"].as_str().unwrap() < latest.as_str(), "{answer}, {latest}");
    let mut old = claims();
    old["auth_time"] = (super::now() - 3600).into();
    assert_eq!(rule(client.open_session(proved(&old, &provider.proof(&old)))), "opened");
}

#[test]
fn declared_sessions_have_a_budget_of_their_own_beyond_restarts() {
    let provider = Provider::new();
    let plan = provider.registered(Plan::new("declared").key_type(KeyType::P256));
    let establishment = plan.edit_config(declaration("sessions_per_hour_max", 3)).build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let spent = says("Denied", "quota-exceeded");
    // Closed, it counts all the same; without any login told too.
    let session = client.open_session(physician_login()).unwrap();
    client.call("fr.sceau.Token.CloseSession", serde_json::json!({ "session": session })).unwrap();
    client.open_session(physician_login()).unwrap();
    let silent = with(physician_login(), "authentication", serde_json::Value::Null);
    client.open_session(with(silent.clone(), "profile", "dmp-indirecte".into())).unwrap();
    for _ in 0..3 {
        assert_eq!(brief(client.open_session(physician_login())), spent);
        assert_eq!(brief(client.open_session(with(silent.clone(), "profile", "dmp-indirecte".into()))), spent);
    }
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(2);
    let mut client = establishment.client();
    assert_eq!(brief(client.open_session(physician_login())), spent);
    // Proofs are not counted.
    for _ in 0..5 {
        let claims = claims();
        assert_eq!(rule(client.open_session(proved(&claims, &provider.proof(&claims)))), "opened");
    }
}
