//! When identities are destroyed: never before their term.
//!
//! The convention counts ten years from the closing of a DMP. What names no patient is counted from its own entry. Leaves hold
//! nobody in clear and are never destroyed: what ends is the key that reads somebody's entries.

use time::{Date, Month, OffsetDateTime};

use super::breach::Breach;
use crate::vihf::instant::Instant;

/// Fewest years in production, from either beginning (convention: traces are kept ten years).
pub const YEARS_MIN: u16 = 10;
/// Most years that can be asked for: a longer term is a mistyped one.
pub const YEARS_MAX: u16 = 100;

/// How long, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Years from the closing of a patient's DMP.
    pub closed_years: u16,
    /// Years from an entry that names no patient.
    pub entry_years: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { closed_years: YEARS_MIN, entry_years: YEARS_MIN }
    }
}

/// What is known of a patient whose DMP was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When the closing was recorded.
    pub at: Instant,
    /// The newest assertion for the patient after that.
    pub issued: Option<Instant>,
    /// The newest entry of any kind that names the patient after that.
    pub named: Option<Instant>,
}

/// Whether somebody's term is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Due {
    /// It is: the identity is to be destroyed.
    Now,
    /// It will be, if nothing happens.
    From(Instant),
    /// The DMP was used again: it is open, and no term runs until it is closed anew.
    Reopened,
}

impl Retention {
    /// A patient's term.
    ///
    /// An assertion after the closing shows that the DMP is open again: closing it anew takes another order. A refusal shows
    /// nothing of the kind, but is a trace with a term of its own.
    pub fn of_patient(&self, closed: &Closed, now: Instant) -> Due {
        if closed.issued.is_some() {
            return Due::Reopened;
        }
        let after_closing = years_after(closed.at, self.closed_years);
        let after_naming = closed.named.map(|named| years_after(named, self.entry_years));
        due(after_naming.map_or(after_closing, |after| after.max(after_closing)), now)
    }

    /// A practitioner's term, from the newest entry. That every patient of the practitioner's entries is destroyed, or is
    /// destroyed with it, is for the caller to see to.
    pub fn of_practitioner(&self, newest: Instant, now: Instant) -> Due {
        due(years_after(newest, self.entry_years), now)
    }

    /// What is wrong with the terms; in production they have a floor.
    #[must_use]
    pub fn check(&self, production: bool) -> Vec<Breach> {
        let floor = if production { YEARS_MIN } else { 0 };
        [("retention_closed_years", self.closed_years), ("retention_entry_years", self.entry_years)]
            .into_iter()
            .filter(|(_, years)| !(floor..=YEARS_MAX).contains(years))
            .map(|(field, years)| {
                let cause = format!("[ledger] {field} = {years} : donnez {floor} à {YEARS_MAX} années");
                Breach::of("bad-value", "ledger", field, cause)
            })
            .collect()
    }
}

fn due(at: Instant, now: Instant) -> Due {
    if now >= at { Due::Now } else { Due::From(at) }
}

/// The same instant that many calendar years later, UTC; a 29 February that does not exist is the 1 March: never earlier.
#[must_use]
pub fn years_after(at: Instant, years: u16) -> Instant {
    let never = Instant::from_ms(i64::MAX);
    let Ok(from) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.ms()) * 1_000_000) else {
        return never;
    };
    let year = from.year() + i32::from(years);
    let date = from.date().replace_year(year).or_else(|_| Date::from_calendar_date(year, Month::March, 1));
    // Beyond the calendar of instants nothing is ever due.
    let Ok(date) = date else { return never };
    let ms = from.replace_date(date).unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(ms).map_or(never, Instant::from_ms)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn closed(when: &str) -> Closed {
        Closed { at: at(when), issued: None, named: None }
    }

    #[test]
    fn ten_calendar_years_to_the_millisecond_and_never_less() {
        let retention = Retention::default();
        let closing = closed("2026-03-31T22:10:00.500Z");
        let term = at("2036-03-31T22:10:00.500Z");
        assert_eq!(retention.of_patient(&closing, term.minus_ms(1)), Due::From(term));
        assert_eq!(retention.of_patient(&closing, term), Due::Now);
        let leap = closed("2028-02-29T12:00:00Z");
        assert_eq!(retention.of_patient(&leap, at("2038-02-28T23:59:59Z")), Due::From(at("2038-03-01T12:00:00Z")));
        assert_eq!(years_after(at("2028-02-29T00:00:00Z"), 4), at("2032-02-29T00:00:00Z"));
        assert_eq!(years_after(at("9995-01-01T00:00:00Z"), 10), Instant::from_ms(i64::MAX));
    }

    #[test]
    fn a_refusal_after_the_closing_postpones_and_an_assertion_reopens() {
        let retention = Retention::default();
        let late = at("2099-01-01T00:00:00Z");
        let refused = Closed { named: Some(at("2030-06-01T00:00:00Z")), ..closed("2026-01-01T00:00:00Z") };
        assert_eq!(
            retention.of_patient(&refused, at("2036-01-02T00:00:00Z")),
            Due::From(at("2040-06-01T00:00:00Z"))
        );
        assert_eq!(retention.of_patient(&refused, late), Due::Now);
        let used = Closed { issued: refused.named, ..refused };
        assert_eq!(retention.of_patient(&used, late), Due::Reopened);
    }

    #[test]
    fn a_shorter_class_never_shortens_the_term_of_a_closing() {
        let retention = Retention { closed_years: 20, entry_years: 10 };
        let refused = Closed { named: Some(at("2026-06-01T00:00:00Z")), ..closed("2026-01-01T00:00:00Z") };
        let term = at("2046-01-01T00:00:00Z");
        assert_eq!(retention.of_patient(&refused, term.minus_ms(1)), Due::From(term));
        assert_eq!(retention.of_practitioner(at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z")), Due::Now);
    }

    #[test]
    fn production_has_a_floor() {
        let short = Retention { closed_years: 0, entry_years: 9 };
        assert_eq!(short.check(true).len(), 2);
        assert!(short.check(false).is_empty());
        assert!(Retention::default().check(true).is_empty());
        assert_eq!(Retention { closed_years: 101, entry_years: 10 }.check(false).len(), 1);
    }

    proptest! {
        #[test]
        fn years_never_shorten(ms in 0i64..4_000_000_000_000, years in 0u16..=100) {
            let from = Instant::from_ms(ms);
            let to = years_after(from, years);
            prop_assert!(to.ms_since(from) >= i64::from(years) * 365 * 86_400_000);
            prop_assert!(to.ms_since(from) <= (i64::from(years) * 366 + 1) * 86_400_000);
            prop_assert!(years_after(from.plus_ms(1), years) >= to);
        }
    }
}
