//! The few DER values that rcgen leaves to its caller.

use time::OffsetDateTime;

/// An OID's content octets.
pub(super) fn oid_content(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u32> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut out = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let digits = (0..5).rev().map(|n| (arc >> (7 * n)) & 0x7f).skip_while(|digit| *digit == 0);
        let mut digits: Vec<u8> = digits.map(|digit| digit as u8 | 0x80).collect();
        match digits.last_mut() {
            Some(last) => *last &= 0x7f,
            None => digits.push(0),
        }
        out.extend(digits);
    }
    out
}

/// GeneralizedTime, UTC, whole seconds.
pub(super) fn generalized_time(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    let day = date.year() * 10_000 + i32::from(u8::from(date.month())) * 100 + i32::from(date.day());
    format!("{day:08}{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second())
}

/// One DER element shorter than 128 bytes.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128);
    [&[tag, content.len() as u8], content].concat()
}
