//! A session belongs to the application that opened it, on any connection, until it ends.

use std::time::Duration;

use serde_json::json;

use crate::doorstep::{DoorAlone, OtherUser, also_for, brief, consultation, physician_login, says, until, with};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, Refused, ago};

const CLOSE: &str = "fr.sceau.Token.CloseSession";

fn plan() -> Plan {
    Plan::new("ownership").key_type(KeyType::P256)
}

fn close(client: &mut Client, session: &str) -> Result<serde_json::Value, Refused> {
    client.call(CLOSE, json!({ "session": session }))
}

#[test]
fn another_applications_session_is_unknown() {
    let Some(other) = OtherUser::named("daemon", "sessions of another application") else { return };
    let establishment = plan().edit_applications(also_for("daemon")).build();
    let _daemons = Daemons::start(&establishment);
    let way = other.way_to(&establishment);
    let (mut ours, mut theirs) = (establishment.client(), way.client().unwrap());
    let session = ours.open_session(physician_login()).unwrap();
    // The very answer, words included, that a session which never was gets.
    let never = "A".repeat(session.len());
    let foreign = theirs.issue(consultation(&session, PATIENTS[0])).unwrap_err();
    assert_eq!(foreign.brief(), ("Denied", "session-unknown"));
    assert_eq!(foreign, theirs.issue(consultation(&never, PATIENTS[0])).unwrap_err());
    let foreign = close(&mut theirs, &session).unwrap_err();
    assert_eq!(foreign.brief(), ("Denied", "session-unknown"));
    assert_eq!(foreign, close(&mut theirs, &never).unwrap_err());
    // It was not closed by the stranger, and the stranger's own application works.
    let issued = ours.consult(&session, PATIENTS[0]).unwrap();
    let own = theirs.open_session(physician_login()).unwrap();
    theirs.consult(&own, PATIENTS[0]).unwrap();
    // Nor can it report what became of an assertion of ours.
    let report = json!({ "id": issued.id, "outcome": "accepted" });
    let foreign = theirs.call("fr.sceau.Token.Report", report.clone());
    assert_eq!(brief(foreign), says("Denied", "assertion-unknown"));
    assert_eq!(ours.call("fr.sceau.Token.Report", report), Ok(json!({})));
}

#[test]
fn a_session_is_the_application_s_on_any_connection() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    let mut first = establishment.client();
    let session = first.open_session(physician_login()).unwrap();
    drop(first);
    let (mut second, mut third) = (establishment.client(), establishment.client());
    second.knows_session(&session, "dmp-air", "CPS");
    second.consult(&session, PATIENTS[0]).unwrap();
    assert_eq!(close(&mut third, &session), Ok(json!({})));
    assert_eq!(brief(second.consult(&session, PATIENTS[0])), says("Denied", "session-unknown"));
    assert_eq!(brief(close(&mut third, &session)), says("Denied", "session-unknown"));
}

#[test]
fn a_secret_is_256_bits_and_no_near_miss_is_taken() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    let sessions: Vec<String> = (0..64).map(|_| client.open_session(physician_login()).unwrap()).collect();
    for session in &sessions {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(session).unwrap();
        assert_eq!(bytes.len(), 32);
    }
    let distinct: std::collections::HashSet<&[u8]> =
        sessions.iter().flat_map(|s| [&s.as_bytes()[..16], &s.as_bytes()[16..32]]).collect();
    assert_eq!(distinct.len(), 128, "no half of a secret comes twice");
    let session = &sessions[0];
    let case = session.to_ascii_lowercase();
    for near in [&session[1..], &format!("{session}A"), &format!("{session}="), &format!(" {session}"), &case, ""]
    {
        let refused = client.issue(consultation(near, PATIENTS[0])).unwrap_err();
        assert_eq!(refused.brief(), ("Denied", "session-unknown"), "{near:?}");
    }
}

#[test]
fn an_expired_session_is_denied() {
    // The login may be ten minutes old; this one becomes so five seconds from now.
    let establishment = plan().edit_config(|c| c["service"][0]["login_age_max_ms"] = 600_000.into()).build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let instant = ago(Duration::from_secs(595));
    let session = client.open_session(with(physician_login(), "authentication.instant", instant.into())).unwrap();
    let mut ended = None;
    until("the session expires", || {
        ended = client.consult(&session, PATIENTS[0]).err();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().brief(), ("Denied", "session-expired"));
    // It stays so, on every connection.
    assert_eq!(brief(establishment.client().consult(&session, PATIENTS[0])), says("Denied", "session-expired"));
}
