//! Each reason of the contract's closed list for which this version refuses to open a session.

use serde_json::{Value, json};
use toml::Table;

use crate::doorstep::{DoorAlone, brief, physician_login, says, with};
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::practitioners::Practitioner;
use crate::support::varlink::login;

fn plan() -> Plan {
    Plan::new("refusals").key_type(KeyType::P256)
}

/// The one application's entry, changed.
fn application(change: impl FnOnce(&mut Table) + 'static) -> Plan {
    plan().edit_applications(|table| change(table["application"][0].as_table_mut().unwrap()))
}

/// The general physician's entry, changed.
fn physician(change: impl FnOnce(&mut Table) + 'static) -> Plan {
    plan().edit_practitioners(|table| change(table["practitioner"][0].as_table_mut().unwrap()))
}

/// Asks `plan`'s door with `parameters`, which must be Denied for `reason`. That the plain plan opens is shown once below.
fn denies(plan: Plan, parameters: &Value, reason: &str) {
    let door = DoorAlone::open(plan);
    assert_eq!(brief(door.client().open_session(parameters.clone())), says("Denied", reason), "{parameters}");
}

#[test]
fn what_every_other_test_varies_opens() {
    let door = DoorAlone::open(plan());
    let mut client = door.client();
    let first = client.open_session(physician_login()).unwrap();
    let second = client.open_session(physician_login()).unwrap();
    assert_ne!(first, second);
    for who in Practitioner::all() {
        client.open_session(login(&who.id, "CPS", "urgences")).unwrap();
    }
    for method in crate::support::configuration::METHODS {
        client.open_session(login(&Practitioner::nurse().id, method, "consultation")).unwrap();
    }
}

#[test]
fn a_suspended_application_is_denied() {
    let plan = application(|entry| drop(entry.insert("suspended".into(), true.into())));
    denies(plan, &physician_login(), "application-suspended");
}

#[test]
fn an_expired_homologation_is_denied() {
    let plan = |day: String| application(move |e| drop(e.insert("homologation_expires_on".into(), day.into())));
    let yesterday = time::OffsetDateTime::now_utc().date().previous_day().unwrap().to_string();
    denies(plan(yesterday), &physician_login(), "homologation-expired");
    let tomorrow = time::OffsetDateTime::now_utc().date().next_day().unwrap().to_string();
    let door = DoorAlone::open(plan(tomorrow));
    door.client().open_session(physician_login()).unwrap();
}

#[test]
fn an_unknown_practitioner_is_denied() {
    let stranger = with(physician_login(), "practitioner", Practitioner::named(0, "").id.into());
    denies(plan(), &stranger, "practitioner-unknown");
}

#[test]
fn a_suspended_practitioner_is_denied() {
    let plan = physician(|entry| drop(entry.insert("suspended".into(), true.into())));
    denies(plan, &physician_login(), "practitioner-suspended");
}

#[test]
fn a_practitioner_who_is_not_enrolled_is_denied() {
    let plan = physician(|entry| drop(entry.insert("enrolled".into(), false.into())));
    denies(plan, &physician_login(), "practitioner-not-enrolled");
}

#[test]
fn a_practitioner_without_training_is_denied() {
    denies(physician(|entry| drop(entry.remove("trained_on"))), &physician_login(), "training-missing");
}

#[test]
fn an_undeclared_method_is_denied() {
    let plan = plan().edit_config(|config| config["convention"]["methods"] = vec!["CPS"].into());
    let door = DoorAlone::open(plan);
    let mut client = door.client();
    for method in ["CARTE_ETS", "OTP_SMS", "APP_MOBILE_AUTH", "APP_BROWSER_AUTH", "CPS:CPSSANSCONTACT"] {
        let asked = login(&Practitioner::physician().id, method, "consultation");
        assert_eq!(brief(client.open_session(asked)), says("Denied", "method-not-declared"), "{method}");
    }
    client.open_session(physician_login()).unwrap();
}

#[test]
fn a_method_outside_the_entry_is_denied() {
    let plan = application(|entry| drop(entry.insert("methods".into(), vec!["OTP_SMS"].into())));
    denies(plan, &physician_login(), "method-not-allowed");
}

#[test]
fn a_method_without_a_published_value_is_denied_and_an_unknown_one_malformed() {
    // Even where convention and register name it: no value is published for it.
    let methods = ["CPS", "BLUETOOTH_PIN", "CONF_EXI_PGSSIS"];
    let door = DoorAlone::open(plan().methods(&methods));
    let mut client = door.client();
    let asked = |method: &str| with(physician_login(), "authentication.method", method.into());
    let denied = says("Denied", "method-not-allowed");
    assert_eq!(brief(client.open_session(asked("BLUETOOTH_PIN"))), denied);
    // Known, but to another profile.
    assert_eq!(brief(client.open_session(asked("CONF_EXI_PGSSIS"))), denied);
    for method in ["cps", "SmartcardPKI", "CPS ", ""] {
        let malformed = says("Malformed", "authentication.method");
        assert_eq!(brief(client.open_session(asked(method))), malformed, "{method:?}");
    }
}

#[test]
fn an_application_that_may_not_declare_needs_a_proof() {
    let door = DoorAlone::open(plan().may_declare(false));
    let mut client = door.client();
    assert_eq!(brief(client.open_session(physician_login())), says("Denied", "proof-required"));
    // Nor by the profile that asks for no login.
    let silent = with(with(physician_login(), "authentication", Value::Null), "profile", "dmp-indirecte".into());
    assert_eq!(brief(client.open_session(silent)), says("Denied", "proof-required"));
    // In test mode what the register does not forbid is taken (production: proofs::declared).
    let door = DoorAlone::open(application(|entry| drop(entry.remove("may_declare"))));
    door.client().open_session(physician_login()).unwrap();
}

#[test]
fn a_proof_that_nobody_can_verify_is_denied() {
    for may_declare in [true, false] {
        let proved = with(physician_login(), "authentication.proof", "eyJhbGciOiJub25lIn0.e30.".into());
        denies(plan().may_declare(may_declare), &proved, "proof-invalid");
    }
}

#[test]
fn a_service_outside_the_entry_is_denied() {
    let only = |names: &'static [&str]| {
        move |entry: &mut Table| drop(entry.insert("services".into(), names.to_vec().into()))
    };
    denies(application(only(&["urgences"])), &physician_login(), "service-not-allowed");
    denies(physician(only(&["urgences"])), &physician_login(), "service-not-allowed");
    denies(plan(), &with(physician_login(), "service", "radiologie".into()), "service-not-allowed");
    // No service in common, and none named.
    let plan = physician(only(&["urgences"])).edit_applications(|table| {
        table["application"][0]["services"] = vec!["consultation"].into();
    });
    denies(plan, &with(physician_login(), "service", Value::Null), "service-not-allowed");
}

#[test]
fn a_structure_that_is_not_declared_is_denied() {
    let structure = |id: &str| with(physician_login(), "structure", id.into());
    denies(plan(), &structure(STRUCTURES[1]), "structure-not-declared");
    // Declared, but not the practitioner's.
    let plan = physician(|entry| drop(entry.insert("structures".into(), vec![STRUCTURES[0]].into())));
    denies(plan.structures(&STRUCTURES), &structure(STRUCTURES[1]), "structure-not-declared");
}

#[test]
fn what_is_known_more_than_once_must_be_named() {
    let door = DoorAlone::open(plan().structures(&STRUCTURES));
    let mut client = door.client();
    let named = with(physician_login(), "structure", STRUCTURES[2].into());
    client.open_session(named.clone()).unwrap();
    for member in ["structure", "service"] {
        let silent = with(named.clone(), member, Value::Null);
        assert_eq!(brief(client.open_session(silent)), says("Malformed", member));
    }
    // Known once, it need not be named.
    let plan = physician(|entry| {
        entry.insert("structures".into(), vec![STRUCTURES[1]].into());
        entry.insert("services".into(), vec!["urgences"].into());
    });
    let door = DoorAlone::open(plan.structures(&STRUCTURES));
    door.client().open_session(with(physician_login(), "service", Value::Null)).unwrap();
}

#[test]
fn a_channel_outside_the_entry_or_the_profile_is_denied() {
    let web = with(physician_login(), "channel", "WEB_PS".into());
    denies(application(|e| drop(e.insert("channels".into(), vec!["LPS"].into()))), &web, "channel-not-allowed");
    // LPS is what is meant when nothing is said.
    let plan = application(|e| drop(e.insert("channels".into(), vec!["WEB_PS"].into())));
    denies(plan, &physician_login(), "channel-not-allowed");
    denies(self::plan(), &with(web.clone(), "profile", "dmp-indirecte".into()), "channel-not-allowed");
    DoorAlone::open(self::plan()).client().open_session(web).unwrap();
}

#[test]
fn a_profile_outside_the_entry_is_denied() {
    let asked = |name: &str| with(physician_login(), "profile", name.into());
    let only = |e: &mut Table| drop(e.insert("profiles".into(), vec!["dmp-indirecte"].into()));
    denies(application(only), &asked("dmp-air"), "profile-not-allowed");
    // The default profile is no exception.
    denies(application(only), &physician_login(), "profile-not-allowed");
    denies(plan(), &asked("dmp-aire"), "profile-not-allowed");
}

#[test]
fn the_simplified_and_the_indirect_profile_open_by_their_own_rules() {
    let door = DoorAlone::open(plan().methods(&["CPS", "CONF_EXI_PGSSIS"]));
    let mut client = door.client();
    let asked = |profile: &str, method: &str| {
        with(with(physician_login(), "profile", profile.into()), "authentication.method", method.into())
    };
    client.open_session(asked("dmp-air-simplifie", "CONF_EXI_PGSSIS")).unwrap();
    let refused = client.open_session(asked("dmp-air-simplifie", "CPS"));
    assert_eq!(brief(refused), says("Denied", "method-not-allowed"));
    client.open_session(asked("dmp-indirecte", "CPS")).unwrap();
    let silent = |profile: &str| with(asked(profile, "CPS"), "authentication", Value::Null);
    client.open_session(silent("dmp-indirecte")).unwrap();
    // Required by AIR profiles.
    for profile in ["dmp-air", "dmp-air-simplifie"] {
        let refused = client.open_session(silent(profile)).expect_err("refused");
        assert!(["Malformed", "InvalidParameter"].contains(&refused.brief().0), "{refused:?}");
        assert_eq!(refused.brief().1, "authentication");
    }
    assert_eq!(brief(client.open_session(json!({}))), says("InvalidParameter", "practitioner"));
}
