//! Waits, several PINs, clocks that jump, a full memory.

#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn an_unclear_failure_waits_thirty_seconds_and_twice_as_long_each_time_up_to_fifteen_minutes() {
    let pin = Pin::of(b"1234");
    let (mut records, mut now_ms) = (PinRecords::default(), 1_000_000);
    for seconds in [30, 60, 120, 240, 480, 900, 900, 900] {
        assert_eq!(records.verdict(&pin, now_ms, false), Verdict::Free);
        records = records.with_unclear(&pin, now_ms).unwrap();
        assert_eq!(records.wait(&pin, false), Duration::from_secs(seconds));
        assert_eq!(records.verdict(&pin, now_ms + seconds * 1000 - 1, false), Verdict::Wait, "{seconds}");
        assert_eq!(records.verdict(&Pin::of(b"5678"), now_ms, false), Verdict::Free, "another PIN is not held");
        now_ms += seconds * 1000;
    }
    assert!(records.without(&pin).is_empty());
}

#[test]
fn several_pins_are_remembered_and_none_of_them_is_readable() {
    let (one, two) = (Pin::of(b"0000"), Pin::of(b"9999"));
    let records = PinRecords::default().with_refusal(&one, 5).unwrap().with_unclear(&two, 5).unwrap();
    let bytes = records.to_bytes();
    let read = PinRecords::parse(&bytes).unwrap();
    assert_eq!(read, records);
    assert_eq!(
        (read.verdict(&one, u64::MAX, false), read.verdict(&two, 5, false)),
        (Verdict::Refused, Verdict::Wait)
    );
    assert_eq!(read.without(&two).verdict(&one, 5, false), Verdict::Refused, "one PIN's success frees no other");
    assert!(!bytes.windows(4).any(|window| window == b"0000" || window == b"9999"));
    for torn in [&bytes[..0], &bytes[..RECORD_LEN - 1], &bytes[..RECORD_LEN + 1], b"torn", &[0; RECORD_LEN]] {
        assert_eq!(PinRecords::parse(torn), None);
    }
}

#[test]
fn a_clock_set_back_begins_the_wait_anew_and_does_not_prolong_it() {
    let pin = Pin::of(b"1234");
    let records = PinRecords::default().with_unclear(&pin, 9_000_000).unwrap();
    assert_eq!((records.verdict(&pin, 1_000, false), records.rewound(9_000_001)), (Verdict::Wait, None));
    let rewound = records.rewound(1_000).unwrap();
    assert_eq!(rewound.verdict(&pin, 30_999, false), Verdict::Wait);
    assert_eq!(rewound.verdict(&pin, 31_000, false), Verdict::Free);
}

#[test]
fn a_full_memory_admits_no_unknown_pin() {
    let mut records = PinRecords::default();
    for n in 0..RECORDS_MAX {
        assert_eq!(records.verdict(&Pin::of(b"new"), 0, false), Verdict::Free);
        records = records.with_refusal(&Pin::of(n.to_string().as_bytes()), 0).unwrap();
    }
    assert_eq!(records.verdict(&Pin::of(b"new"), 0, false), Verdict::Full);
    assert_eq!(records.verdict(&Pin::of(b"0"), 0, false), Verdict::Refused);
}

#[test]
fn a_pin_that_was_taken_waits_a_second_once_and_then_as_long_as_any() {
    let pin = Pin::of(b"1234");
    let mut records = PinRecords::default();
    for seconds in [1, 30, 60, 120] {
        records = records.with_unclear(&pin, 1_000_000).unwrap();
        assert_eq!(records.wait(&pin, true), Duration::from_secs(seconds));
        assert_eq!(records.verdict(&pin, 1_000_000 + seconds * 1000 - 1, true), Verdict::Wait);
        assert_eq!(records.verdict(&pin, 1_000_000 + seconds * 1000, true), Verdict::Free);
    }
    let refused = records.with_refusal(&pin, 0).unwrap();
    assert_eq!(refused.verdict(&pin, u64::MAX, true), Verdict::Refused, "nothing vouches for a refused one");
}

#[test]
fn a_trace_is_of_its_pin_alone() {
    let pin = Pin::of(b"1234");
    let bytes = Trace::of(&pin).unwrap().to_bytes();
    let is_trace_of = |bytes: &[u8], pin: &Pin| Trace::parse(bytes).is_some_and(|trace| trace.is_of(pin));
    assert!(is_trace_of(&bytes, &pin) && !is_trace_of(&bytes, &Pin::of(b"12345")));
    assert!((0..bytes.len()).all(|len| !is_trace_of(&bytes[..len], &pin)));
    assert_ne!(Trace::of(&pin).unwrap().to_bytes(), bytes, "salted");
}
