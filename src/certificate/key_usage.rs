//! privateKeyUsagePeriod (RFC 5280 obsoletes it, RFC 3280 §4.2.1.4 defines it): when a seal key must stop signing.

use x509_parser::der_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::prelude::*;

use crate::vihf::instant::Instant;

/// The extension's OID.
const PRIVATE_KEY_USAGE_PERIOD: &str = "2.5.29.16";

/// The end of the key's usage period (`notAfter [1]`), if the certificate gives one.
pub(crate) fn ends(x509: &X509Certificate<'_>) -> Option<Instant> {
    let extension = x509.extensions().iter().find(|e| e.oid.to_id_string() == PRIVATE_KEY_USAGE_PERIOD)?;
    let (_, period) = Any::from_der(extension.value).ok()?;
    if period.tag() != Tag::Sequence {
        return None;
    }
    let mut rest = period.data;
    while !rest.is_empty() {
        let (after, bound) = Any::from_der(rest).ok()?;
        if bound.tag() == Tag(1) {
            return generalized_time(bound.data);
        }
        rest = after;
    }
    None
}

/// `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5.2).
fn generalized_time(bytes: &[u8]) -> Option<Instant> {
    let text = std::str::from_utf8(bytes).ok()?;
    let digits = text.strip_suffix('Z').filter(|d| d.len() == 14 && d.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |from: usize, to: usize| digits.get(from..to);
    Instant::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}
