//! Refusals that used no nonce, in bounded form: a flood of them is one line and one entry a second, and a count.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Moment};

use crate::ledger::Line;
use crate::vihf::instant::Instant;

/// One line and one entry at most in this time for the same user and reason.
const EVERY: Duration = Duration::from_secs(1);
/// Pairs of user and reason that the log tells apart; beyond, all are forgotten and begin anew.
const PAIRS_MAX: usize = 1024;
/// Unix users that are no application and whose refusals are counted apart; all others are counted together.
const STRANGERS_MAX: usize = 64;
/// Stands for the others: no user has this number (chown(2) takes it for "unchanged").
pub(super) const OTHERS: u32 = u32::MAX;

/// Who was refused, and why.
pub(super) type Kind = (u32, &'static str);

/// What waits to be told of each user and reason, in the log and in the ledger.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    log: Mutex<HashMap<Kind, Told>>,
    ledger: Mutex<HashMap<Kind, Held>>,
}

#[derive(Debug)]
struct Told {
    at: Moment,
    untold: u64,
}

/// Refusals alike since the last entry of their kind.
#[derive(Debug)]
struct Held {
    entry_at: Moment,
    /// The first after a silence, in every detail.
    first: Option<(Line, Instant)>,
    /// The others, not yet told, and when the first of them came.
    count: u64,
    since: Instant,
}

/// What one entry is to tell.
#[derive(Debug)]
pub(super) enum Due {
    /// One refusal in every detail.
    First(Kind, Box<Line>, Instant),
    /// This many alike, the first of them at that instant.
    Counted(Kind, u64, Instant),
}

impl Refusals {
    /// Counts a refusal in the log; tells it, with how many were not told, at most once a second.
    pub(super) fn count(&self, uid: u32, reason: &'static str) {
        let mut log = lock(&self.log);
        if log.len() >= PAIRS_MAX {
            log.clear();
        }
        let now = Moment::now();
        let untold = match log.get_mut(&(uid, reason)) {
            Some(told) if now.duration_since(told.at) < EVERY => {
                told.untold += 1;
                return;
            }
            Some(told) => {
                told.at = now;
                std::mem::take(&mut told.untold)
            }
            None => {
                log.insert((uid, reason), Told { at: now, untold: 0 });
                0
            }
        };
        tracing::info!(uid, reason, untold, "request refused");
    }

    /// Holds a refusal of a registered application for the ledger; `line` is asked for when it is the first after a silence.
    pub(super) fn hold(&self, uid: u32, reason: &'static str, now: Instant, line: impl FnOnce() -> Line) {
        add(&mut lock(&self.ledger), (uid, reason), now, line);
    }

    /// The same for a Unix user that is no application, of whom there may be any number.
    pub(super) fn hold_stranger(
        &self,
        uid: u32,
        reason: &'static str,
        now: Instant,
        line: impl FnOnce(u32) -> Line,
    ) {
        let mut held = lock(&self.ledger);
        let strangers = held.keys().filter(|kind| kind.1 == reason).count();
        let uid = if held.contains_key(&(uid, reason)) || strangers < STRANGERS_MAX { uid } else { OTHERS };
        add(&mut held, (uid, reason), now, || line(uid));
    }

    /// What entries are due; `all`: those that may wait as well. Each is written, or given back.
    pub(super) fn due(&self, all: bool) -> Vec<Due> {
        let mut held = lock(&self.ledger);
        let (now, mut due) = (Moment::now(), Vec::new());
        held.retain(|kind, alike| {
            if let Some((line, at)) = alike.first.take() {
                due.push(Due::First(*kind, Box::new(line), at));
                alike.entry_at = now;
            }
            let silent = now.duration_since(alike.entry_at) >= EVERY;
            if alike.count > 0 && (silent || all) {
                due.push(Due::Counted(*kind, std::mem::take(&mut alike.count), alike.since));
                alike.entry_at = now;
                return true;
            }
            alike.count > 0 || !silent
        });
        due
    }

    /// Takes back what could not be written: it is counted with those to come.
    pub(super) fn give_back(&self, due: Due) {
        let (kind, count, since) = match due {
            Due::First(kind, _, since) => (kind, 1, since),
            Due::Counted(kind, count, since) => (kind, count, since),
        };
        let mut held = lock(&self.ledger);
        let fresh = Held { entry_at: Moment::now(), first: None, count: 0, since };
        let alike = held.entry(kind).or_insert(fresh);
        alike.since = if alike.count == 0 { since } else { since.min(alike.since) };
        alike.count = alike.count.saturating_add(count);
    }
}

fn add(held: &mut HashMap<Kind, Held>, kind: Kind, now: Instant, line: impl FnOnce() -> Line) {
    match held.get_mut(&kind) {
        Some(alike) => {
            if alike.count == 0 {
                alike.since = now;
            }
            alike.count = alike.count.saturating_add(1);
        }
        None => {
            held.insert(kind, Held { entry_at: Moment::now(), first: Some((line(), now)), count: 0, since: now });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks panics but for memory; what was counted stands.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::traces::entry::event::Event;

    fn line() -> Line {
        Line::plain(Event::Stop)
    }

    fn counts(due: &[Due]) -> u64 {
        due.iter().map(|due| if let Due::Counted(_, count, _) = due { *count } else { 1 }).sum()
    }

    #[test]
    fn the_first_is_told_in_detail_and_the_others_by_their_number() {
        let refusals = Refusals::default();
        for ms in 10..110 {
            refusals.hold(1, "session-unknown", Instant::from_ms(ms), line);
        }
        let first = refusals.due(false);
        assert!(matches!(first.as_slice(), [Due::First((1, "session-unknown"), ..)]), "{first:?}");
        assert!(refusals.due(false).is_empty());
        let rest = refusals.due(true);
        let since = Instant::from_ms(11);
        assert!(matches!(rest.as_slice(), [Due::Counted(_, 99, at)] if *at == since), "{rest:?}");
        assert!(refusals.due(true).is_empty());
    }

    #[test]
    fn what_was_not_written_is_counted_with_the_next() {
        let refusals = Refusals::default();
        for ms in 0..10 {
            refusals.hold(1, "session-unknown", Instant::from_ms(ms), line);
        }
        for due in refusals.due(true) {
            refusals.give_back(due);
        }
        refusals.hold(1, "session-unknown", Instant::from_ms(10), line);
        let due = refusals.due(true);
        assert!(matches!(due.as_slice(), [Due::Counted(_, 11, at)] if at.ms() == 0), "{due:?}");
    }

    #[test]
    fn any_number_of_strangers_takes_little_room_and_none_is_uncounted() {
        let refusals = Refusals::default();
        for uid in 0..10_000 {
            refusals.hold_stranger(uid, "application-unknown", Instant::from_ms(1), |_| line());
        }
        let due = refusals.due(true);
        assert!(due.len() <= STRANGERS_MAX + 2, "{}", due.len());
        assert_eq!(counts(&due), 10_000);
        assert!(due.iter().any(|due| matches!(due, Due::Counted((OTHERS, _), ..))));
    }
}
