//! The matrix of assertions that the outside verifiers read: every key type, profile, method, kind of practitioner, purpose
//! and patient, through the real programs.

mod own_profile;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::certificate::SealCertificate;
use crate::support::configuration::{METHODS, PROFILES, SIMPLIFIED_METHOD};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::ledger::issued;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::practitioners::{HOSTILE_NAMES, PATIENTS, Practitioner};
use crate::support::seal::SealPlan;
use crate::support::varlink::{Client, Issued, login};

const PURPOSES: [&str; 3] = ["normal", "bris_de_glace", "centre_15"];
const NIR: &str = "1.2.250.1.213.1.4.8";
const NIA: &str = "1.2.250.1.213.1.4.9";
const TEST_PATIENT: &str = "1.2.250.1.213.1.4.10";
/// Practitioners of one method of one profile; the others follow with the next key type.
const PRACTITIONERS_EACH: usize = 6;

/// One patient, or none, as the application names it; and what the assertion's `resource-id` says.
struct Subject {
    kind: &'static str,
    patient: Value,
    resource_id: Option<String>,
}

fn subjects() -> Vec<Subject> {
    let resource_id = |ins: &str, oid: &str| Some(format!(">{ins}^^^&amp;{oid}&amp;ISO^NH<"));
    let of = |kind, ins: &str, oid: &str| Subject {
        kind,
        patient: json!({ "ins": ins, "oid": oid }),
        resource_id: resource_id(ins, oid),
    };
    vec![
        Subject { kind: "none", patient: Value::Null, resource_id: None },
        Subject {
            kind: "by default a NIR",
            patient: json!({ "ins": PATIENTS[0] }),
            resource_id: resource_id(PATIENTS[0], NIR),
        },
        of("NIR", PATIENTS[1], NIR),
        of("Corsica B", PATIENTS[2], NIR),
        of("Corsica A", "155012A12300151", NIR),
        of("NIA", PATIENTS[4], NIA),
        of("test", PATIENTS[6], TEST_PATIENT),
    ]
}

/// A login, or none where the profile can do without.
struct Entry {
    profile: &'static str,
    method: Option<&'static str>,
}

fn entries() -> Vec<Entry> {
    let [air, simplified, indirect] = PROFILES;
    let mut all = vec![
        Entry { profile: simplified, method: Some(SIMPLIFIED_METHOD) },
        Entry { profile: indirect, method: None },
    ];
    for profile in [air, indirect] {
        all.extend(METHODS.map(|method| Entry { profile, method: Some(method) }));
    }
    all
}

fn establishment(key: KeyType, keys: KeyOrigin) -> Establishment {
    let methods = [&METHODS[..], &[SIMPLIFIED_METHOD]].concat();
    // The Issuer is the certificate's subject: hostile like the other names.
    let certificate =
        SealCertificate::of(STRUCTURES[0]).organisation(HOSTILE_NAMES[0]).common_name(HOSTILE_NAMES[1]);
    let seal = SealPlan { certificate, origin: keys, ..SealPlan::of(STRUCTURES[0], "seal-a", key) };
    let mut plan = Plan::new(&format!("issuance-{}", key.name())).keys(keys).seal(seal).methods(&methods);
    for (number, name) in HOSTILE_NAMES.iter().enumerate() {
        plan = plan.practitioner(Practitioner::named(number, name));
    }
    // The applications' own words are as hostile.
    let names = plan.edit_applications(|register| {
        let application = register["application"][0].as_table_mut().unwrap();
        application.insert("lps_name".into(), HOSTILE_NAMES[0].into());
        application.insert("lps_version".into(), HOSTILE_NAMES[2].into());
    });
    names.build()
}

fn open(client: &mut Client, practitioner: &Practitioner, entry: &Entry) -> String {
    let mut opening = login(&practitioner.id, entry.method.unwrap_or(""), "consultation");
    opening["profile"] = entry.profile.into();
    if entry.method.is_none() {
        opening.as_object_mut().unwrap().remove("authentication");
    }
    client
        .open_session(opening)
        .unwrap_or_else(|refused| panic!("{} {:?}: {refused:?}", entry.profile, entry.method))
}

fn issue(client: &mut Client, session: &str, entry: &Entry, subject: &Subject, purpose: &str) -> Issued {
    let transaction = match (&subject.patient, entry.profile) {
        (Value::Null, _) => "0.1",
        (_, "dmp-indirecte") => "2.1",
        _ => "3.1",
    };
    let mut ask = json!({ "session": session, "transaction": transaction, "purpose": purpose });
    if !subject.patient.is_null() {
        ask["patient"] = subject.patient.clone();
    }
    client.issue(ask).unwrap_or_else(|refused| panic!("{} {transaction} {purpose}: {refused:?}", entry.profile))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What the verifiers cannot know: that the assertion says what was asked.
fn check(issued: &Issued, practitioner: &Practitioner, entry: &Entry, subject: &Subject, purpose: &str) {
    let text = &issued.assertion;
    let value =
        |name: &str, value: &str| format!("Name=\"{name}\"><saml:AttributeValue>{value}</saml:AttributeValue>");
    let indirect = entry.profile == "dmp-indirecte";
    let mut parts = vec![
        format!(" ID=\"{}\" IssueInstant=\"{}\"", issued.id, issued.issued_at),
        format!("NotBefore=\"{}\" NotOnOrAfter=\"{}\"", issued.issued_at, issued.expires_at),
        format!(">CN={},OU={},O=", HOSTILE_NAMES[1], STRUCTURES[0]),
        format!("<saml:NameID>{}</saml:NameID>", practitioner.id),
        value("urn:oasis:names:tc:xspa:1.0:subject:subject-id", &escaped(&practitioner.name)),
        value("Authentification_mode", if indirect { "INDIRECTE" } else { "INDIRECTE_RENFORCEE" }),
        format!(" code=\"{}\" codeSystem=\"1.2.250.1.71.1.2.7\"", practitioner.profession),
        format!(
            "<PurposeOfUse xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" code=\"{purpose}\""
        ),
        value("LPS_Nom", &escaped(HOSTILE_NAMES[0])),
        value("LPS_Version", &escaped(HOSTILE_NAMES[2])),
    ];
    parts.extend(
        practitioner.specialty.iter().map(|code| format!(" code=\"{code}\" codeSystem=\"1.2.250.1.71.4.2.5\"")),
    );
    parts.extend(
        practitioner.section.iter().map(|code| format!(" code=\"{code}\" codeSystem=\"1.2.250.1.71.4.2.6\"")),
    );
    parts.extend(subject.resource_id.clone());
    let decl = entry.method.filter(|_| !indirect);
    parts.extend(decl.map(|method| format!("<saml:AuthnContextDecl>{method}</saml:AuthnContextDecl>")));
    for part in parts {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
    assert_eq!(text.contains("<saml:AuthnContextDecl>"), decl.is_some(), "{text}");
    assert_eq!(text.contains(":resource-id\""), subject.resource_id.is_some(), "{text}");
}

/// Every profile and method with its share of practitioners; purposes and patients go round at different paces, so that
/// each of them meets each of the others over the key types.
fn matrix(key: KeyType) {
    KeyOrigin::KEYRINGS.into_iter().for_each(|keys| matrix_of(key, keys));
}

fn matrix_of(key: KeyType, keys: KeyOrigin) {
    let establishment = establishment(key, keys);
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let (subjects, entries) = (subjects(), entries());
    let first = KeyType::ALL.iter().position(|other| *other == key).unwrap();
    let mut round = first;
    let (mut practitioners, mut kinds, mut purposes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut ids = BTreeSet::new();
    for entry in &entries {
        for _ in 0..PRACTITIONERS_EACH {
            let practitioner = &establishment.practitioners[round % establishment.practitioners.len()];
            let subject = &subjects[round % subjects.len()];
            // Plain indirect authentication knows the normal purpose alone.
            let purpose =
                if entry.profile == "dmp-indirecte" { PURPOSES[0] } else { PURPOSES[round % PURPOSES.len()] };
            round += 1;
            let session = open(&mut client, practitioner, entry);
            let issued = issue(&mut client, &session, entry, subject, purpose);
            check(&issued, practitioner, entry, subject, purpose);
            practitioners.insert(&practitioner.id);
            kinds.insert(subject.kind);
            purposes.insert(purpose);
            assert!(ids.insert(issued.id), "an id twice");
        }
    }
    println!("{} {keys:?}: {} assertions", key.name(), ids.len());
    assert_eq!(ids.len(), entries.len() * PRACTITIONERS_EACH);
    assert_eq!(practitioners.len(), establishment.practitioners.len(), "a practitioner without an assertion");
    assert_eq!((kinds.len(), purposes.len()), (subjects.len(), PURPOSES.len()), "{kinds:?} {purposes:?}");
    assert_eq!(issued(&establishment), ids.len());
}

#[test]
fn rsa_2048_seals_the_whole_matrix() {
    matrix(KeyType::Rsa2048);
}

#[test]
fn rsa_3072_seals_the_whole_matrix() {
    matrix(KeyType::Rsa3072);
}

#[test]
fn rsa_4096_seals_the_whole_matrix() {
    matrix(KeyType::Rsa4096);
}

#[test]
fn p_256_seals_the_whole_matrix() {
    matrix(KeyType::P256);
}

#[test]
fn p_384_seals_the_whole_matrix() {
    matrix(KeyType::P384);
}
