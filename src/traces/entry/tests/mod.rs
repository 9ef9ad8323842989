//! Entries of each kind for the tests, and the promises that hold for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod encoding;
mod golden;
mod properties;

use super::clear::{Clear, DataKeys};
use super::event::*;
use super::evidence::Evidence;
use super::identity::Iv;
use super::key::{DataKey, LookupKey};
use super::outcome::Outcome;
use super::word::Word;
use super::*;
use crate::vihf::identity::{Ins, InsOid};

pub(crate) fn word(text: &str) -> Word {
    Word::parse(text).unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

/// Practitioner `n` of the tests.
pub(crate) fn practitioner(n: u32) -> PsIdNat {
    PsIdNat::parse(&format!("075{n:07}")).unwrap()
}

pub(crate) fn patient() -> Patient {
    Patient { ins: Ins::parse("207058575627097").unwrap(), oid: InsOid::Test }
}

pub(crate) fn setting(n: u32) -> Setting<PsIdNat> {
    Setting {
        application: word("dpi"),
        practitioner: practitioner(n),
        service: word("cardiologie"),
        structure: word("1750000018"),
        channel: word("LPS"),
        profile: word("dmp-air"),
        method: Some(word("urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI")),
        evidence: Evidence::Proof(digest("proof")),
        login: Some(Instant::from_ms(1_799_999_000_000)),
        initial_login: None,
        configuration: digest("configuration"),
        convention: digest("convention"),
    }
}

pub(crate) fn issued(n: u32, session: u64) -> Event<PsIdNat, Patient> {
    Event::Issued(Box::new(Issued {
        setting: setting(n),
        session,
        nonce: digest("nonce"),
        transaction: word("TD3.1"),
        purpose: word("normal"),
        patient: Some(patient()),
        invisible_to_guardians: false,
        assertion_id: word("_7f2c1c1e-6e4b-4a1c-9a34-111111111111"),
        assertion: digest("assertion"),
        certificate: digest("certificate"),
        keyring: None,
        expires: Instant::from_ms(1_800_000_030_000),
    }))
}

/// As [`issued`], of a minor's care that the guardians shall not see.
fn invisible(n: u32, session: u64) -> Event<PsIdNat, Patient> {
    let Event::Issued(issued) = issued(n, session) else { unreachable!("an issue") };
    Event::Issued(Box::new(Issued { invisible_to_guardians: true, ..*issued }))
}

/// As [`issued`], sealed by a key that is in no token.
fn without_token(n: u32, session: u64) -> Event<PsIdNat, Patient> {
    let Event::Issued(issued) = issued(n, session) else { unreachable!("an issue") };
    Event::Issued(Box::new(Issued { keyring: Some(word("sealed")), ..*issued }))
}

pub(crate) fn refused(n: Option<u32>, count: u64) -> Event<PsIdNat, Patient> {
    Event::Refused(Box::new(Refused {
        application: word("dpi"),
        reason: word("transaction-not-allowed"),
        count,
        since: (count > 1).then(|| Instant::from_ms(1_799_999_999_000)),
        practitioner: n.map(practitioner),
        service: None,
        structure: None,
        channel: None,
        profile: None,
        method: None,
        evidence: None,
        login: None,
        initial_login: None,
        session: Some(1),
        nonce: n.map(|_| digest("nonce")),
        transaction: Some(word("TD0.3")),
        purpose: None,
        patient: n.map(|_| patient()),
        configuration: digest("configuration"),
        convention: digest("convention"),
    }))
}

pub(crate) fn start() -> Event<PsIdNat, Patient> {
    Event::Start(Start {
        software: word("0.1.0"),
        configuration: digest("configuration"),
        convention: digest("convention"),
    })
}

fn alarm(subject: &str, application: Option<&str>) -> Event<PsIdNat, Patient> {
    Event::Alarm(Alarm { subject: word(subject), measure: word("patients"), application: application.map(word) })
}

/// One event of each kind, and of those with another form.
fn each() -> Vec<(&'static str, Event<PsIdNat, Patient>)> {
    let mandate = Mandate { actor: word("alice"), order: digest("order") };
    vec![
        ("issued", issued(1, 1)),
        ("issued-invisible", invisible(1, 1)),
        ("issued-sealed-key", without_token(1, 1)),
        ("refused", refused(Some(1), 1)),
        ("refused-counted", refused(None, 4096)),
        (
            "session-opened",
            Event::SessionOpened(Box::new(SessionOpened {
                setting: setting(1),
                expires: Instant::from_ms(1_800_003_600_000),
            })),
        ),
        ("session-closed", Event::SessionClosed(SessionClosed { application: word("dpi"), session: 1 })),
        (
            "order",
            Event::Order(Order {
                verb: word("traces-purge"),
                actors: vec![word("alice"), word("bob")],
                order: digest("order"),
                refused: None,
            }),
        ),
        (
            "configuration",
            Event::Configuration(Configuration {
                configuration: digest("configuration"),
                convention: digest("convention"),
                mandate: Some(mandate.clone()),
            }),
        ),
        (
            "register",
            Event::Register(Register {
                register: word("practitioners"),
                content: digest("content"),
                mandate: Some(mandate),
            }),
        ),
        ("start", start()),
        ("stop", Event::Stop),
        ("outcome", Event::Outcome(OutcomeOf { of: 6, outcome: Outcome::Released })),
        ("alarm", alarm("practitioner", None)),
        ("alarm-application", alarm("application", Some("dpi"))),
    ]
}

pub(crate) fn lookup_key() -> LookupKey {
    LookupKey::new([1; 32])
}

fn keys() -> (DataKey, DataKey) {
    (DataKey::new(70_000, [2; 32]), DataKey::new(8, [3; 32]))
}

/// Sealed as entry 7, after entry 5 of the same practitioner.
fn sealed(event: Event<PsIdNat, Patient>) -> Entry {
    let lookup = lookup_key();
    let (practitioner_key, patient_key) = keys();
    let chained = match event.kind().chained() {
        Chained::Always => true,
        Chained::Sometimes => event.is_of_practitioner(),
        Chained::Never => false,
    };
    let link = Link::after(lookup.practitioner(&practitioner(1)), Some(Head { last: 5, count: 2 }));
    let keys = DataKeys {
        practitioner: Some((&practitioner_key, Iv([4; 12]))),
        patient: Some((&patient_key, Iv([5; 12]))),
    };
    let clear = Clear { time: Instant::from_ms(1_800_000_000_000), boot: 3, event };
    let lookups = clear.lookups(&lookup);
    clear.seal(7, chained.then_some(link), lookups, keys).unwrap()
}

fn leaves() -> Vec<Vec<u8>> {
    each().into_iter().map(|(_, event)| sealed(event).encode().unwrap()).collect()
}
