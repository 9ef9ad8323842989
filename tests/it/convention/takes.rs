//! A convention is exchanged while requests run: none is dropped, each is decided by one convention, and its trace says by which.

use std::collections::HashMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use sceau::traces::digest::Digest;
use sceau::traces::entry::event::Event;
use serde_json::json;

use super::{hash, plan, reason, told};
use crate::doorstep::{DoorAlone, brief, physician_login, says, until};
use crate::recovery::load::Load;
use crate::support::convention::CONVENTION;
use crate::support::daemons::Daemons;
use crate::support::ledger::entries;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{Client, login};

/// How often the convention is exchanged under load, by the operators' door and by `systemctl reload` in turn.
const EXCHANGES: usize = 6;

#[test]
fn a_convention_is_exchanged_under_load_and_no_request_is_dropped() {
    let establishment = plan().production().processes(2).build();
    let daemons = Daemons::start(&establishment);
    let mut lives: HashMap<Digest, u64> = HashMap::from([(hash(&establishment), 30_000)]);
    let load = Load::during(&establishment, |load| {
        load.more_issued(20);
        for exchange in 0..EXCHANGES {
            let life_ms = 10_000 + exchange as u64 * 1_000;
            establishment.renew_convention(|table| {
                for service in table["service"].as_array_mut().unwrap() {
                    service["lifetime_ms"] = i64::try_from(life_ms).unwrap().into();
                }
            });
            lives.insert(hash(&establishment), life_ms);
            if exchange % 2 == 0 {
                establishment.take_convention().unwrap();
            } else {
                daemons.sceaud.signal(Signal::SIGHUP);
                let wanted = json!(hash(&establishment).to_string());
                until("the new convention is in force", || told(&establishment)["hash"] == wanted);
            }
            load.more_issued(20);
        }
        // A refused one disturbs nobody either.
        establishment.edit_file(CONVENTION, |table| table["convention"]["number"] = 99.into());
        assert_eq!(reason(establishment.take_convention()), "convention-altered");
        load.more_issued(20);
    });
    assert_eq!(load.unavailable(), 0, "a request was refused while a convention was exchanged");
    // Every assertion lives as long as the convention says that its trace names.
    let mut seen = HashMap::new();
    for entry in entries(&establishment) {
        if let Event::Issued(issued) = entry.event {
            let life = lives[&issued.setting.convention];
            let told = u64::try_from(issued.expires.ms_since(entry.time)).unwrap();
            // The entry's instant is of the commit, behind the assertion's own.
            assert!(told <= life && told > life - 8_000, "{told} of {life}");
            *seen.entry(life).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), EXCHANGES + 1, "{seen:?}");
    assert_eq!(super::verify_findings(&establishment), Vec::<serde_json::Value>::new());
}

#[test]
fn every_entry_names_the_file_that_it_was_decided_by() {
    let establishment = plan().production().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let conventions = |from: usize| {
        let of = |event: Event<_, _>| match event {
            Event::SessionOpened(opened) => Some(opened.setting.convention),
            Event::Issued(issued) => Some(issued.setting.convention),
            Event::Refused(refused) => Some(refused.convention),
            _ => None,
        };
        entries(&establishment).into_iter().skip(from).filter_map(|entry| of(entry.event)).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let from = entries(&establishment).len();
        let session = client.open_session(physician_login()).unwrap();
        client.consult(&session, PATIENTS[0]).unwrap();
        let stranger = login(&Practitioner::physician().id, "CPS", "nulle-part");
        assert_eq!(brief(client.open_session(stranger)), says("Denied", "service-not-allowed"));
        until("the refusal is in the ledger", || conventions(from).len() == 3);
        assert_eq!(conventions(from), [hash(&establishment); 3]);
        establishment.renew_convention(|_| ());
        establishment.take_convention().unwrap();
    }
}

#[test]
fn what_is_withdrawn_ends_and_what_is_changed_is_so_from_the_next_request_on() {
    let establishment = plan().production().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let physician = Practitioner::physician().id;
    let card = client.open_session(login(&physician, "CPS", "consultation")).unwrap();
    let phone = client.open_session(login(&physician, "OTP_SMS", "consultation")).unwrap();
    let urgent = client.open_session(login(&physician, "CPS", "urgences")).unwrap();
    let consult = |client: &mut Client, session: &str| match client.consult(session, PATIENTS[0]) {
        Ok(issued) => {
            let at =
                |text: &str| time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
            let life = at(&issued.expires_at).unwrap() - at(&issued.issued_at).unwrap();
            format!("{} s", life.whole_seconds())
        }
        Err(refused) => format!("{:?}", refused.brief()),
    };
    assert_eq!([&card, &phone, &urgent].map(|s| consult(&mut client, s)), ["30 s", "30 s", "15 s"]);
    establishment.renew_convention(|table| {
        table["convention"]["methods"] = vec!["CPS", "CARTE_ETS"].into();
        let services = table["service"].as_array_mut().unwrap();
        services.retain(|service| service["name"].as_str() == Some("consultation"));
        services[0]["lifetime_ms"] = 12_000.into();
    });
    establishment.take_convention().unwrap();
    let (method, service) = (r#"("Denied", "method-not-declared")"#, r#"("Denied", "service-not-allowed")"#);
    assert_eq!([&card, &phone, &urgent].map(|s| consult(&mut client, s)), ["12 s", method, service]);
    let refused = client.open_session(login(&physician, "OTP_SMS", "consultation")).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "method-not-declared"));
    // A login that was fresh enough for the old one is too old for the next.
    let short = client.open_session(login(&physician, "CPS", "consultation")).unwrap();
    establishment.renew_convention(|table| table["service"][0]["login_age_max_ms"] = 1_000.into());
    establishment.take_convention().unwrap();
    assert_eq!(consult(&mut client, &short), r#"("Denied", "session-expired")"#);
    establishment.renew_convention(|table| table["service"][0]["login_age_max_ms"] = 14_400_000.into());
    establishment.take_convention().unwrap();
    // An hour's exception ends: so do the sessions that were opened by it.
    establishment.renew_convention(|table| drop(table.remove("exception")));
    establishment.take_convention().unwrap();
    assert_eq!(consult(&mut client, &card), r#"("Denied", "proof-required")"#);
    assert_eq!(brief(client.open_session(physician_login())), says("Denied", "proof-required"));
}

#[test]
fn quotas_are_those_of_the_new_convention_and_what_was_counted_stays_counted() {
    let establishment = plan().production().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    for _ in 0..3 {
        client.consult(&session, PATIENTS[0]).unwrap();
    }
    let freeze = |freeze: i64, window_ms: i64| {
        establishment.renew_convention(|table| {
            let tokens = table["guard"]["practitioner"]["tokens"].as_table_mut().unwrap();
            tokens.insert("alarm".into(), 1.into());
            tokens.insert("freeze".into(), freeze.into());
            tokens.insert("window_ms".into(), window_ms.into());
        });
        establishment.take_convention().unwrap();
    };
    freeze(5, 7_200_000);
    client.consult(&session, PATIENTS[0]).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    assert_eq!(client.consult(&session, PATIENTS[0]).unwrap_err().brief(), ("Denied", "quota-exceeded"));
}

/// systemd is told of a reload as sd_notify(3) wants it, and not before the start is over.
#[test]
fn a_reload_is_told_to_systemd() {
    let establishment = plan().production().build();
    let daemons = Daemons::start(&establishment);
    let heard = daemons.sceaud.notify.heard();
    daemons.sceaud.signal(Signal::SIGHUP);
    let within = Duration::from_secs(60);
    let after = daemons.sceaud.notify.wait(within, |now| now.reloading > 0 && now.ready > heard.ready);
    assert!(after.is_ok(), "{after:?}");
    assert_eq!(daemons.sceaud.starts(), 1);
    // No signer, so no READY yet: a reload must not end the start.
    let door = DoorAlone::in_production(plan());
    door.establishment.renew_convention(|_| ());
    door.sceaud.signal(Signal::SIGHUP);
    let wanted = json!(hash(&door.establishment).to_string());
    until("the new convention is in force", || told(&door.establishment)["hash"] == wanted);
    let heard = door.sceaud.notify.heard();
    assert_eq!((heard.ready, heard.reloading), (0, 0), "{heard:?}");
}
