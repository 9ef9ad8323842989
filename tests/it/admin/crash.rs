//! An order is obeyed once, whatever happens to the daemon.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::office::{Key, Office};
use crate::doorstep::{brief, says};
use crate::support::varlink::Client;

/// Deaths of the daemon under orders.
const ROUNDS: u64 = 15;

#[test]
fn an_order_is_obeyed_once_beyond_restarts_and_crashes() {
    let office = Office::open();
    let eve = Key::make(&office.door.establishment.folder, "eve", &["-t", "ed25519"]);
    let order = office.add("eve", &["auditor"], &eve);
    office.submit(&order, &[&office.alice, &office.bob]).unwrap();
    // What was judged in full and refused is used up as well.
    let useless = office.order("clock-accept", json!({}));
    assert_eq!(brief(office.submit(&useless, &[&office.alice])), says("Denied", "nothing-to-accept"));
    for _ in 0..2 {
        assert_eq!(
            brief(office.submit(&order, &[&office.alice, &office.bob])),
            says("Denied", "order-already-used")
        );
        assert_eq!(brief(office.submit(&useless, &[&office.dave])), says("Denied", "order-already-used"));
        // The id is what is used up, not the bytes.
        let mut other = office.revoke("eve");
        other["id"] = order["id"].clone();
        assert_eq!(brief(office.submit(&other, &[&office.alice])), says("Denied", "order-already-used"));
        office.kill_and_wait();
    }
    assert_eq!(office.active(), ["alice", "bob", "carol", "dave", "eve"]);
}

/// The daemon dies while orders are given, at moments that nobody chose: what was answered is done, order and effect are
/// never apart, and every order that was obeyed is used up.
#[test]
fn order_and_effect_are_one_whenever_the_daemon_dies() {
    let office = Office::open();
    let folder = &office.door.establishment.folder;
    let mut expected = office.active();
    for round in 0..ROUNDS {
        let name = format!("op{round}");
        let key = Key::make(folder, &name, &["-t", "ed25519"]);
        let order = office.add(&name, &["auditor"], &key).to_string();
        let signatures = [&office.alice, &office.bob].map(|key| key.sign("sceau-order", order.as_bytes()));
        let parameters = json!({ "order": order, "signatures": signatures });
        let until = Instant::now() + Duration::from_micros(round * 7919 % 6000);
        let answered = thread::scope(|scope| {
            let caller = scope.spawn(|| {
                let mut client = Client::connect(&office.door.establishment.admin_socket()).ok()?;
                client.try_call("fr.sceau.Admin.Submit", parameters.clone()).ok()
            });
            while Instant::now() < until {
                thread::yield_now();
            }
            office.door.sceaud.kill();
            caller.join().unwrap()
        });
        office.kill_and_wait();
        let done = office.active().contains(&name);
        assert!(answered.is_none_or(|answer| answer.is_ok() == done), "round {round}");
        let again = office.call("Submit", parameters);
        if done {
            assert_eq!(brief(again), says("Denied", "order-already-used"), "round {round}");
        } else {
            again.unwrap();
        }
        expected.push(name);
        assert_eq!(office.active(), expected);
    }
    let obeyed = office.orders().iter().filter(|order| order.refused.is_none()).count();
    assert_eq!(obeyed, 1 + usize::try_from(ROUNDS).unwrap(), "each order once");
}
