//! Refusals that use no nonce: a flood of them costs few entries, and none is uncounted.

use std::collections::HashMap;
use std::thread;

use sceau::traces::entry::Entry;
use sceau::traces::entry::event::Event;
use serde_json::{Value, json};

use crate::doorstep::{DoorAlone, consultation, physician_login, with};
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::Client;
use crate::support::wait::until;

/// Refusals of the flood.
const FLOOD: usize = 100_000;
/// Callers that flood at once, each of them with every kind of refusal.
const CALLERS: usize = 4;
/// Frames sent before their answers are read.
const AHEAD: usize = 50;
/// Between two entries of a kind at least, in milliseconds: a second, less what the disk kept the first one waiting.
const APART_MIN_MS: i64 = 500;

/// The refusals of a ledger by reason: entries, and what they count.
fn refused(ledger: &[Entry]) -> HashMap<String, (Vec<&Entry>, u64)> {
    let mut by_reason: HashMap<String, (Vec<&Entry>, u64)> = HashMap::new();
    for entry in ledger {
        if let Event::Refused(refused) = &entry.event {
            let (entries, count) = by_reason.entry(refused.reason.as_str().to_owned()).or_default();
            entries.push(entry);
            *count += refused.count;
        }
    }
    by_reason
}

#[test]
fn a_flood_of_refusals_is_counted_to_the_last_one_in_few_entries() {
    let mut door = DoorAlone::open(Plan::new("refusals").key_type(KeyType::P256));
    let stranger = with(physician_login(), "practitioner", Practitioner::named(0, "").id.into());
    let calls: [(&str, Value, &str); 4] = [
        ("OpenSession", stranger, "practitioner-unknown"),
        ("Issue", with(consultation("x", PATIENTS[0]), "nonce", "n".repeat(16).into()), "session-unknown"),
        ("CloseSession", json!({ "session": "x" }), "session-unknown"),
        (
            "Report",
            json!({ "id": "_1b4e28ba-2fa1-11d2-883f-0016d3cca427", "outcome": "unused" }),
            "assertion-unknown",
        ),
    ];
    let frames = calls.clone().map(|(method, parameters, _)| {
        json!({ "method": format!("fr.sceau.Token.{method}"), "parameters": parameters }).to_string()
    });
    let socket = door.establishment.token_socket();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let mut client = Client::connect(&socket).unwrap();
                let ahead =
                    frames.iter().cycle().take(AHEAD).map(|frame| format!("{frame}\0")).collect::<String>();
                for _ in 0..FLOOD / CALLERS / AHEAD {
                    client.send(ahead.trim_end_matches('\0').as_bytes()).unwrap();
                    for _ in 0..AHEAD {
                        assert_eq!(client.receive_answer().unwrap().unwrap_err().brief().0, "Denied");
                    }
                }
            });
        }
    });
    // Nothing is left uncounted by the orderly stop.
    door.stop();
    let ledger = entries(&door.establishment);
    let by_reason = refused(&ledger);
    let counted: u64 = by_reason.values().map(|(_, count)| count).sum();
    assert_eq!(counted, FLOOD as u64);
    for (reason, (entries, count)) in &by_reason {
        assert!(*count >= 24_000, "{reason}: {count}");
        // The last one may be the stop's, and the first two are the one in detail and the first number.
        let apart = entries.windows(2).map(|pair| pair[1].time.ms_since(pair[0].time));
        let close = apart.clone().filter(|ms| *ms < APART_MIN_MS).count();
        assert!(close <= 1, "{reason}: {:?}", apart.collect::<Vec<_>>());
        println!("{reason}: {count} refusals in {} entries", entries.len());
    }
}

#[test]
fn a_single_refusal_is_told_in_detail() {
    let door = DoorAlone::open(Plan::new("refusals").key_type(KeyType::P256));
    let mut client = door.client();
    client.open_session(with(physician_login(), "service", "radiologie".into())).unwrap_err();
    until("its entry", || !refused(&entries(&door.establishment)).is_empty());
    let ledger = entries(&door.establishment);
    let Event::Refused(refused) = &ledger.last().unwrap().event else { panic!("{:?}", ledger.last()) };
    assert_eq!((refused.reason.as_str(), refused.count, refused.since), ("service-not-allowed", 1, None));
    assert!(refused.practitioner.is_some() && ledger.last().unwrap().link.is_some());
    assert_eq!(refused.service.as_ref().unwrap().as_str(), "radiologie");
}
