//! Every reason of `Denied` at the door: produced, told, recorded, and silent about everybody else.

use std::collections::BTreeSet;
use std::time::Duration;

use sceau::traces::entry::event::Event;
use serde_json::{Value, json};

use crate::doorstep::{consultation, physician_login, until, with};
use crate::registers::scene::{Scene, application, good};
use crate::support::configuration::{FAR, budgets};
use crate::support::establishment::user_name;
use crate::support::ledger::entries;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{Refused, ago, login};

/// The closed list of the contract.
const REASONS: [&str; 28] = [
    "application-unknown",
    "application-suspended",
    "homologation-expired",
    "practitioner-unknown",
    "practitioner-suspended",
    "practitioner-not-enrolled",
    "training-missing",
    "authenticator-revoked",
    "method-not-declared",
    "method-not-allowed",
    "proof-required",
    "proof-invalid",
    "login-too-old",
    "login-in-future",
    "contactless-delay-exceeded",
    "service-not-allowed",
    "structure-not-declared",
    "channel-not-allowed",
    "profile-not-allowed",
    "session-unknown",
    "session-expired",
    "transaction-not-allowed",
    "purpose-not-allowed",
    "patient-required",
    "patient-not-expected",
    "quota-exceeded",
    "establishment-suspended",
    "assertion-unknown",
];

/// Assertions of an hour that one practitioner may have here.
const QUOTA: usize = 6;
/// Age at which a login of the second service is too old, and life of its sessions.
const SHORT_MS: i64 = 2_000;

fn scene() -> Scene {
    let plan = Plan::new("denials").methods(&["CPS", "CPS:CPSSANSCONTACT", "OTP_SMS"]);
    let quota = u32::try_from(QUOTA).unwrap();
    let plan = plan.edit_config(move |config| {
        config.insert("guard".into(), budgets([[quota, quota], FAR, FAR, FAR, FAR, FAR]).into());
        config["service"][0].as_table_mut().unwrap().remove("purposes");
        config["service"][1]["login_age_max_ms"] = SHORT_MS.into();
    });
    let plan = plan.edit_applications(|register| {
        register["application"][0]["methods"] = vec!["CPS", "CPS:CPSSANSCONTACT", "CARTE_ETS"].into();
    });
    Scene::of(plan.edit_practitioners(|register| {
        let all = register["practitioner"].as_array_mut().unwrap();
        for one in all {
            let entry = one.as_table_mut().unwrap();
            match entry["id"].as_str().unwrap() {
                id if id == Practitioner::midwife().id => drop(entry.insert("enrolled".into(), false.into())),
                id if id == Practitioner::adeli().id => drop(entry.remove("trained_on")),
                id if id == Practitioner::emergency_physician().id => {
                    let lost = toml::toml! { method = "CPS" id = "8025" revoked = true };
                    entry.insert("authenticator".into(), vec![lost].into());
                }
                _ => {}
            }
        }
    }))
}

/// What a refusal may never repeat: professionals, patients, other applications, other services and structures.
fn strangers() -> Vec<String> {
    let mut words = vec!["daemon".to_owned(), "HOMOL-7".to_owned(), "HOMOL-DEMO-2026".to_owned()];
    words.extend(["Logiciel", "Démo LPS", "urgences", STRUCTURES[1], "8025"].map(str::to_owned));
    words.extend(PATIENTS.map(str::to_owned));
    let all = Practitioner::all();
    words.extend(all.iter().flat_map(|who| [who.id.clone(), who.name.clone()]));
    words
}

/// What was seen at the door.
struct Seen(BTreeSet<String>);

impl Seen {
    /// The call was denied for that reason, in words that tell of nobody else.
    fn denied<T: std::fmt::Debug>(&mut self, reason: &str, answer: Result<T, Refused>) {
        let refused = answer.expect_err(reason);
        assert_eq!(refused.brief(), ("Denied", reason), "{refused:?}");
        let parameters = refused.parameters.as_object().unwrap();
        assert_eq!(parameters.keys().collect::<Vec<_>>(), ["message", "reason"]);
        let message = parameters["message"].as_str().unwrap();
        assert!(message.len() > 20, "{message}");
        for word in strangers() {
            assert!(!message.to_lowercase().contains(&word.to_lowercase()), "{word} in {message}");
        }
        self.0.insert(reason.to_owned());
    }
}

fn by(who: &Practitioner) -> Value {
    login(&who.id, "CPS", "consultation")
}

#[test]
fn every_refusal_names_its_reason_is_recorded_and_tells_of_nobody_else() {
    let scene = scene();
    let mut client = scene.establishment.client();
    let mut seen = Seen(BTreeSet::new());
    let ours = |otherwise: &[(&str, &str)]| {
        good(&scene.import_applications(&[application(&user_name(), otherwise), application("daemon", &[])]));
    };
    let asked = |member: &str, value: Value| with(physician_login(), member, value);
    // Sessions.
    seen.denied("practitioner-unknown", client.open_session(by(&Practitioner::named(0, "PERSONNE"))));
    seen.denied("practitioner-not-enrolled", client.open_session(by(&Practitioner::midwife())));
    seen.denied("training-missing", client.open_session(by(&Practitioner::adeli())));
    seen.denied("authenticator-revoked", client.open_session(by(&Practitioner::emergency_physician())));
    seen.denied("method-not-declared", client.open_session(asked("authentication.method", "CARTE_ETS".into())));
    seen.denied("method-not-allowed", client.open_session(asked("authentication.method", "OTP_SMS".into())));
    seen.denied("method-not-allowed", client.open_session(asked("authentication.method", "BLUETOOTH_PIN".into())));
    seen.denied("proof-invalid", client.open_session(asked("authentication.proof", "a.b.c".into())));
    let old = ago(Duration::from_secs(5 * 3600));
    seen.denied("login-too-old", client.open_session(asked("authentication.instant", old.clone().into())));
    let ahead = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
    let ahead = ahead.format(&time::format_description::well_known::Rfc3339).unwrap();
    seen.denied("login-in-future", client.open_session(asked("authentication.instant", ahead.into())));
    let contactless = login(&Practitioner::physician().id, "CPS:CPSSANSCONTACT", "consultation");
    let late = with(contactless, "authentication.initial_instant", old.into());
    seen.denied("contactless-delay-exceeded", client.open_session(late));
    seen.denied("service-not-allowed", client.open_session(asked("service", "radiologie".into())));
    seen.denied("structure-not-declared", client.open_session(asked("structure", STRUCTURES[2].into())));
    let web = with(asked("channel", "WEB_PS".into()), "profile", "dmp-indirecte".into());
    seen.denied("channel-not-allowed", client.open_session(web));
    seen.denied("profile-not-allowed", client.open_session(asked("profile", "dmp-terre".into())));
    // Assertions.
    let session = client.open_session(physician_login()).unwrap();
    let question = consultation(&session, PATIENTS[0]);
    let ask = |member: &str, value: Value| with(question.clone(), member, value);
    seen.denied("session-unknown", client.issue(ask("session", "x".into())));
    seen.denied("transaction-not-allowed", client.issue(ask("transaction", "2.1".into())));
    // The service has not been given it.
    seen.denied("purpose-not-allowed", client.issue(ask("purpose", "bris_de_glace".into())));
    seen.denied("patient-required", client.issue(ask("patient", Value::Null)));
    seen.denied("patient-not-expected", client.issue(ask("transaction", "0.4".into())));
    let report = json!({ "id": "_1b4e28ba-2fa1-11d2-883f-0016d3cca427", "outcome": "unused" });
    seen.denied("assertion-unknown", client.call("fr.sceau.Token.Report", report));
    let brief = login(&Practitioner::physician().id, "CPS", "urgences");
    let brief = with(brief, "authentication.instant", ago(Duration::ZERO).into());
    let brief = client.open_session(brief).unwrap();
    let search = with(consultation(&brief, PATIENTS[0]), "transaction", "0.4".into());
    let search = with(search, "patient", Value::Null);
    // Refused for its purpose until it ends, so that no quota is used up.
    let search = with(with(search, "transaction", "0.5".into()), "purpose", "normal".into());
    until("the session ends", || client.issue(search.clone()).unwrap_err().brief().1 == "session-expired");
    seen.denied("session-expired", client.issue(search));
    // Volumes: the one who asks for too much is suspended.
    let nurse = client.open_session(by(&Practitioner::nurse())).unwrap();
    for _ in 0..QUOTA {
        client.consult(&nurse, PATIENTS[0]).unwrap();
    }
    seen.denied("quota-exceeded", client.consult(&nurse, PATIENTS[0]));
    seen.denied("practitioner-suspended", client.consult(&nurse, PATIENTS[0]));
    // The application itself, for the session that is open.
    ours(&[("may_declare", "non")]);
    seen.denied("proof-required", client.issue(question.clone()));
    ours(&[("homologation_expires_on", "2026-01-31")]);
    seen.denied("homologation-expired", client.issue(question.clone()));
    good(&scene.import_applications(&[application("daemon", &[])]));
    seen.denied("application-unknown", client.issue(question.clone()));
    ours(&[]);
    good(&scene.practitioner("", &["suspend", "--application", &user_name()], &["bob"]));
    seen.denied("application-suspended", client.issue(question.clone()));
    good(&scene.practitioner("", &["suspend", "--establishment"], &["bob"]));
    seen.denied("establishment-suspended", client.issue(question));
    assert_eq!(seen.0, REASONS.iter().map(|reason| (*reason).to_owned()).collect());
    // Each has its entry, with the application and, where somebody was named, the practitioner's chain.
    let recorded = || -> BTreeSet<String> {
        let refused = entries(&scene.establishment).into_iter().filter_map(|entry| match entry.event {
            Event::Refused(refused) => Some((refused, entry.link.is_some())),
            _ => None,
        });
        refused
            .map(|(refused, is_linked)| {
                let reason = refused.reason.as_str().to_owned();
                let stranger = reason == "application-unknown";
                assert_eq!(refused.application.as_str().starts_with("uid:"), stranger, "{reason}");
                assert_eq!(refused.practitioner.is_some(), is_linked, "{reason}");
                reason
            })
            .collect()
    };
    until("every entry", || recorded() == seen.0);
    // Nor does the log tell of people.
    let log = scene.daemons.sceaud.log();
    let people = Practitioner::all().into_iter().flat_map(|who| [who.id, who.name]);
    for word in people.chain(PATIENTS.map(str::to_owned)) {
        assert!(!log.contains(&word), "{word} in\n{log}");
    }
}
