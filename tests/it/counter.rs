//! The promise of the counter: an older copy of the ledger, or a counter that was reset, halts; a power cut never does.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::clock::Shim;
use crate::doorstep::{brief, physician_login, says};
use crate::support::daemons::{Daemons, run_until_exit};
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::checkpoints;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::Client;
use crate::support::wait::until;

pub(crate) fn establishment() -> Establishment {
    let counted = |config: &mut toml::Table| {
        config["ledger"].as_table_mut().unwrap().insert("counter".into(), "file:counter".into());
    };
    Plan::new("counter").key_type(KeyType::P256).edit_config(counted).build()
}

fn counter(of: &Establishment) -> u64 {
    std::fs::read_to_string(of.folder.join("counter")).unwrap().trim().parse().unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// It answers, issues nothing, and says why.
fn is_halted(of: &Establishment, session: &str, log: &str, cause: &str) {
    let mut client = of.client();
    until("it is halted", || client.status()["state"] == "halted");
    assert_eq!(client.status()["ready"], false);
    assert_eq!(brief(client.consult(session, PATIENTS[0])), says("Halted", ""));
    assert_eq!(brief(client.open_session(physician_login())), says("Halted", ""));
    assert!(log.contains(cause), "{cause}:\n{log}");
}

#[test]
fn an_older_copy_of_the_ledger_halts_and_the_newest_does_not() {
    let establishment = establishment();
    let mut daemons = Daemons::start(&establishment);
    let session = establishment.client().open_session(physician_login()).unwrap();
    establishment.client().consult(&session, PATIENTS[0]).unwrap();
    let first = counter(&establishment);
    assert!(first >= 1);
    daemons.sceaud.stop();
    assert!(counter(&establishment) > first, "an orderly stop raises it");
    drop(daemons);
    let (ledger, old, new) =
        (establishment.folder.join("ledger"), establishment.folder.join("old"), establishment.folder.join("new"));
    copy(&ledger, &old);
    // The newest goes on, whatever ends it.
    let daemons = Daemons::start(&establishment);
    establishment.client().consult(&session, PATIENTS[0]).unwrap();
    for life in 2..5 {
        daemons.sceaud.kill();
        daemons.sceaud.wait_ready(life);
        establishment.client().consult(&session, PATIENTS[0]).unwrap();
    }
    drop(daemons);
    copy(&ledger, &new);
    // Yesterday's in its place.
    copy(&old, &ledger);
    let signed = checkpoints(&establishment);
    let daemons = Daemons::start(&establishment);
    is_halted(&establishment, &session, &daemons.sceaud.log(), "this ledger is older than its counter");
    // Signed, it would be a fork under the establishment's own key.
    until("the audit key is there", || establishment.client().status()["audit"]["ready"] == true);
    let mut officer = Client::connect(&establishment.admin_socket()).unwrap();
    let refused = officer.call("fr.sceau.Admin.Checkpoint", json!({})).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "counter"));
    assert!(refused.parameters["message"].as_str().unwrap().contains("counter-accept"), "{refused:?}");
    assert_eq!(checkpoints(&establishment), signed);
    drop(officer);
    // A restart is no way out.
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(2);
    is_halted(&establishment, &session, &daemons.sceaud.log(), "this ledger is older than its counter");
    drop(daemons);
    // A ledger begun anew neither.
    std::fs::remove_dir_all(&ledger).unwrap();
    let daemons = Daemons::start(&establishment);
    is_halted(&establishment, &session, &daemons.sceaud.log(), "this ledger is older than its counter");
    drop(daemons);
    copy(&new, &ledger);
    let _daemons = Daemons::start(&establishment);
    establishment.client().consult(&session, PATIENTS[0]).unwrap();
}

/// Between start and stop an older copy lacks an hour at the most.
#[test]
fn the_counter_is_raised_each_hour() {
    let establishment = establishment();
    let clock = Shim::of(&establishment);
    let steady = establishment.folder.join("steady");
    let mut environment = clock.environment().to_vec();
    environment.push(("CLOCK_SHIM_STEADY", steady.to_str().unwrap()));
    let daemons = Daemons::start_with(&establishment, &environment);
    let session = establishment.client().open_session(physician_login()).unwrap();
    establishment.client().consult(&session, PATIENTS[0]).unwrap();
    let before = counter(&establishment);
    for hour in 1..=3_u64 {
        let aside = steady.with_extension("new");
        std::fs::write(&aside, (hour * 3_600_000 + 1_000).to_string()).unwrap();
        std::fs::rename(aside, &steady).unwrap();
        until("an hour is told", || counter(&establishment) == before + hour);
    }
    establishment.client().consult(&session, PATIENTS[0]).unwrap();
    assert_eq!(counter(&establishment), before + 3);
    drop(daemons);
}

#[test]
fn a_counter_that_was_reset_halts_and_one_that_is_away_heals() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let session = establishment.client().open_session(physician_login()).unwrap();
    for life in 2..5 {
        daemons.sceaud.kill();
        daemons.sceaud.wait_ready(life);
    }
    drop(daemons);
    let (file, aside) = (establishment.folder.join("counter"), establishment.folder.join("aside"));
    // Away: it says nothing that can be read.
    std::fs::rename(&file, &aside).unwrap();
    std::fs::create_dir(&file).unwrap();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Unavailable", "ledger"));
    assert_eq!(client.status()["troubles"][0]["reason"], "ledger");
    let mut officer = Client::connect(&establishment.admin_socket()).unwrap();
    let refused = officer.call("fr.sceau.Admin.Checkpoint", json!({})).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "counter"));
    assert!(refused.parameters["message"].as_str().unwrap().contains("répondu"), "{refused:?}");
    drop(officer);
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    until("the counter is back", || client.consult(&session, PATIENTS[0]).is_ok());
    drop((client, daemons));
    std::fs::remove_file(&file).unwrap();
    let daemons = Daemons::start(&establishment);
    is_halted(&establishment, &session, &daemons.sceaud.log(), "this counter was reset");
}

#[test]
fn production_takes_no_file_for_a_counter_and_says_when_there_is_none() {
    let establishment = Plan::new("counter").production().key_type(KeyType::P256).build();
    let daemons = Daemons::start(&establishment);
    assert!(daemons.sceaud.log().contains("no counter guards the ledger"), "{}", daemons.sceaud.log());
    drop(daemons);
    establishment.edit_file("sceau.toml", |config| {
        config["ledger"].as_table_mut().unwrap().insert("counter".into(), "file:counter".into());
    });
    let refusal = run_until_exit(&establishment, "sceaud", &[], Duration::from_secs(20));
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    assert!(refusal.said.contains("compteur en fichier"), "{}", refusal.said);
}
