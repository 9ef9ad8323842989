//! An entry has one encoding, and what is no entry is refused for its cause.

use super::*;

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
    let kind = [&stop[..13], &[12, 0xa0]].concat();
    assert!(matches!(Entry::decode(&kind), Err(EntryError::Kind(12))));
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
    let [of_practitioner, of_all] = [alarm("practitioner", None), alarm("establishment", None)].map(sealed);
    let swapped =
        [Entry { link: None, ..of_practitioner.clone() }, Entry { link: of_practitioner.link, ..of_all }];
    for entry in broken.into_iter().chain(swapped) {
        assert!(matches!(entry.encode(), Err(EntryError::Rule(_))), "{entry:?}");
    }
    for (count, since) in [(0, None), (2, None), (1, Some(1)), (2, Some(i64::MAX))] {
        let Event::Refused(mut refused) = sealed(refused(None, 9)).event else { panic!() };
        (refused.count, refused.since) = (count, since.map(Instant::from_ms));
        let entry = Entry { event: Event::Refused(refused), ..sealed(Event::Stop) };
        assert!(matches!(entry.encode(), Err(EntryError::Rule(_))), "{count} {since:?}");
    }
}
