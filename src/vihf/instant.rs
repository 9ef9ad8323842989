//! An instant in UTC with milliseconds: the only time that assertions and the contract know (vihf.md §1).

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// 9999-12-31T23:59:59.999Z: RFC 3339 years have four digits.
const LAST_MS: i64 = 253_402_300_799_999;

/// Milliseconds since 1970-01-01T00:00:00Z, within years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instant(i64);

impl Instant {
    /// The instant that many milliseconds after the epoch, held within 1970 to 9999.
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(0, LAST_MS))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 in UTC (`Z` or `+00:00`); what is finer than a millisecond is cut.
    ///
    /// Another offset is refused rather than converted: local time marked as UTC is the commonest fault of VIHF
    /// builders, and an application that knows its offset can send UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        if at.offset() != UtcOffset::UTC || text.ends_with("-00:00") {
            return None;
        }
        let ms = i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
        (0..=LAST_MS).contains(&ms).then_some(Self(ms))
    }

    /// This instant `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self::from_ms(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// This instant `ms` milliseconds earlier.
    #[must_use]
    pub fn minus_ms(self, ms: u64) -> Self {
        Self::from_ms(self.0.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this; negative if `earlier` is later.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Appends `2020-08-04T07:12:16.918Z`, 24 bytes.
    pub fn write(self, out: &mut String) {
        let at =
            OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        digits(out, u32::try_from(year).unwrap_or_default(), 4);
        for (mark, value) in [('-', u8::from(month)), ('-', day), ('T', hour), (':', minute), (':', second)] {
            out.push(mark);
            digits(out, u32::from(value), 2);
        }
        out.push('.');
        digits(out, u32::try_from(self.0.rem_euclid(1000)).unwrap_or_default(), 3);
        out.push('Z');
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("no RFC 3339 instant in UTC"))
    }
}

fn digits(out: &mut String, value: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10u32.pow(place) % 10;
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or_default()));
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(24);
        self.write(&mut text);
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_utc_only() {
        assert_eq!(Instant::parse("2020-08-04T07:12:16.918Z").unwrap().ms(), 1_596_525_136_918);
        assert_eq!(Instant::parse("2020-08-04T07:12:16+00:00").unwrap().ms(), 1_596_525_136_000);
        for refused in
            ["2020-08-04T07:12:16+02:00", "2020-08-04T07:12:16", "2020-08-04", "", "1969-12-31T23:59:59Z"]
        {
            assert_eq!(Instant::parse(refused), None, "{refused}");
        }
    }

    proptest! {
        #[test]
        fn writes_what_it_reads(ms in 0..=LAST_MS) {
            let at = Instant::from_ms(ms);
            prop_assert_eq!(Instant::parse(&at.to_string()), Some(at));
        }
    }
}
