//! The rights tables at the door: every question there is, against an own reading of the tables' files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::doorstep::{brief, consultation, physician_login, says, until, with};
use crate::support::configuration::PROFILES;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{Client, Issued, Refused, login};

/// Purposes in the words of the contract, beside the column of the AIR table (its header explains them).
pub(crate) const PURPOSES: [(&str, &str); 3] =
    [("normal", "normal"), ("centre_15", "regulation"), ("bris_de_glace", "emergency")];
const CHANNELS: [&str; 2] = ["LPS", "WEB_PS"];

/// A table by transaction, then by column.
pub(crate) type Table = BTreeMap<String, BTreeMap<String, String>>;

/// The official table of that file: a copy beside the tests, so that no edit of the product's own goes unseen.
pub(crate) fn table(file: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rights").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t'));
    let header: Vec<&str> = lines.next().unwrap().collect();
    let row = |cells: std::str::Split<'_, char>| {
        header.iter().map(ToString::to_string).zip(cells.map(ToOwned::to_owned)).collect::<BTreeMap<_, _>>()
    };
    lines.map(row).map(|row| (row["transaction"].clone(), row)).collect()
}

/// One question at the door.
pub(crate) struct Question<'a> {
    pub(crate) scope: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) physician: bool,
    pub(crate) transaction: &'a str,
    pub(crate) purpose: (&'a str, &'a str),
    pub(crate) patient: bool,
}

/// Every reason for which the tables refuse it; none: it is permitted.
pub(crate) fn reasons(question: &Question<'_>, air: &Table, indirect: &Table) -> BTreeSet<&'static str> {
    let is_indirect = question.profile == "dmp-indirecte";
    let Some(row) = if is_indirect { indirect } else { air }.get(question.transaction) else {
        return BTreeSet::from(["transaction-not-allowed"]);
    };
    let mut reasons = BTreeSet::new();
    if is_indirect {
        if row[question.channel] != "o" {
            reasons.insert("transaction-not-allowed");
        }
        // "Purpose `normal` only."
        if question.purpose.0 != "normal" {
            reasons.insert("purpose-not-allowed");
        }
    } else {
        let who = if question.physician { "physician" } else { "other" };
        let column = |purpose: &str| row[&format!("{who}_{purpose}")] == "o";
        let scope = row["scope"].as_str();
        let open = scope == "consultation" || (scope == "table-2025" && question.scope == "table-2025");
        if !open || !PURPOSES.iter().any(|(_, purpose)| column(purpose)) {
            reasons.insert("transaction-not-allowed");
        }
        if !column(question.purpose.1) {
            reasons.insert("purpose-not-allowed");
        }
    }
    match (row["patient"].as_str(), question.patient) {
        ("yes", false) => drop(reasons.insert("patient-required")),
        ("no", true) => drop(reasons.insert("patient-not-expected")),
        _ => {}
    }
    // A transaction that is closed altogether is not a matter of purpose.
    if reasons.contains("transaction-not-allowed") {
        reasons.remove("purpose-not-allowed");
    }
    reasons
}

fn establishment(scope: &'static str) -> Establishment {
    let plan = Plan::new("rights").key_type(KeyType::P256).methods(&["CPS", "CONF_EXI_PGSSIS"]);
    plan.edit_config(move |config| config["convention"]["rights"] = scope.into()).build()
}

fn session(client: &mut Client, profile: &str, channel: &str, physician: bool) -> Result<String, Refused> {
    let who = if physician { Practitioner::physician() } else { Practitioner::nurse() };
    let method = if profile == "dmp-air-simplifie" { "CONF_EXI_PGSSIS" } else { "CPS" };
    let asked = with(login(&who.id, method, "consultation"), "profile", profile.into());
    client.open_session(with(asked, "channel", channel.into()))
}

fn ask(client: &mut Client, session: &str, question: &Question<'_>) -> Result<Issued, Refused> {
    let asked = with(consultation(session, PATIENTS[0]), "transaction", question.transaction.into());
    let asked = with(asked, "purpose", question.purpose.0.into());
    client.issue(if question.patient { asked } else { with(asked, "patient", Value::Null) })
}

/// Asks everything in one scope; how many questions were permitted and refused.
fn ask_everything(scope: &'static str) -> (usize, usize) {
    let (air, indirect) = (table("air-rights.tsv"), table("indirect-rights.tsv"));
    let transactions: BTreeSet<&String> = air.keys().chain(indirect.keys()).collect();
    let establishment = establishment(scope);
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let (mut permitted, mut refused) = (0, 0);
    for profile in PROFILES {
        for (channel, physician) in CHANNELS.into_iter().flat_map(|channel| [(channel, true), (channel, false)]) {
            let session = match session(&mut client, profile, channel, physician) {
                Ok(session) => session,
                // Plain indirect has no Web-PS channel (deck): nothing can be asked.
                Err(no) => {
                    assert_eq!((profile, channel), ("dmp-indirecte", "WEB_PS"));
                    assert_eq!(no.brief(), ("Denied", "channel-not-allowed"));
                    continue;
                }
            };
            for &transaction in &transactions {
                for (purpose, patient) in
                    PURPOSES.into_iter().flat_map(|purpose| [(purpose, true), (purpose, false)])
                {
                    let question = Question { scope, profile, channel, physician, transaction, purpose, patient };
                    let reasons = reasons(&question, &air, &indirect);
                    let words = format!(
                        "{scope} {profile} {channel} physician={physician} {transaction} {} patient={patient}",
                        purpose.0
                    );
                    match ask(&mut client, &session, &question) {
                        Ok(issued) => {
                            assert!(reasons.is_empty(), "{words}: issued, but {reasons:?}");
                            assert_eq!(issued.assertion.contains("resource:resource-id"), patient, "{words}");
                            assert!(issued.assertion.contains(&format!("code=\"{}\"", purpose.0)), "{words}");
                            permitted += 1;
                        }
                        Err(no) => {
                            let (error, reason) = no.brief();
                            assert!(
                                error == "Denied" && reasons.contains(reason),
                                "{words}: {no:?}, not {reasons:?}"
                            );
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    (permitted, refused)
}

#[test]
fn a_transaction_outside_the_table_is_denied() {
    let (few, refused) = ask_everything("consultation");
    let (many, _) = ask_everything("table-2025");
    // The tables were read, and the scope matters.
    assert!(few > 100 && refused > few && many > few, "{few} and {refused}, {many}");
}

#[test]
fn feeding_is_never_open_to_air() {
    let establishment = establishment("table-2025");
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    for transaction in ["2.1", "2.2"] {
        let asked = with(consultation(&session, PATIENTS[0]), "transaction", transaction.into());
        assert_eq!(brief(client.issue(asked)), says("Denied", "transaction-not-allowed"));
    }
    let indirect = client.open_session(with(physician_login(), "profile", "dmp-indirecte".into())).unwrap();
    let asked = |transaction: &str| with(consultation(&indirect, PATIENTS[0]), "transaction", transaction.into());
    client.issue(asked("2.1")).unwrap();
    assert_eq!(
        brief(client.issue(asked("3.1"))),
        says("Denied", "transaction-not-allowed"),
        "and the other way round"
    );
}

#[test]
fn a_patient_transaction_needs_a_patient() {
    let establishment = establishment("consultation");
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let search = consultation(&session, PATIENTS[0]);
    assert_eq!(
        brief(client.issue(with(search.clone(), "patient", Value::Null))),
        says("Denied", "patient-required")
    );
    let list = with(search.clone(), "transaction", "0.4".into());
    assert_eq!(brief(client.issue(list.clone())), says("Denied", "patient-not-expected"));
    let issued = client.issue(search).unwrap();
    assert_eq!(issued.assertion.matches(PATIENTS[0]).count(), 1, "one patient, once");
    let issued = client.issue(with(list, "patient", Value::Null)).unwrap();
    assert!(!PATIENTS.iter().any(|ins| issued.assertion.contains(ins)), "no patient");
}

#[test]
fn an_unknown_transaction_or_purpose_is_malformed() {
    let establishment = establishment("table-2025");
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let long = "3".repeat(10_000);
    for unknown in ["9.9", "3.10", "TD3.1", " 3.1", "3.1\u{0}", "transaction", "", &long] {
        let asked = with(consultation(&session, PATIENTS[0]), "transaction", unknown.into());
        assert_eq!(brief(client.issue(asked)), says("Malformed", "transaction"), "{unknown:?}");
    }
    for unknown in ["Normal", "urgence", "emergency", "regulation", "15", ""] {
        let asked = with(consultation(&session, PATIENTS[0]), "purpose", unknown.into());
        assert_eq!(brief(client.issue(asked)), says("Malformed", "purpose"), "{unknown:?}");
    }
}

/// Bris de glace and centre 15 are a service's own right, beside the table's; without a word it has neither.
#[test]
fn a_service_has_the_purposes_that_it_was_given() {
    let plan = Plan::new("purposes").key_type(KeyType::P256).edit_config(|config| {
        config["service"][0].as_table_mut().unwrap().remove("purposes");
        config["service"][1]["purposes"] = vec!["bris_de_glace"].into();
    });
    let establishment = plan.build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let given = [("consultation", "normal"), ("urgences", "bris_de_glace")];
    for (service, own) in given {
        let session = client.open_session(login(&Practitioner::physician().id, "CPS", service)).unwrap();
        for (purpose, _) in PURPOSES {
            let asked = with(consultation(&session, PATIENTS[0]), "purpose", purpose.into());
            match client.issue(asked) {
                Ok(issued) => assert!(purpose == own && issued.assertion.contains(purpose), "{service} {purpose}"),
                Err(no) => {
                    assert_eq!(no.brief(), ("Denied", "purpose-not-allowed"));
                    assert!(purpose != own && no.parameters["message"].as_str().unwrap().contains("purposes"));
                }
            }
        }
    }
    // What was beyond normal access is told.
    assert_eq!(client.status()["exceptional"], json!([{ "purpose": "bris_de_glace", "count": 1 }]));
    until("the log tells", || daemons.sceaud.log().contains("exceptional-access"));
    let tables: Vec<_> =
        client.status()["rights"].as_array().unwrap().iter().map(|one| one["table"].clone()).collect();
    assert_eq!(tables, ["air", "indirect"]);
}

#[test]
fn a_minor_s_secret_connection_is_refused_while_no_profile_gives_its_form() {
    let establishment = establishment("consultation");
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let asked = |value: bool| with(consultation(&session, PATIENTS[0]), "invisible_to_guardians", value.into());
    assert_eq!(brief(client.issue(asked(true))).0, "Denied");
    client.issue(asked(false)).unwrap();
}

/// Milliseconds between two instants of an answer.
fn span_ms(from: &str, to: &str) -> i128 {
    let ms = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp_nanos() / 1_000_000;
    ms(to) - ms(from)
}

#[test]
fn a_lifetime_never_exceeds_thirty_seconds() {
    // The first service asks for five minutes, the second for seven seconds.
    let establishment = Plan::new("rights").key_type(KeyType::P256).methods(&["CPS", "CONF_EXI_PGSSIS"]);
    let establishment = establishment.edit_config(|config| {
        config["service"][0]["lifetime_ms"] = 300_000.into();
        config["service"][1]["lifetime_ms"] = 7_000.into();
    });
    let establishment = establishment.build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    for profile in PROFILES {
        for (service, lifetime_ms) in [("consultation", 30_000), ("urgences", 7_000)] {
            let method = if profile == "dmp-air-simplifie" { "CONF_EXI_PGSSIS" } else { "CPS" };
            let asked = with(login(&Practitioner::physician().id, method, service), "profile", profile.into());
            let session = client.open_session(asked).unwrap();
            let asked = json!({
                "session": session, "transaction": "0.2", "purpose": "normal", "patient": { "ins": PATIENTS[0] },
            });
            let issued = client.issue(asked).unwrap();
            assert_eq!(span_ms(&issued.issued_at, &issued.expires_at), lifetime_ms, "{profile} {service}");
            let valid = format!("NotBefore=\"{}\" NotOnOrAfter=\"{}\"", issued.issued_at, issued.expires_at);
            assert!(issued.assertion.contains(&valid), "{valid} is not in {}", issued.assertion);
        }
    }
}
