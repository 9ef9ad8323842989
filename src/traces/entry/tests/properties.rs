//! Any entry, any bytes.

use proptest::prelude::*;

use super::*;
use crate::traces::entry::identity::SealedPatient;
use crate::traces::entry::word::WORD_LEN_MAX;

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
            invisible_to_guardians: some[3],
            assertion_id: w(8),
            assertion: digests[3],
            certificate: digests[4],
            keyring: o(5),
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
        Kind::Alarm => {
            let subject = if some[3] { Word::parse(OF_PRACTITIONER).unwrap() } else { w(1) };
            Event::Alarm(Alarm { subject, measure: w(2), application: o(4) })
        }
        Kind::Stop => Event::Stop,
        Kind::Outcome => {
            let outcome = Outcome::ALL[usize::try_from(numbers[4] % 7).unwrap()];
            Event::Outcome(OutcomeOf { of: before, outcome })
        }
    };
    let linked = event.kind().chained() == Chained::Always || event.is_of_practitioner();
    let head = some[8].then_some(Head { last: before, count: numbers[5] % 1000 + 1 });
    let link = linked.then(|| Link::after(digests[7], head));
    Entry { index: 1000 + numbers[6] / 2, time: at(7), boot: numbers[0], link, event }
}

fn entries() -> impl Strategy<Value = Entry> {
    let words = prop::collection::vec("[^\\p{Cc}]{1,32}".prop_filter_map("long", |t| Word::parse(&t)), 9);
    let digests = prop::collection::vec(any::<[u8; 32]>().prop_map(Digest::new), 8);
    let numbers = prop::collection::vec(prop_oneof![0..30u64, any::<u64>()], 8);
    let some = prop::collection::vec(any::<bool>(), 9);
    (0..Kind::ALL.len(), words, digests, numbers, some)
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
        which in 0..14usize, at in any::<prop::sample::Index>(), byte in any::<u8>(),
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
    for kind in 0..Kind::ALL.len() {
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
