//! Where a practitioner acts, and for how long: one right in the register.

use crate::policy::application::{end_of_day, start_of_day};
use crate::vihf::instant::Instant;

/// The right to act in one service (convention, articles 3.2 to 3.4), written `SERVICE` or `SERVICE DEBUT/FIN`: days of the form
/// `AAAA-MM-JJ`, both included, in UTC; either may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    /// Name of the service.
    pub service: String,
    /// Not before.
    pub from: Option<Instant>,
    /// First instant at which it is over.
    pub until: Option<Instant>,
}

impl Practice {
    /// Reads the right as it is written; None: its period is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let whole = || Some(Self { service: text.to_owned(), from: None, until: None });
        let Some((service, period)) = text.rsplit_once(' ') else { return whole() };
        let is_period = |c: char| c.is_ascii_digit() || c == '-' || c == '/';
        if !period.contains('/') || !period.chars().all(is_period) {
            return whole();
        }
        let (from, until) = period.split_once('/')?;
        let day = |text: &str, read: fn(&str) -> Option<Instant>| match text {
            "" => Some(None),
            text => read(text).map(Some),
        };
        let (from, until) = (day(from, start_of_day)?, day(until, end_of_day)?);
        let is_empty = from.zip(until).is_some_and(|(from, until)| until <= from);
        (!is_empty).then(|| Self { service: service.trim_end().to_owned(), from, until })
    }

    /// Whether it holds at `now`.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        self.from.is_none_or(|from| from <= now) && !self.is_over(now)
    }

    /// Whether it held, and no longer does.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_right_has_its_days_both_included() {
        let at = |text: &str| Instant::parse(text).unwrap();
        let practice = Practice::parse("bloc 2 2026-01-01/2026-06-30").unwrap();
        assert_eq!(practice.service, "bloc 2");
        assert!(!practice.is_open(at("2025-12-31T23:59:59.999Z")) && practice.is_open(at("2026-01-01T00:00:00Z")));
        assert!(practice.is_open(at("2026-06-30T23:59:59.999Z")) && !practice.is_open(at("2026-07-01T00:00:00Z")));
        assert!(practice.is_over(at("2026-07-01T00:00:00Z")) && !practice.is_over(at("2025-01-01T00:00:00Z")));
        for open in
            ["bloc", "bloc 2", "urgences /", "bloc 2020-01-01/", "bloc /2030-01-01", "ORL/OPH", "soins ORL/OPH"]
        {
            assert!(Practice::parse(open).unwrap().is_open(at("2026-01-01T00:00:00Z")), "{open}");
        }
        assert_eq!(Practice::parse("soins ORL/OPH").unwrap().service, "soins ORL/OPH");
        for none in ["bloc 2026-13-01/", "bloc 2026-06-30/2026-01-01", "bloc 2026-01-01/2026-02-01/", "bloc 1/2"] {
            assert_eq!(Practice::parse(none), None, "{none}");
        }
    }
}
