//! What only operators may settle: a clock that was right although it jumped, a ledger that its counter contradicts.

use std::process::Command;

use sceau::traces::entry::event::Event;
use serde_json::{Value, json};

use super::office::{Key, Office, at};
use crate::clock::Shim;
use crate::counter::{copy, establishment as counted};
use crate::doorstep::{DoorAlone, brief, physician_login, says, until, with};
use crate::ledger::{has, obeys_its_rules};
use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::wait::eventually;

const DAY_MS: i64 = 24 * 3_600_000;

/// `sceaud` and its signers.
pub(crate) fn open(establishment: Establishment, environment: &[(&str, &str)]) -> (DoorAlone, Vec<Daemon>) {
    let instances = establishment.signer_instances();
    let audit = establishment.audit_instance();
    let signers =
        instances.iter().chain(&audit).map(|instance| Daemon::signer(&establishment, instance, &[])).collect();
    let sceaud = Daemon::sceaud(&establishment, environment);
    sceaud.wait_ready(1);
    (DoorAlone { sceaud, establishment }, signers)
}

/// One bad NTP answer at a start of the machine, and entries of tomorrow: today goes on by a signed order.
#[test]
fn a_bad_time_in_the_ledger_is_settled_by_a_signed_order() {
    let four_sessions = |config: &mut toml::Table| {
        let declaration = config["declaration"].as_table_mut().unwrap();
        declaration.insert("sessions_per_hour_max".into(), 4.into());
    };
    let establishment = Plan::new("acceptances").key_type(KeyType::P256).edit_config(four_sessions).build();
    let clock = Shim::of(&establishment);
    let (door, _signers) = open(establishment, &clock.environment());
    let office = Office::before(door);
    office.register();
    let folder = office.door.establishment.folder.clone();
    let mut lives = 1;
    let mut live_again = |as_another_boot: bool| {
        office.door.sceaud.kill_and_hold();
        if as_another_boot {
            let _ = std::fs::remove_file(folder.join("ledger/clock.json"));
        }
        office.door.sceaud.release();
        lives += 1;
        office.door.sceaud.wait_ready(lives);
    };
    clock.is_off(DAY_MS);
    live_again(true);
    for _ in 0..2 {
        let tomorrow = with(physician_login(), "authentication.instant", at(24 * 3600 - 60).into());
        office.door.client().open_session(tomorrow).unwrap();
    }
    clock.is_off(0);
    // The clock is right, the ledger is ahead of it: whatever is tried, nothing is issued.
    let unavailable = says("Unavailable", "clock-jump");
    for as_another_boot in [false, true] {
        assert_eq!(brief(office.door.client().open_session(physician_login())), unavailable);
        live_again(as_another_boot);
    }
    assert_eq!(brief(office.door.client().open_session(physician_login())), unavailable);
    let order = office.order("clock-accept", json!({}));
    assert_eq!(brief(office.submit(&order, &[&office.carol])), says("Denied", "role-missing"));
    assert_eq!(brief(office.door.client().open_session(physician_login())), unavailable);
    office.submit(&order, &[&office.alice]).unwrap();
    let mut client = office.door.client();
    let session = client.open_session(physician_login()).unwrap();
    let got = client.consult(&session, PATIENTS[0]).unwrap();
    // It holds beyond restarts, and once only.
    for as_another_boot in [false, true] {
        live_again(as_another_boot);
        office.door.client().consult(&session, PATIENTS[0]).unwrap();
    }
    // Nor are sessions of tomorrow counted with those of this hour.
    for _ in 0..3 {
        office.door.client().open_session(physician_login()).unwrap();
    }
    let again = office.order("clock-accept", json!({}));
    assert_eq!(brief(office.submit(&again, &[&office.alice])), says("Denied", "nothing-to-accept"));
    let ledger = entries(&office.door.establishment);
    obeys_its_rules(&ledger);
    has(&ledger, &got.assertion, &got.id, got.entry);
    let back: Vec<_> = ledger.windows(2).filter(|pair| pair[1].time < pair[0].time).collect();
    assert_eq!(back.len(), 1, "time goes back once");
    assert!(back[0][1].event.begins_time() && back[0][0].time.ms_since(back[0][1].time) > DAY_MS / 2);
}

/// One person puts any clock right at once; what he took back shortens no term before a second one looked.
#[test]
fn a_time_that_one_person_took_back_ends_no_term_until_two_confirm_it() {
    let establishment = Plan::new("acceptances").key_type(KeyType::P256).build();
    let clock = Shim::of(&establishment);
    let (door, _signers) = open(establishment, &clock.environment());
    let office = Office::before(door);
    office.register();
    let two = [&office.alice, &office.bob];
    let mut lives = 1;
    let mut live_again = |off_ms: i64| {
        office.door.sceaud.kill_and_hold();
        clock.is_off(off_ms);
        let _ = std::fs::remove_file(office.door.establishment.folder.join("ledger/clock.json"));
        office.door.sceaud.release();
        lives += 1;
        office.door.sceaud.wait_ready(lives);
    };
    // The machine is started with a wrong clock, and runs by it.
    live_again(3 * DAY_MS);
    clock.is_off(0);
    let close = || office.order("traces-close-dmp", json!({ "patient": PATIENTS[0] }));
    assert_eq!(brief(office.submit(&close(), &[&office.alice])), says("Unavailable", "clock"));
    office.submit(&office.order("clock-accept", json!({})), &[&office.alice]).unwrap();
    for _ in 0..2 {
        // Care goes on; terms do not, restarts or not.
        let mut client = office.door.client();
        let session = client.open_session(physician_login()).unwrap();
        client.consult(&session, PATIENTS[0]).unwrap();
        for (order, signers) in [(close(), &two[..1]), (office.order("traces-purge", json!({})), &two[..])] {
            let refused = office.submit(&order, signers).unwrap_err();
            assert_eq!(refused.brief(), ("Unavailable", "clock-unconfirmed"));
            assert!(refused.parameters["message"].as_str().unwrap().contains("clock-confirm"), "{refused:?}");
        }
        live_again(0);
    }
    let confirm = office.order("clock-confirm", json!({}));
    assert_eq!(brief(office.submit(&confirm, &[&office.alice])), says("Denied", "signers-missing"));
    assert_eq!(brief(office.submit(&confirm, &[&office.alice, &office.carol])), says("Denied", "role-missing"));
    let done = office.submit(&confirm, &two).unwrap();
    assert!(done["done"]["stepped_back_ms"].as_i64().unwrap() > 2 * DAY_MS);
    office.submit(&close(), &[&office.alice]).unwrap();
    office.submit(&office.order("traces-purge", json!({})), &two).unwrap();
    let again = office.order("clock-confirm", json!({}));
    assert_eq!(brief(office.submit(&again, &two)), says("Denied", "nothing-to-accept"));
    obeys_its_rules(&entries(&office.door.establishment));
}

#[test]
fn a_jump_that_was_right_is_accepted_and_its_sessions_end() {
    let establishment = Plan::new("acceptances").key_type(KeyType::P256).build();
    let clock = Shim::of(&establishment);
    // The machine was an hour late all the time.
    clock.is_off(-3_600_000);
    let (door, _signers) = open(establishment, &clock.environment());
    let office = Office::before(door);
    // Orders and logins of now are ahead of such a clock: it is put right, which is a jump.
    clock.is_off(0);
    office.register();
    let mut client = office.door.client();
    assert_eq!(brief(client.open_session(physician_login())), says("Unavailable", "clock-jump"));
    office.submit(&office.order("clock-accept", json!({})), &[&office.dave]).unwrap();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    // A term that begins, or is judged, by a wrong clock destroys early.
    for off_ms in [60_000, -60_000] {
        clock.is_off(off_ms);
        let close = office.order("traces-close-dmp", json!({ "patient": PATIENTS[0] }));
        assert_eq!(brief(office.submit(&close, &[&office.alice])), says("Unavailable", "clock"));
        let purge = office.order("traces-purge", json!({}));
        assert_eq!(brief(office.submit(&purge, &[&office.alice, &office.bob])), says("Unavailable", "clock"));
    }
    clock.is_off(0);
    // Late once more, and again accepted: the session was of the time before.
    clock.is_off(-5_000);
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Unavailable", "clock-jump"));
    office.submit(&office.order("clock-accept", json!({})), &[&office.alice]).unwrap();
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Denied", "session-unknown"));
    obeys_its_rules(&entries(&office.door.establishment));
}

#[test]
fn a_ledger_that_its_counter_contradicts_goes_on_by_an_order_of_two() {
    let (door, _signers) = open(counted(), &[]);
    let mut office = Office::before(door);
    office.register();
    let session = office.door.client().open_session(physician_login()).unwrap();
    let useless = office.order("counter-accept", json!({}));
    let two = [&office.alice, &office.bob];
    assert_eq!(brief(office.submit(&useless, &two)), says("Denied", "nothing-to-accept"));
    let folder = office.door.establishment.folder.clone();
    let (ledger, old) = (folder.join("ledger"), folder.join("old"));
    let sceaud = &office.door.sceaud;
    sceaud.kill_and_hold();
    copy(&ledger, &old);
    sceaud.release();
    sceaud.wait_ready(2);
    // What the officer sees, and what is ordered, in the part that will be lost.
    let lost = office.add("eve", &["auditor"], &Key::make(&folder, "eve", &["-t", "ed25519"]));
    office.submit(&lost, &two).unwrap();
    let kept = folder.join("kept.txt");
    let note = eventually("a checkpoint", || office.call("Checkpoint", json!({})).ok());
    std::fs::write(&kept, note["note"].as_str().unwrap()).unwrap();
    sceaud.kill_and_hold();
    copy(&old, &ledger);
    sceaud.release();
    sceaud.wait_ready(3);
    let mut client = office.door.client();
    until("it is halted", || client.status()["halted"] == "ledger-older");
    let order = office.order("counter-accept", json!({}));
    assert_eq!(brief(office.submit(&order, &[&office.alice])), says("Denied", "signers-missing"));
    assert_eq!(client.status()["state"], "halted");
    let done = office.submit(&order, &two).unwrap();
    assert_eq!(done["done"]["generation"], 2);
    // It is another ledger from here on: what was ordered in the lost part is not ordered again.
    assert_eq!(brief(office.submit(&lost, &two)), says("Denied", "other-ledger"));
    assert!(!office.active().contains(&"eve".to_owned()));
    office.ledger = office.call("Instance", json!({})).unwrap()["ledger"].as_str().unwrap().to_owned();
    // The officer is told what was lost, and by whose order it goes on; without his checkpoint nothing contradicts.
    let verify = |since: &[&str]| {
        let config = office.door.establishment.config();
        let mut command = Command::new(program("sceau"));
        command.args(["traces", "verify", "--json", "--config"]).arg(&config).args(since);
        let output = command.output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let named = |report: &Value| report["restorations"][0]["name"].as_str().unwrap_or_default().to_owned();
    let signed = |report: &Value| report["covered"].as_u64() > report["restorations"][0]["entries"].as_u64();
    let report = eventually("a checkpoint of the new generation", || Some(verify(&[])).filter(signed));
    assert_eq!((&report["verdict"], &report["restorations"][0]["from"]), (&json!("good"), &json!("older-copy")));
    assert!(report["restorations"][0]["acknowledged"].is_u64());
    let note = eventually("a checkpoint", || office.call("Checkpoint", json!({})).ok());
    let origin = note["note"].as_str().unwrap().lines().next().unwrap().to_owned();
    assert!(origin.ends_with(&format!("/{}", named(&report))) && named(&report).starts_with("2-"), "{origin}");
    let report = verify(&["--since", kept.to_str().unwrap()]);
    let rules: Vec<_> = report["findings"].as_array().unwrap().iter().map(|one| one["rule"].clone()).collect();
    assert_eq!(rules, ["ledger-restored"], "{report}");
    // Nobody knows which nonces the lost part had spent on this session.
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Denied", "session-unknown"));
    let session = eventually("it goes on", || client.open_session(physician_login()).ok());
    client.consult(&session, PATIENTS[0]).unwrap();
    // And is the newest from now on.
    sceaud.kill();
    sceaud.wait_ready(4);
    let mut client = office.door.client();
    until("it goes on", || client.consult(&session, PATIENTS[0]).is_ok());
    std::fs::remove_file(folder.join("counter")).unwrap();
    sceaud.kill();
    sceaud.wait_ready(5);
    until("it is halted", || office.door.client().status()["halted"] == "counter-reset");
    office.submit(&office.order("counter-accept", json!({})), &two).unwrap();
    let session = eventually("it goes on", || office.door.client().open_session(physician_login()).ok());
    office.door.client().consult(&session, PATIENTS[0]).unwrap();
    let ledger = entries(&office.door.establishment);
    obeys_its_rules(&ledger);
    let told = ledger.iter().filter(
        |entry| matches!(&entry.event, Event::Register(register) if register.register.as_str() == "counter" && register.mandate.is_some()),
    );
    assert_eq!(told.count(), 2);
}
