//! The months of the usage target, in the hospital's local time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::ledger::export::ZONE;
use crate::vihf::instant::Instant;

/// Months that the target speaks of.
const MONTHS: i32 = 3;

/// The three months that were completed by `now`, or with `rolling` those that end now: from, to before.
pub(super) fn months(now: Instant, rolling: bool) -> (Instant, Instant) {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let today = Timestamp::from_millisecond(now.ms()).unwrap_or_default().to_zoned(zone.clone()).date();
    let end = if rolling { today } else { today.first_of_month() };
    let begin = end.checked_sub(MONTHS.months()).unwrap_or(end);
    let midnight = |date: Date| {
        date.to_zoned(zone.clone()).map_or(now, |at| Instant::from_ms(at.timestamp().as_millisecond()))
    };
    (midnight(begin), if rolling { now } else { midnight(end) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn months_are_completed_or_rolling_in_local_time() {
        let of = |now: &str, rolling| {
            let (from, to) = months(Instant::parse(now).unwrap(), rolling);
            (from.to_string(), to.to_string())
        };
        let text = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let completed = text("2026-07-31T22:00:00.000Z", "2026-10-31T23:00:00.000Z");
        assert_eq!(of("2026-11-22T12:00:00Z", false), completed);
        // The last second of October here is already November in Paris, and not yet in UTC.
        assert_eq!(of("2026-10-31T23:00:00Z", false), completed);
        assert_eq!(of("2026-10-31T22:59:59Z", false).1, "2026-09-30T22:00:00.000Z");
        let rolling = text("2026-08-21T22:00:00.000Z", "2026-11-22T12:00:00.000Z");
        assert_eq!(of("2026-11-22T12:00:00Z", true), rolling);
        assert_eq!(of("2026-05-31T12:00:00Z", true).0, "2026-02-27T23:00:00.000Z");
    }
}
