//! Room for the ledger: an alarm while there is time to act, with the days that are left.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Daemon;
use crate::sys::space;

/// How often the alarm is repeated in the log.
const ALARM_EVERY: Duration = Duration::from_secs(3600);
/// How long the ledger's growth is watched before days are told: less would tell a morning's rush as a year.
const WATCHED_MIN: Duration = Duration::from_secs(3600);
/// How often its length is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

/// The ledger's growth since the start.
#[derive(Debug)]
pub(super) struct Growth(Mutex<Watched>);

#[derive(Debug)]
struct Watched {
    /// When it was first looked at, and its length then.
    from: Option<(Instant, u64)>,
    looked_at: Option<Instant>,
    bytes_per_day: Option<u64>,
    alarm_at: Option<Instant>,
}

impl Default for Growth {
    fn default() -> Self {
        Self(Mutex::new(Watched { from: None, looked_at: None, bytes_per_day: None, alarm_at: None }))
    }
}

impl Daemon {
    /// Whether little room is left.
    pub(super) fn space_is_low(&self) -> bool {
        self.ledger.free() < self.config.ledger.alarm_len
    }

    /// Cause and remedy of little room, for people.
    pub(super) fn space_words(&self) -> String {
        let days =
            self.days_left().map_or_else(String::new, |days| format!(", soit {days} jour(s) à l'allure présente"));
        format!(
            "il reste {} Mio pour le journal{days} ; libérez de la place ou agrandissez le disque de {}",
            self.ledger.free() / MIB,
            self.config.ledger.folder.display()
        )
    }

    /// Looks at the room between requests; raises the alarm.
    pub(super) fn watch_space(&self) {
        let now = Instant::now();
        let mut watched = self.growth.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.looked_at.is_some_and(|at| now.duration_since(at) < LOOK_EVERY) {
            return;
        }
        watched.looked_at = Some(now);
        if let Ok(len) = space::length(&self.config.ledger.folder.join("ledger.sqlite")) {
            let (since, from_len) = *watched.from.get_or_insert((now, len));
            watched.bytes_per_day = bytes_per_day(now.duration_since(since), len.saturating_sub(from_len));
        }
        let alarm = self.space_is_low() && watched.alarm_at.is_none_or(|at| now >= at);
        if alarm {
            watched.alarm_at = Some(now + ALARM_EVERY);
        }
        drop(watched);
        if alarm {
            let (free_mib, days_left) = (self.ledger.free() / MIB, self.days_left());
            tracing::warn!(free_mib, days_left, "space-low: make room on the ledger's disk");
        }
    }

    fn days_left(&self) -> Option<u64> {
        let bytes_per_day = self.growth.0.lock().unwrap_or_else(PoisonError::into_inner).bytes_per_day?;
        self.ledger.free().checked_div(bytes_per_day)
    }
}

/// The growth of a day, once it was watched for long enough.
fn bytes_per_day(watched: Duration, grown: u64) -> Option<u64> {
    if watched < WATCHED_MIN {
        return None;
    }
    Some(grown.saturating_mul(24 * 3600) / watched.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_days_growth_is_told_after_an_hour() {
        assert_eq!(bytes_per_day(Duration::from_secs(3599), 1 << 20), None);
        assert_eq!(bytes_per_day(Duration::from_secs(7200), 1 << 20), Some(12 << 20));
        assert_eq!(bytes_per_day(Duration::from_secs(86_400), 0), Some(0));
    }
}
