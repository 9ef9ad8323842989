//! A convention's own words about itself: its number, whose it is, and the days on which it holds.

use serde::Deserialize;

use crate::policy::application::{end_of_day, start_of_day};
use crate::policy::breach::Breach;
use crate::vihf::instant::Instant;

/// The format that this version reads.
const FORMAT: u64 = 1;
/// Longest name of an establishment in bytes.
const ESTABLISHMENT_LEN_MAX: usize = 128;
/// Highest number: far beyond one a day.
const NUMBER_MAX: u64 = 1_000_000;
/// Days before its end at which an alarm is raised: a new one has to be negotiated, written and signed.
pub const ALARM_DAYS: [i64; 3] = [60, 30, 7];
/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// What a convention says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Each new one has a higher number: an older one, however well signed, never comes back.
    pub number: u64,
    /// Whose it is.
    pub establishment: String,
    /// First day, `AAAA-MM-JJ` in UTC.
    pub from: String,
    /// Last day.
    pub until: String,
    /// First instant at which it holds.
    pub begins_at: Instant,
    /// First instant at which it no longer holds.
    pub ends_at: Instant,
}

/// The TOML shape of a title.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TitleTable {
    /// Version of the file's format.
    pub format: u64,
    /// See [`Title::number`].
    pub number: u64,
    /// See [`Title::establishment`].
    pub establishment: String,
    /// See [`Title::from`].
    pub from: String,
    /// See [`Title::until`].
    pub until: String,
}

impl Title {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Instant) -> bool {
        self.begins_at <= now && now < self.ends_at
    }

    /// Whole days from `now` to its end; negative once it has ended.
    #[must_use]
    pub fn days_left(&self, now: Instant) -> i64 {
        self.ends_at.ms_since(now).div_euclid(DAY_MS)
    }

    /// The alarm that is due at `now`: the lowest of [`ALARM_DAYS`] that the days left are at or below.
    #[must_use]
    pub fn alarm(&self, now: Instant) -> Option<i64> {
        ALARM_DAYS.into_iter().rev().find(|threshold| self.days_left(now) <= *threshold)
    }
}

impl TitleTable {
    /// The title, or what is wrong with it.
    pub(super) fn check(self, breaches: &mut Vec<Breach>) -> Option<Title> {
        let before = breaches.len();
        let mut refuse = |rule, field, cause: String| {
            breaches.push(Breach::of(rule, "convention", field, format!("[convention] {cause}")));
        };
        if self.format != FORMAT {
            let cause = format!(
                "format = {} : cette version lit le format {FORMAT} ; mettez Sceau à jour, ou corrigez",
                self.format
            );
            refuse("bad-value", "format", cause);
        }
        if !(1..=NUMBER_MAX).contains(&self.number) {
            let cause =
                format!("number = {} : attendu 1 à {NUMBER_MAX}, plus grand à chaque convention", self.number);
            refuse("bad-value", "number", cause);
        }
        let name = self.establishment.trim();
        if name.is_empty() || name.len() > ESTABLISHMENT_LEN_MAX || name.chars().any(char::is_control) {
            let cause = format!(
                "establishment : 1 à {ESTABLISHMENT_LEN_MAX} octets, sans caractère de contrôle ; nommez l'établissement"
            );
            refuse("bad-value", "establishment", cause);
        }
        let (begins_at, ends_at) = (start_of_day(&self.from), end_of_day(&self.until));
        for (field, date, is_read) in
            [("from", &self.from, begins_at.is_some()), ("until", &self.until, ends_at.is_some())]
        {
            if !is_read {
                refuse("bad-value", field, format!("{field} = {date:?} n'est pas une date AAAA-MM-JJ"));
            }
        }
        if let (Some(begins_at), Some(ends_at)) = (begins_at, ends_at)
            && ends_at <= begins_at
        {
            let cause = format!("until = {} précède from = {} ; corrigez l'une des deux", self.until, self.from);
            refuse("contradiction", "until", cause);
        }
        if breaches.len() > before {
            return None;
        }
        Some(Title {
            number: self.number,
            establishment: name.to_owned(),
            begins_at: begins_at?,
            ends_at: ends_at?,
            from: self.from,
            until: self.until,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn title(from: &str, until: &str) -> Option<Title> {
        let (establishment, from, until) = ("CH".to_owned(), from.to_owned(), until.to_owned());
        TitleTable { format: 1, number: 1, establishment, from, until }.check(&mut Vec::new())
    }

    #[test]
    fn a_convention_holds_from_the_first_instant_of_its_first_day_to_the_last_of_its_last() {
        let at = |text: &str| Instant::parse(text).unwrap();
        let title = title("2026-01-01", "2026-01-31").unwrap();
        for (instant, holds) in [
            ("2025-12-31T23:59:59.999Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-01-31T23:59:59.999Z", true),
            ("2026-02-01T00:00:00Z", false),
        ] {
            assert_eq!(title.holds_at(at(instant)), holds, "{instant}");
        }
        for (instant, alarm) in [
            ("2025-11-30T23:59:59Z", None),
            ("2025-12-03T00:00:00Z", Some(60)),
            ("2026-01-02T00:00:00Z", Some(30)),
            ("2026-01-25T00:00:00Z", Some(7)),
            ("2026-03-01T00:00:00Z", Some(7)),
        ] {
            assert_eq!(title.alarm(at(instant)), alarm, "{instant}");
        }
    }

    #[test]
    fn days_that_are_none_are_refused() {
        assert!(title("2026-01-31", "2026-01-31").is_some());
        for (from, until) in [("2026-02-01", "2026-01-31"), ("2026-02-30", "2026-03-31"), ("", "2026-03-31")] {
            assert!(title(from, until).is_none(), "{from} {until}");
        }
    }
}
