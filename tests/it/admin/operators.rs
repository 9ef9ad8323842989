//! What orders do to the register, and what the ledger tells of it.

use sceau::traces::digest::Digest;
use sceau::traces::entry::event::Event;
use serde_json::json;

use super::office::{Key, Office};
use crate::doorstep::{brief, says};
use crate::support::daemons::run_until_exit;
use crate::support::ledger::entries;

#[test]
fn an_order_and_its_effect_are_in_the_ledger_with_who_signed() {
    let office = Office::open();
    let eve = Key::make(&office.door.establishment.folder, "eve", &["-t", "ed25519"]);
    let order = office.add("eve", &["auditor"], &eve);
    let done = office.submit(&order, &[&office.alice, &office.bob]).unwrap();
    assert_eq!(office.active(), ["alice", "bob", "carol", "dave", "eve"]);
    let text = order.to_string();
    assert_eq!(office.trace_of(&text), ("operator-add".into(), vec!["alice".into(), "bob".into()], None));
    let ledger = entries(&office.door.establishment);
    let at = usize::try_from(done["entry"].as_u64().unwrap()).unwrap();
    assert!(matches!(&ledger[at].event, Event::Order(order) if order.order == Digest::of(&[text.as_bytes()])));
    let Event::Register(register) = &ledger[at + 1].event else { panic!("the register follows its order") };
    let mandate = register.mandate.as_ref().unwrap();
    assert_eq!(register.register.as_str(), "operators");
    assert_eq!((mandate.actor.as_str(), mandate.order), ("alice", Digest::of(&[text.as_bytes()])));
    // What is written is what the entry tells, and what is served.
    let file = office.door.establishment.folder.join("ledger/ledger.sqlite");
    let database = rusqlite::Connection::open(file).unwrap();
    let content = "SELECT content FROM registers WHERE name = 'operators'";
    let content: Vec<u8> = database.query_row(content, [], |row| row.get(0)).unwrap();
    assert_eq!(Digest::of(&[&content]), register.content);
    assert_eq!(done["done"]["register"], register.content.to_string());
    let document: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(document["operators"].as_array().unwrap().len(), 5);
    assert_eq!(document["operators"][4]["key"], eve.public());
}

#[test]
fn who_decides_is_changed_by_two_persons_alone() {
    let office = Office::open();
    let eve = Key::make(&office.door.establishment.folder, "eve", &["-t", "ed25519"]);
    for role in ["administrator", "approver"] {
        let order = office.add("eve", &[role], &eve);
        assert_eq!(brief(office.submit(&order, &[&office.alice])), says("Denied", "signers-missing"));
        assert_eq!(brief(office.submit(&order, &[&office.alice, &office.alice])), says("Denied", "signer-twice"));
        assert_eq!(brief(office.submit(&order, &[&office.alice, &office.carol])), says("Denied", "role-missing"));
        assert_eq!(
            brief(office.submit(&office.revoke("dave"), &[&office.alice])),
            says("Denied", "signers-missing")
        );
    }
    // One signature was not enough and used nothing up: with the second the same order is obeyed.
    let order = office.add("eve", &["administrator"], &eve);
    assert_eq!(brief(office.submit(&order, &[&office.bob])), says("Denied", "signers-missing"));
    office.submit(&order, &[&office.bob, &office.alice]).unwrap();
    let (verb, actors, refused) = office.trace_of(&order.to_string());
    assert_eq!((verb.as_str(), actors, refused), ("operator-add", vec!["bob".into(), "alice".into()], None));
    // A lost key of an administrator: another one and the approver repair it.
    office.submit(&office.revoke("alice"), &[&office.dave, &office.bob]).unwrap();
    assert_eq!(
        brief(office.submit(&office.revoke("eve"), &[&office.alice, &office.bob])),
        says("Denied", "signer-revoked")
    );
    assert_eq!(office.active(), ["bob", "carol", "dave", "eve"]);
}

/// Who may read every trace is a matter of two as well; to take it away again is one person's, and urgent.
#[test]
fn an_auditor_is_added_by_two_persons() {
    let office = Office::open();
    let eve = Key::make(&office.door.establishment.folder, "eve", &["-t", "ed25519"]);
    let order = office.add("eve", &["auditor"], &eve);
    assert_eq!(brief(office.submit(&order, &[&office.alice])), says("Denied", "signers-missing"));
    assert_eq!(brief(office.submit(&order, &[&office.alice, &office.carol])), says("Denied", "role-missing"));
    assert_eq!(brief(office.submit(&order, &[&office.bob, &office.carol])), says("Denied", "role-missing"));
    office.submit(&order, &[&office.alice, &office.dave]).unwrap();
    office.submit(&office.revoke("carol"), &[&office.alice]).unwrap();
    assert_eq!(office.active(), ["alice", "bob", "dave", "eve"]);
}

/// Where one person decides, as test mode admits, two cannot be asked: nobody is locked out of adding the second.
#[test]
fn one_who_decides_alone_adds_the_second() {
    let office = Office::empty(crate::support::plan::Plan::new("admin"));
    let bootstrap = office.order(
        "operators-bootstrap",
        json!({ "operators": [super::office::named("alice", &["administrator"], &office.alice)] }),
    );
    office.submit(&bootstrap, &[&office.alice]).unwrap();
    office.submit(&office.add("bob", &["approver"], &office.bob), &[&office.alice]).unwrap();
    let order = office.add("carol", &["auditor"], &office.carol);
    assert_eq!(brief(office.submit(&order, &[&office.alice])), says("Denied", "signers-missing"));
    office.submit(&order, &[&office.alice, &office.bob]).unwrap();
}

#[test]
fn the_last_administrator_stays() {
    let office = Office::open();
    office.submit(&office.revoke("dave"), &[&office.alice, &office.bob]).unwrap();
    let order = office.revoke("alice");
    assert_eq!(brief(office.submit(&order, &[&office.alice, &office.bob])), says("Denied", "last-administrator"));
    // A name and a key serve one person for ever.
    let again = office.add("dave", &["auditor"], &office.dave);
    assert_eq!(brief(office.submit(&again, &[&office.alice, &office.bob])), says("Denied", "operator-exists"));
    let again = office.add("dave2", &["auditor"], &office.dave);
    assert_eq!(brief(office.submit(&again, &[&office.alice, &office.bob])), says("Denied", "operator-key-known"));
}

#[test]
fn a_register_that_was_altered_on_the_disk_halts_the_start() {
    let mut office = Office::open();
    office.door.sceaud.stop();
    let file = office.door.establishment.folder.join("ledger/ledger.sqlite");
    let database = rusqlite::Connection::open(file).unwrap();
    let change =
        "UPDATE registers SET content = CAST(replace(CAST(content AS TEXT), 'auditor', 'approver') AS BLOB)";
    assert_eq!(database.execute(change, []).unwrap(), 1);
    drop(database);
    let refusal = run_until_exit(&office.door.establishment, "sceaud", &[], super::office::PROMPT);
    assert_eq!((refusal.code, refusal.was_ready), (Some(4), false), "{}", refusal.said);
}

#[test]
fn a_ledger_has_a_name_of_its_own_that_lasts() {
    let (office, other) = (Office::open(), Office::empty(crate::support::plan::Plan::new("admin")));
    assert_ne!(office.ledger, other.ledger);
    office.kill_and_wait();
    let instance = office.call("Instance", json!({})).unwrap();
    assert_eq!((&instance["ledger"], &instance["generation"]), (&office.ledger.as_str().into(), &1.into()));
    assert_eq!(office.active().len(), 4);
}
