//! A start: without a convention nothing is issued and operators are served; with one, it is as it was.

use serde_json::json;

use super::{hash, opens, plan, presented, reason, told, troubles};
use crate::doorstep::{DoorAlone, until};
use crate::support::convention::CONVENTION;
use crate::support::daemons::{Daemons, run_until_exit};
use crate::support::establishment::{Establishment, write};
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::Client;

/// Kills `sceaud`; returns once its next life listens.
fn restart(door: &DoorAlone) {
    let next = door.sceaud.starts() + 1;
    door.sceaud.kill();
    door.sceaud.wait_starts(next);
    listens(&door.establishment);
}

fn listens(of: &Establishment) {
    until("sceaud answers", || {
        Client::connect(&of.admin_socket())
            .is_ok_and(|mut client| client.try_call("fr.sceau.Admin.Instance", json!({})).is_ok())
    });
}

/// The order of a new appliance: operators sign, are registered, and have the convention taken.
#[test]
fn a_new_appliance_serves_its_operators_and_nobody_else() {
    let door = DoorAlone::open(plan().production());
    let of = &door.establishment;
    let mut client = of.client();
    let status = client.status();
    assert_eq!((&status["state"], &status["ready"]), (&json!("unprovisioned"), &json!(false)), "{status}");
    let trouble = &status["troubles"][0];
    assert_eq!(trouble["reason"], "convention");
    assert!(trouble["message"].as_str().unwrap().contains("sceau operators bootstrap"), "{trouble}");
    let refused = client.open_session(crate::doorstep::physician_login()).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "convention"));
    assert!(refused.parameters["message"].as_str().unwrap().contains("sceau convention"), "{refused:?}");
    let session = "A".repeat(43);
    assert_eq!(client.consult(&session, PATIENTS[0]).unwrap_err().brief(), ("Unavailable", "convention"));
    assert_eq!(reason(of.take_convention()), "convention-no-operators");
    of.register_operators();
    assert_eq!(opens(of), r#"("Unavailable", "convention")"#, "nobody had it taken");
    let entry = of.take_convention().unwrap()["entry"].as_u64();
    assert!(entry.is_some());
    assert_eq!((opens(of).as_str(), client.status()["state"].as_str()), ("opened", Some("locked")));
    // Taken once: the second time changes nothing, and has no entry.
    assert_eq!(of.take_convention().unwrap()["entry"].as_u64(), None);
    let traces = presented(of);
    assert_eq!(traces.iter().filter(|order| order.refused.is_none()).count(), 1);
    let taken = traces.iter().find(|order| order.refused.is_none()).unwrap();
    let actors: Vec<_> = taken.actors.iter().map(ToString::to_string).collect();
    assert_eq!((actors, taken.order), (vec!["basile".to_owned(), "elise".to_owned()], hash(of)));
}

#[test]
fn a_restart_is_decided_by_the_convention_that_was_taken() {
    let door = DoorAlone::in_production(plan());
    let of = &door.establishment;
    let first = hash(of);
    let mut client = of.client();
    let session = client.open_session(crate::doorstep::physician_login()).unwrap();
    let before = presented(of).len();
    restart(&door);
    assert_eq!((opens(of).as_str(), presented(of).len()), ("opened", before));
    // Somebody widens it by hand, and takes the power away.
    of.edit_file(CONVENTION, |table| table["convention"]["rights"] = "table-2025".into());
    restart(&door);
    let now = told(of);
    assert_eq!((&now["hash"], &now["refused"]), (&json!(first.to_string()), &json!("convention-same-number")));
    assert_eq!((opens(of).as_str(), troubles(of)), ("opened", vec!["convention-refused".to_owned()]));
    std::fs::remove_file(of.convention()).unwrap();
    restart(&door);
    assert_eq!((opens(of).as_str(), troubles(of)), ("opened", vec!["convention-refused".to_owned()]));
    // A session outlives all of it: no seal is there, so it comes as far as the token.
    let refused = of.client().consult(&session, PATIENTS[0]).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "token-unreachable"));
}

#[test]
fn a_convention_that_was_signed_while_sceaud_was_away_is_taken_at_its_start() {
    let door = DoorAlone::in_production(plan());
    let of = &door.establishment;
    let mut client = of.client();
    let session = client.open_session(crate::doorstep::physician_login()).unwrap();
    of.renew_convention(|table| table["service"][0]["lifetime_ms"] = 20_000.into());
    restart(&door);
    assert_eq!(told(of)["hash"], json!(hash(of).to_string()));
    assert_eq!(presented(of).pop().unwrap().order, hash(of));
    let refused = of.client().consult(&session, PATIENTS[0]).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "token-unreachable"), "the session goes on");
    // No audit key signs here; beyond that nothing is amiss: the convention was told before what was done under it.
    let found: Vec<_> = super::verify_findings(of).into_iter().map(|finding| finding["rule"].clone()).collect();
    assert_eq!(found, ["checkpoint-missing"]);
}

#[test]
fn production_takes_no_terms_from_its_configuration() {
    let establishment = plan().production().build();
    establishment.edit_file("sceau.toml", |config| drop(config.remove("convention")));
    let within = std::time::Duration::from_secs(30);
    let refusal = run_until_exit(&establishment, "sceaud", &[], within);
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    assert!(refusal.said.contains("[convention] file manque"), "{}", refusal.said);
    let convention = std::fs::read_to_string(establishment.convention()).unwrap();
    let services = convention.find("[[service]]").unwrap();
    let config = std::fs::read_to_string(establishment.config()).unwrap() + "\n" + &convention[services..];
    write(&establishment.config(), &config, 0o644);
    let refusal = run_until_exit(&establishment, "sceaud", &[], within);
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    assert!(refusal.said.contains("deux approbateurs signent"), "{}", refusal.said);
}

/// Annexe 3 names certificates: one that is not declared seals nothing.
#[test]
fn a_certificate_that_is_not_declared_seals_nothing() {
    let establishment = plan().production().build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(crate::doorstep::physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    establishment.renew_convention(|table| {
        table["structure"][0]["certificates"] = vec!["00:".repeat(31) + "00"].into();
    });
    establishment.take_convention().unwrap();
    assert_eq!(client.consult(&session, PATIENTS[0]).unwrap_err().brief(), ("Unavailable", "convention"));
    let status = client.status();
    assert_eq!((&status["ready"], &status["seals"][0]["ready"]), (&json!(false), &json!(false)), "{status}");
    assert_eq!(status["troubles"][0]["reason"], "certificate-not-declared");
    establishment.enforce_convention();
    client.consult(&session, PATIENTS[0]).unwrap();
}
