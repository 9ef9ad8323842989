//! The promise of the reserve: when the disk is full nothing new begins, and what is under way is still written.

use std::process::Command;

use sceau::traces::entry::event::Event;
use sceau::traces::entry::kind::Kind;
use serde_json::json;

use crate::doorstep::{brief, consultation, physician_login, says, with};
use crate::ledger::{Unmount, has, obeys_its_rules};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::ledger::{entries, issued};
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::skip::skip;
use crate::support::wait::{eventually, until};

#[test]
fn on_a_full_disk_outcomes_and_closings_use_the_reserve_and_nothing_begins() {
    let reserve = |config: &mut toml::Table| {
        config["ledger"].as_table_mut().unwrap().insert("reserve_mib".into(), 2.into());
    };
    let establishment = Plan::new("space").key_type(KeyType::P256).edit_config(reserve).build();
    let folder = establishment.folder.join("ledger");
    std::fs::create_dir_all(&folder).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=10m,mode=700", "none"]).arg(&folder).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return skip(
            "space::on_a_full_disk_outcomes_and_closings_use_the_reserve_and_nothing_begins",
            "a small disk cannot be mounted here (needs root)",
        );
    }
    let _unmount = Unmount(&folder);
    let daemons = Daemons::start(&establishment);
    let held = folder.join("reserve");
    assert_eq!(held.metadata().unwrap().len(), 2 << 20);
    let mut client = establishment.client();
    let sessions: Vec<_> = (0..20).map(|_| client.open_session(physician_login()).unwrap()).collect();
    let before: Vec<_> = sessions.iter().map(|session| client.consult(session, PATIENTS[0]).unwrap()).collect();
    let filler = folder.join("filler");
    let _ = std::fs::write(&filler, vec![0; 16 << 20]);
    // The log file has room of its own for some commits.
    let refused = eventually("the disk is full", || client.consult(&sessions[0], PATIENTS[0]).err());
    assert_eq!(refused.brief(), ("Unavailable", "space"));
    until("the reserve is given back", || !held.exists());
    let status = client.status();
    assert_eq!((&status["ready"], &status["troubles"][0]["reason"]), (&json!(false), &json!("space")));
    // Nothing begins.
    let full = issued(&establishment);
    for _ in 0..20 {
        assert_eq!(brief(client.consult(&sessions[0], PATIENTS[0])), says("Unavailable", "space"));
        assert_eq!(brief(client.open_session(physician_login())), says("Unavailable", "space"));
        let denied = with(consultation(&sessions[0], PATIENTS[0]), "transaction", "2.1".into());
        assert_eq!(brief(client.issue(denied)), says("Denied", "transaction-not-allowed"));
    }
    // What is under way ends.
    for issued in &before {
        client.call("fr.sceau.Token.Report", json!({ "id": issued.id, "outcome": "accepted" })).unwrap();
    }
    for session in &sessions[1..] {
        client.call("fr.sceau.Token.CloseSession", json!({ "session": session })).unwrap();
    }
    // In counted form: forty refusals are no forty entries.
    let counted = || -> u64 {
        let ledger = entries(&establishment);
        let refused = ledger.iter().filter_map(|entry| match &entry.event {
            Event::Refused(refused) if refused.reason.as_str() == "space" => Some(refused.count),
            _ => None,
        });
        refused.sum()
    };
    until("the refusals are counted", || counted() >= 40);
    let ledger = entries(&establishment);
    let kinds = |kind| ledger.iter().filter(|entry| entry.event.kind() == kind).count();
    assert_eq!((kinds(Kind::Issued), kinds(Kind::SessionClosed)), (full, 19));
    assert!(kinds(Kind::Refused) < 20, "{} refusals", kinds(Kind::Refused));
    // A restart does not take what is left for something new.
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(2);
    let mut client = establishment.client();
    assert_eq!(brief(client.consult(&sessions[0], PATIENTS[0])), says("Unavailable", "space"));
    std::fs::remove_file(&filler).unwrap();
    let healed = eventually("room again", || client.consult(&sessions[0], PATIENTS[0]).ok());
    assert_eq!(held.metadata().unwrap().len(), 2 << 20, "the reserve is made again");
    let ledger = entries(&establishment);
    obeys_its_rules(&ledger);
    has(&ledger, &healed.assertion, &healed.id, healed.entry);
    for issued in &before {
        has(&ledger, &issued.assertion, &issued.id, issued.entry);
    }
}
