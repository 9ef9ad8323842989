//! The primary login: its instant, bounded on both sides, and the two instants of the contactless method.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::doorstep::{DoorAlone, brief, physician_login, says, with};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::Practitioner;
use crate::support::varlink::{ago, login};

/// As the test establishment's services have it, in seconds.
const LOGIN_AGE_MAX: u64 = 4 * 3600;
/// As its convention has it, in seconds.
const CONTACTLESS_DELAY_MAX: u64 = 4 * 3600;

fn plan() -> Plan {
    Plan::new("login").key_type(KeyType::P256)
}

/// RFC 3339 UTC, that long after now.
fn ahead(after: Duration) -> String {
    OffsetDateTime::from(SystemTime::now() + after).format(&Rfc3339).unwrap()
}

fn at(instant: &str) -> Value {
    with(physician_login(), "authentication.instant", instant.into())
}

fn seconds(text: &str) -> f64 {
    let at = OffsetDateTime::parse(text, &Rfc3339).unwrap();
    assert!(text.ends_with('Z'), "UTC: {text}");
    at.unix_timestamp_nanos() as f64 / 1e9
}

fn opened(door: &DoorAlone, parameters: Value) -> f64 {
    let answer = door.client().call("fr.sceau.Token.OpenSession", parameters).unwrap();
    seconds(answer["expires_at"].as_str().unwrap())
}

#[test]
fn a_login_in_the_future_is_denied() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    // The default tolerance is 2,000 ms: one second is within it, a minute is not, nor is a year.
    client.open_session(at(&ahead(Duration::from_millis(1_000)))).unwrap();
    for after in [60, 366 * 24 * 3600] {
        let asked = at(&ahead(Duration::from_secs(after)));
        assert_eq!(brief(client.open_session(asked)), says("Denied", "login-in-future"), "{after} s");
    }
    assert_eq!(brief(client.open_session(at("9999-12-31T23:59:59.999Z"))), says("Denied", "login-in-future"));
}

#[test]
fn the_tolerance_of_the_future_is_the_configuration_s() {
    let tolerance = |ms: i64| {
        let limits = toml::Table::from_iter([("login_future_max_ms".to_owned(), ms.into())]);
        DoorAlone::open(plan().edit_config(move |config| drop(config.insert("limits".into(), limits.into()))))
    };
    let seconds_ahead = |n: u64| at(&ahead(Duration::from_secs(n)));
    let wide = tolerance(60_000);
    wide.client().open_session(seconds_ahead(40)).unwrap();
    assert_eq!(brief(wide.client().open_session(seconds_ahead(100))), says("Denied", "login-in-future"));
    let none = tolerance(0);
    assert_eq!(brief(none.client().open_session(seconds_ahead(20))), says("Denied", "login-in-future"));
    // A login ahead of the clock does not make the session longer.
    let now = seconds(&ahead(Duration::ZERO));
    assert!(opened(&wide, seconds_ahead(40)) <= now + LOGIN_AGE_MAX as f64 + 30.0);
}

#[test]
fn a_login_older_than_the_limit_is_denied() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    let older = |by: u64| at(&ago(Duration::from_secs(LOGIN_AGE_MAX + by)));
    for by in [1, 60, 30 * 24 * 3600] {
        assert_eq!(brief(client.open_session(older(by))), says("Denied", "login-too-old"), "{by} s");
    }
    assert_eq!(brief(client.open_session(at("1970-01-01T00:00:00Z"))), says("Denied", "login-too-old"));
    client.open_session(at(&ago(Duration::from_secs(LOGIN_AGE_MAX - 60)))).unwrap();
}

#[test]
fn the_age_is_the_service_s_own_and_bounds_the_session() {
    let door =
        DoorAlone::open(plan().edit_config(|config| config["service"][1]["login_age_max_ms"] = 600_000.into()));
    let in_service =
        |name: &str, minutes: u64| with(at(&ago(Duration::from_secs(60 * minutes))), "service", name.into());
    let old = in_service("urgences", 11);
    assert_eq!(brief(door.client().open_session(old)), says("Denied", "login-too-old"));
    door.client().open_session(in_service("consultation", 11)).unwrap();
    let login = seconds(&ago(Duration::from_secs(60 * 9)));
    let expires = opened(&door, in_service("urgences", 9));
    assert!((login + 599.0..login + 660.0).contains(&expires), "login at {login}, session until {expires}");
    // Without a login of its own, the session's begins now.
    let indirect = json!({
        "practitioner": Practitioner::physician().id, "service": "urgences", "profile": "dmp-indirecte",
    });
    let now = seconds(&ahead(Duration::ZERO));
    let expires = opened(&door, indirect);
    assert!((now + 599.0..now + 660.0).contains(&expires), "now {now}, session until {expires}");
}

fn contactless(initial: Option<Duration>, reading: Duration) -> Value {
    let who = Practitioner::physician().id;
    let asked = login(&who, "CPS:CPSSANSCONTACT", "consultation");
    let asked = with(asked, "authentication.instant", ago(reading).into());
    with(asked, "authentication.initial_instant", initial.map_or(Value::Null, |before| ago(before).into()))
}

#[test]
fn a_contactless_reading_past_its_delay_is_denied() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    let minute = Duration::from_secs(60);
    let delay = Duration::from_secs(CONTACTLESS_DELAY_MAX);
    let past = contactless(Some(minute + delay + Duration::from_secs(2)), minute);
    assert_eq!(brief(client.open_session(past)), says("Denied", "contactless-delay-exceeded"));
    client.open_session(contactless(Some(delay - minute), minute)).unwrap();
    // At the same instant: the card was just read with its PIN.
    let same = contactless(Some(minute), minute);
    let same = with(same.clone(), "authentication.initial_instant", same["authentication"]["instant"].clone());
    client.open_session(same).unwrap();
    // The delay is counted between the readings; the age of the later one is the login's.
    let both_old = contactless(Some(delay * 2), delay + minute);
    assert_eq!(brief(client.open_session(both_old)), says("Denied", "login-too-old"));
}

#[test]
fn the_delay_of_the_contactless_method_is_the_configuration_s() {
    let door = DoorAlone::open(plan().edit_config(|c| c["convention"]["contactless_delay_ms"] = 300_000.into()));
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let asked = |initial| contactless(Some(minutes(initial)), minutes(1));
    door.client().open_session(asked(5)).unwrap();
    assert_eq!(brief(door.client().open_session(asked(7))), says("Denied", "contactless-delay-exceeded"));
}

#[test]
fn the_initial_instant_belongs_to_the_contactless_method_alone() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    let minute = Duration::from_secs(60);
    let missing = client.open_session(contactless(None, minute)).expect_err("refused");
    assert_eq!(missing.brief().1, "authentication.initial_instant");
    assert!(["Malformed", "InvalidParameter"].contains(&missing.brief().0), "{missing:?}");
    let malformed = says("Malformed", "authentication.initial_instant");
    // The reading with the PIN comes first.
    assert_eq!(brief(client.open_session(contactless(Some(minute), minute * 2))), malformed);
    let stray = with(physician_login(), "authentication.initial_instant", ago(minute).into());
    assert_eq!(brief(client.open_session(stray)), malformed);
}

#[test]
fn an_instant_is_rfc_3339_in_utc() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    let now = ago(Duration::from_secs(60));
    let (whole, zone) = (&now[..19], "+00:00");
    client.open_session(at(&format!("{whole}Z"))).unwrap();
    client.open_session(at(&format!("{whole}{zone}"))).unwrap();
    client.open_session(at(&format!("{whole}.123456789Z"))).unwrap();
    for wrong in
        [whole.to_owned(), format!("{whole}+01:00"), whole[..10].to_owned(), "1764000000".into(), String::new()]
    {
        assert_eq!(brief(client.open_session(at(&wrong))), says("Malformed", "authentication.instant"), "{wrong}");
    }
}
