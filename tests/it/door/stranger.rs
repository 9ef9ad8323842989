//! A Unix user that is no application.

use std::process::Command;

use serde_json::json;

use crate::doorstep::{OtherUser, brief, consultation, physician_login, says};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::ledger;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::program::program;
use crate::support::softhsm::run;

#[test]
fn an_unregistered_user_gets_status_and_nothing_else() {
    let Some(stranger) = OtherUser::named("nobody", "an unregistered user at the door") else { return };
    let establishment = Plan::new("stranger").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let mut application = establishment.client();
    let session = application.open_session(physician_login()).unwrap();
    let issued = application.consult(&session, PATIENTS[0]).unwrap();
    let way = stranger.way_to(&establishment);
    let mut client = way.client().unwrap();
    let unknown = says("Denied", "application-unknown");
    for _ in 0..2 {
        assert_eq!(client.status(), application.status());
        assert_eq!(brief(client.open_session(physician_login())), unknown);
        assert_eq!(brief(client.issue(consultation(&session, PATIENTS[0]))), unknown);
        for (method, parameters) in [
            ("CloseSession", json!({ "session": session })),
            ("Report", json!({ "id": issued.id, "outcome": "accepted" })),
        ] {
            assert_eq!(brief(client.call(&format!("fr.sceau.Token.{method}"), parameters)), unknown, "{method}");
        }
    }
    // Whether a session exists is not told: one that never was gets the same words.
    let told = |session: &str, client: &mut crate::support::varlink::Client| {
        client.issue(consultation(session, PATIENTS[0])).unwrap_err()
    };
    assert_eq!(told(&session, &mut client), told("never", &mut client));
    // Nothing of it happened: the session lives, and no entry was made for the stranger.
    application.consult(&session, PATIENTS[1]).unwrap();
    assert_eq!(ledger::issued(&establishment), 2);
}

#[test]
fn the_command_line_says_so_to_an_unregistered_user() {
    let Some(stranger) = OtherUser::named("nobody", "the command line of an unregistered user") else { return };
    let establishment = Plan::new("stranger").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    // A copy where that user can reach it, made by another process (see supervision.rs).
    let sceau = establishment.folder.join("sceau");
    run(Command::new("install").args(["-m", "755"]).arg(program("sceau")).arg(&sceau));
    let config = establishment.config();
    let status = stranger.command(&sceau).args(["status", "--json", "--config"]).arg(&config).output().unwrap();
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status, establishment.client().status());
    let mut issue = stranger.command(&sceau);
    issue.args([
        "issue",
        "--practitioner",
        &Practitioner::physician().id,
        "--method",
        "CPS",
        "--service",
        "urgences",
    ]);
    let issue = issue.args(["--transaction", "0.1", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8(issue.stderr).unwrap();
    assert_eq!((issue.status.code(), issue.stdout.len()), (Some(1), 0), "{said}");
    assert!(said.contains("application-unknown"), "{said}");
}
