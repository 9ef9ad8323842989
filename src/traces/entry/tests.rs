//! Golden bytes of each kind, one encoding for each entry, and what a destroyed key leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;

use super::clear::{Clear, DataKeys, SealError};
use super::event::*;
use super::evidence::Evidence;
use super::identity::{DataKey, IdentityError, Iv, LookupKey, SealedPatient};
use super::outcome::Outcome;
use super::word::{WORD_LEN_MAX, Word};
use super::*;
use crate::traces::digest::Digest;
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

fn patient() -> Patient {
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
        assertion_id: word("_7f2c1c1e-6e4b-4a1c-9a34-111111111111"),
        assertion: digest("assertion"),
        certificate: digest("certificate"),
        expires: Instant::from_ms(1_800_000_030_000),
    }))
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

/// One event of each kind, and a counted refusal.
fn each() -> Vec<(&'static str, Event<PsIdNat, Patient>)> {
    let mandate = Mandate { actor: word("alice"), order: digest("order") };
    vec![
        ("issued", issued(1, 1)),
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
        Chained::Sometimes => event.practitioner().is_some(),
        Chained::Never => false,
    };
    let link = Link::after(lookup.practitioner(&practitioner(1)), Some(Head { last: 5, count: 2 }));
    let keys = DataKeys {
        practitioner: Some((&practitioner_key, Iv([4; 12]))),
        patient: Some((&patient_key, Iv([5; 12]))),
    };
    let clear = Clear { time: Instant::from_ms(1_800_000_000_000), boot: 3, event };
    clear.seal(7, chained.then_some(link), &lookup, keys).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n").collect()
}

fn leaves() -> Vec<Vec<u8>> {
    each().into_iter().map(|(_, event)| sealed(event).encode().unwrap()).collect()
}

#[test]
fn each_kind_has_its_golden_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/traces");
    let mut kinds: Vec<&str> = Vec::new();
    for (name, event) in each() {
        kinds.push(event.kind().name());
        let entry = sealed(event);
        let leaf = entry.encode().unwrap();
        let golden = std::fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap_or_default();
        assert_eq!(hex(&leaf), golden, "{name}: format 1 is frozen");
        assert_eq!(Entry::decode(&leaf).unwrap(), entry, "{name}");
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(&kind.name())));
}

#[test]
fn nobody_is_clear_in_a_leaf() {
    let who = practitioner(1);
    let patient = patient();
    for leaf in leaves() {
        for identity in [who.as_str(), patient.ins.as_str(), &who.as_str()[1..], &patient.ins.as_str()[..13]] {
            assert!(!leaf.windows(identity.len()).any(|window| window == identity.as_bytes()));
        }
    }
}

#[test]
fn identities_open_with_their_key_at_their_place_alone() {
    let (who, whose) = keys();
    let entry = sealed(issued(1, 1));
    assert_eq!(entry.practitioner(&who), Ok(Some(practitioner(1))));
    assert_eq!(entry.patient(&whose).unwrap().unwrap().ins, patient().ins);
    assert_eq!(entry.practitioner(&whose), Err(IdentityError::NotOpened));
    assert!(matches!(entry.patient(&who), Err(IdentityError::NotOpened)));
    let moved = Entry { index: 8, ..entry.clone() };
    assert_eq!(moved.practitioner(&who), Err(IdentityError::NotOpened));
    // A destroyed key destroys the data; the entry verifies as before.
    let replaced = DataKey::new(70_000, [9; 32]);
    assert_eq!(entry.practitioner(&replaced), Err(IdentityError::NotOpened));
    assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
    assert_eq!(sealed(Event::Stop).practitioner(&who), Ok(None));
}

#[test]
fn a_lookup_needs_its_key_and_tells_systems_apart() {
    let other = LookupKey::new([7; 32]);
    assert_ne!(lookup_key().practitioner(&practitioner(1)), other.practitioner(&practitioner(1)));
    let nir = Patient { oid: InsOid::Nir, ..patient() };
    assert_ne!(lookup_key().patient(&patient()), lookup_key().patient(&nir));
}

#[test]
fn an_entry_is_sealed_for_its_own_practitioner_with_the_keys_it_needs() {
    let lookup = lookup_key();
    let clear = || Clear { time: Instant::from_ms(0), boot: 0, event: issued(1, 1) };
    let mine = Link::after(lookup.practitioner(&practitioner(1)), None);
    let other = Link::after(lookup.practitioner(&practitioner(2)), None);
    let none = DataKeys::default;
    assert!(matches!(clear().seal(2, Some(other), &lookup, none()), Err(SealError::LinkOfAnother)));
    assert!(matches!(clear().seal(2, None, &lookup, none()), Err(SealError::LinkOfAnother)));
    assert!(matches!(clear().seal(2, Some(mine), &lookup, none()), Err(SealError::NoKey)));
}

#[test]
fn another_version_says_so() {
    // [2, "whatever"]: nothing but the version is read.
    let error = Entry::decode(b"\x82\x02\x68whatever").unwrap_err();
    assert!(matches!(error, EntryError::Version(2)), "{error}");
    assert_eq!(error.to_string(), "entry format 2 is unknown; this software reads format 1");
}

#[test]
fn another_encoding_is_refused() {
    let stop = sealed(Event::Stop).encode().unwrap();
    // 86 01 07 1b.. 03 09 a0
    assert_eq!((stop[..3].to_vec(), stop[12..].to_vec()), (vec![0x86, 1, 7], vec![3, 9, 0xa0]));
    let head = stop[..stop.len() - 1].to_vec();
    let with = |facts: &[u8]| [&head, facts].concat();
    let cases: [(&str, Vec<u8>); 12] = [
        ("a byte after the end", [&stop[..], &[0]].concat()),
        ("cut", stop[..stop.len() - 1].to_vec()),
        ("empty", Vec::new()),
        ("an unknown fact", with(&[0xa1, 0x18, 0x63, 0x01])),
        ("a fact of another kind", with(&[0xa1, 0x0c, 0x01])),
        ("an indefinite map", with(&[0xbf, 0xff])),
        ("a null fact", with(&[0xa1, 0x0c, 0xf6])),
        ("a tag", [&[0xc0], &stop[..]].concat()),
        ("a long integer", [&[0x86, 0x01, 0x18, 0x07], &stop[3..]].concat()),
        ("a long version", [&[0x86, 0x18, 0x01], &stop[2..]].concat()),
        ("an indefinite array", [&[0x9f], &stop[1..], &[0xff]].concat()),
        ("five parts", [&[0x85], &stop[1..]].concat()),
    ];
    for (what, leaf) in cases {
        assert!(Entry::decode(&leaf).is_err(), "{what}");
    }
    let closed = sealed(Event::SessionClosed(SessionClosed { application: word("a"), session: 1 }));
    let leaf = closed.encode().unwrap();
    // The facts: application, link, session. Turned round, doubled.
    let at = 14;
    assert_eq!(leaf[at], 0xa3);
    let (application, rest) = (&leaf[at + 1..at + 4], &leaf[at + 4..]);
    assert_eq!(application, [1, 0x61, b'a']);
    for facts in [[&[0xa3], rest, application].concat(), [&[0xa4], application, application, rest].concat()] {
        assert!(Entry::decode(&[&leaf[..at], &facts].concat()).is_err());
    }
    assert!(matches!(Entry::decode(&vec![0; LEAF_LEN_MAX + 1]), Err(EntryError::TooLong(_))));
    let kind = [&stop[..13], &[11, 0xa0]].concat();
    assert!(matches!(Entry::decode(&kind), Err(EntryError::Kind(11))));
    let lacking = [&stop[..13], &[8, 0xa0]].concat();
    assert!(matches!(Entry::decode(&lacking), Err(EntryError::Missing("software"))));
}

#[test]
fn what_no_reader_would_accept_is_not_written() {
    let outcome = sealed(Event::Outcome(OutcomeOf { of: 6, outcome: Outcome::Unused }));
    let link = outcome.link.unwrap();
    let broken = [
        Entry { link: None, ..outcome.clone() },
        Entry { link: Some(Link { previous: Some(7), ..link }), ..outcome.clone() },
        Entry { link: Some(Link { previous: None, ..link }), ..outcome.clone() },
        Entry { link: Some(Link { number: 1, ..link }), ..outcome.clone() },
        Entry { event: Event::Outcome(OutcomeOf { of: 7, outcome: Outcome::Unused }), ..outcome.clone() },
        Entry { event: Event::Stop, ..outcome },
    ];
    for entry in broken {
        assert!(matches!(entry.encode(), Err(EntryError::Rule(_))), "{entry:?}");
    }
    for (count, since) in [(0, None), (2, None), (1, Some(1)), (2, Some(i64::MAX))] {
        let Event::Refused(mut refused) = sealed(refused(None, 9)).event else { panic!() };
        (refused.count, refused.since) = (count, since.map(Instant::from_ms));
        let entry = Entry { event: Event::Refused(refused), ..sealed(Event::Stop) };
        assert!(matches!(entry.encode(), Err(EntryError::Rule(_))), "{count} {since:?}");
    }
}

/// An entry of any kind with these words, digests and numbers.
fn any_entry(kind: usize, words: &[Word], digests: &[Digest], numbers: &[u64], some: &[bool]) -> Entry {
    let at = |n: usize| from_ms(numbers[n] % 4_000_000_000_000);
    let w = |n: usize| words[n].clone();
    let o = |n: usize| some[n].then(|| w(n));
    let cipher = |n: usize| Ciphertext { key: numbers[n], bytes: digests[n].as_bytes().repeat(n % 4 + 1).into() };
    let whose = || SealedPatient { lookup: digests[6], identity: cipher(2) };
    let evidence = [Evidence::None, Evidence::Declared, Evidence::Proof(digests[5])][kind % 3];
    let setting = || Setting {
        application: w(0),
        practitioner: cipher(1),
        service: w(1),
        structure: w(2),
        channel: w(3),
        profile: w(4),
        method: o(5),
        evidence,
        login: some[0].then(|| at(0)),
        initial_login: some[1].then(|| at(1)),
        configuration: digests[0],
        convention: digests[1],
    };
    let mandate = || some[2].then(|| Mandate { actor: w(0), order: digests[2] });
    let before = numbers[3] % 1000;
    let event = match Kind::ALL[kind] {
        Kind::Issued => Event::Issued(Box::new(Issued {
            setting: setting(),
            session: before,
            nonce: digests[2],
            transaction: w(6),
            purpose: w(7),
            patient: some[2].then(whose),
            assertion_id: w(8),
            assertion: digests[3],
            certificate: digests[4],
            expires: at(2),
        })),
        Kind::Refused => Event::Refused(Box::new(Refused {
            application: w(0),
            reason: w(1),
            count: 1,
            since: None,
            practitioner: some[3].then(|| cipher(1)),
            service: o(2),
            structure: o(3),
            channel: o(4),
            profile: o(5),
            method: o(6),
            evidence: some[4].then_some(evidence),
            login: some[5].then(|| at(0)),
            initial_login: some[6].then(|| at(1)),
            session: some[7].then_some(numbers[2]),
            nonce: some[1].then_some(digests[2]),
            transaction: o(7),
            purpose: o(8),
            patient: some[2].then(whose),
            configuration: digests[0],
            convention: digests[1],
        })),
        Kind::SessionOpened => {
            Event::SessionOpened(Box::new(SessionOpened { setting: setting(), expires: at(2) }))
        }
        Kind::SessionClosed => Event::SessionClosed(SessionClosed { application: w(0), session: before }),
        Kind::Order => Event::Order(Order {
            verb: w(0),
            actors: words[1..=ACTORS_MAX].to_vec(),
            order: digests[0],
            refused: o(4),
        }),
        Kind::Configuration => Event::Configuration(Configuration {
            configuration: digests[0],
            convention: digests[1],
            mandate: mandate(),
        }),
        Kind::Register => Event::Register(Register { register: w(1), content: digests[1], mandate: mandate() }),
        Kind::Start => Event::Start(Start { software: w(0), configuration: digests[0], convention: digests[1] }),
        Kind::Stop => Event::Stop,
        Kind::Outcome => {
            let outcome = Outcome::ALL[usize::try_from(numbers[4] % 7).unwrap()];
            Event::Outcome(OutcomeOf { of: before, outcome })
        }
    };
    let linked = event.kind().chained() == Chained::Always || event.practitioner().is_some();
    let head = some[8].then_some(Head { last: before, count: numbers[5] % 1000 + 1 });
    let link = linked.then(|| Link::after(digests[7], head));
    Entry { index: 1000 + numbers[6] / 2, time: at(7), boot: numbers[0], link, event }
}

fn entries() -> impl Strategy<Value = Entry> {
    let words = prop::collection::vec("[^\\p{Cc}]{1,32}".prop_filter_map("long", |t| Word::parse(&t)), 9);
    let digests = prop::collection::vec(any::<[u8; 32]>().prop_map(Digest::new), 8);
    let numbers = prop::collection::vec(prop_oneof![0..30u64, any::<u64>()], 8);
    let some = prop::collection::vec(any::<bool>(), 9);
    (0..10usize, words, digests, numbers, some)
        .prop_map(|(kind, words, digests, numbers, some)| any_entry(kind, &words, &digests, &numbers, &some))
}

proptest! {
    #[test]
    fn an_entry_is_what_its_leaf_says(entry in entries()) {
        let leaf = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(&leaf).unwrap(), entry);
    }

    #[test]
    fn arbitrary_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::decode(&bytes);
        let _ = Entry::decode(&[b"\x86\x01", &bytes[..]].concat());
    }

    #[test]
    fn what_is_accepted_is_the_one_encoding(
        which in 0..11usize, at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut leaf = leaves().swap_remove(which);
        let at = at.index(leaf.len());
        leaf[at] = byte;
        if let Ok(entry) = Entry::decode(&leaf) {
            prop_assert_eq!(entry.encode().unwrap(), leaf);
        }
    }
}

#[test]
fn the_longest_entry_fits() {
    let long = word(&"x".repeat(WORD_LEN_MAX));
    let (words, digests) = (vec![long; 9], vec![digest("d"); 8]);
    for kind in 0..10 {
        let mut entry = any_entry(kind, &words, &digests, &[u64::MAX; 8], &[true; 9]);
        if let Event::Issued(issued) = &mut entry.event {
            issued.setting.practitioner.bytes = vec![0; CIPHERTEXT_LEN_MAX].into();
        }
        let len = entry.encode().unwrap().len();
        assert!(len < LEAF_LEN_MAX, "{len}");
    }
    assert_eq!(Word::parse(&"x".repeat(WORD_LEN_MAX + 1)), None);
    assert_eq!((Word::parse(""), Word::parse("a\nb")), (None, None));
}
