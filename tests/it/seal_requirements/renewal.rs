//! Renewal: alarms before a certificate ends, and two certificates of one structure side by side.

use serde_json::Value;
use time::Duration as Span;

use super::structures::certificate_of;
use super::wait_status;
use crate::support::certificate::SealCertificate;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::seal::SealPlan;
use crate::support::varlink::{Client, login};

const KEYS: [&str; 3] = ["seal-a", "seal-b", "seal-c"];

/// Lines of `sceaud` about the renewal of three certificates that end in that many days and one hour.
fn alarms(days: [i64; 3]) -> Vec<String> {
    let mut plan = Plan::new("renewal").structures(&STRUCTURES);
    for ((structure, key), days) in STRUCTURES.into_iter().zip(KEYS).zip(days) {
        let certificate = SealCertificate::of(structure).expires_in(Span::days(days) + Span::hours(1));
        plan = plan.seal(SealPlan { certificate, ..SealPlan::of(structure, key, KeyType::P256) });
    }
    let establishment = plan.build();
    let mut daemons = Daemons::start(&establishment);
    // What was to be said at the start is said once the program has ended in good order.
    assert!(daemons.sceaud.stop().unwrap().success());
    daemons.sceaud.log().lines().filter(|line| line.contains("renewal alarm")).map(Into::into).collect()
}

#[test]
fn a_certificate_that_ends_within_60_30_or_7_days_raises_an_alarm() {
    for days in [[59, 29, 6], [60, 30, 7]] {
        let said = alarms(days);
        assert_eq!(said.len(), KEYS.len(), "{said:#?}");
        for (at, threshold) in [60, 30, 7].into_iter().enumerate() {
            let line = said.iter().find(|line| line.contains(&format!("key={} ", KEYS[at]))).unwrap();
            let structure = format!("structure=\"{}\"", STRUCTURES[at]);
            for part in
                [&*structure, &format!("days_left={} ", days[at]), &format!("threshold_days={threshold}"), "WARN"]
            {
                assert!(line.contains(part), "{part:?} is not in {line}");
            }
        }
    }
}

#[test]
fn a_certificate_with_61_days_or_more_raises_none() {
    assert_eq!(alarms([61, 90, 1000]), Vec::<String>::new());
}

/// Whether `Status` says that seal `key` can sign.
fn is_ready(status: &Value, key: &str) -> bool {
    status["seals"].as_array().unwrap().iter().any(|seal| seal["key"] == key && seal["ready"] == true)
}

#[test]
fn two_certificates_of_a_structure_overlap() {
    let old = SealCertificate::of(STRUCTURES[0]).expires_in(Span::days(20)).common_name("OLD");
    let new = SealCertificate::of(STRUCTURES[0]).common_name("NEW");
    // The old one first in one order of the configuration, last in the other: the order decides nothing.
    for keys in [["old", "new"], ["new", "old"]] {
        let mut plan = Plan::new("overlap").production();
        for key in keys {
            let certificate = if key == "old" { old.clone() } else { new.clone() };
            plan = plan.seal(SealPlan { certificate, ..SealPlan::of(STRUCTURES[0], key, KeyType::P256) });
        }
        let establishment = plan.build();
        let daemons = Daemons::start(&establishment);
        let mut client = establishment.client();
        wait_status(&mut client, |status| is_ready(status, "old"));
        wait_status(&mut client, |status| is_ready(status, "new"));
        let status = client.status();
        let told = |field: &str| {
            status["seals"].as_array().unwrap().iter().map(|s| s[field].clone()).collect::<Vec<Value>>()
        };
        assert_eq!(told("key"), keys);
        assert_eq!(told("structure"), [STRUCTURES[0]; 2]);
        assert_ne!(told("certificate_expires_at")[0], told("certificate_expires_at")[1]);

        let session =
            client.open_session(login(&establishment.practitioners[0].id, "CPS", "consultation")).unwrap();
        let sealed_by = |client: &mut Client| {
            let issued = client.consult(&session, "207058575627097").unwrap();
            certificate_of(&issued.assertion).common_name
        };
        assert_eq!(sealed_by(&mut client), "NEW");
        let newer = daemons.signer("new-1");
        newer.kill_and_hold();
        wait_status(&mut client, |status| !is_ready(status, "new"));
        assert_eq!(client.status()["ready"], true, "the structure can still seal");
        assert_eq!(sealed_by(&mut client), "OLD");
        newer.release();
        wait_status(&mut client, |status| is_ready(status, "new"));
        assert_eq!(sealed_by(&mut client), "NEW");
    }
}
