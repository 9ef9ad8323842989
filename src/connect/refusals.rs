//! Refused local callers: each user's first is told at once, then once a minute how many there were. A log that each refusal
//! lengthens is theirs to fill a disk with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about one user.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Users that are told apart; the others are one.
const USERS_MAX: usize = 64;
/// Whom those are counted for, and callers whose user the system does not say.
pub(super) const NOBODY: u32 = u32::MAX;

/// Refusals of one door that no line has told yet.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<u32, Refused>>);

#[derive(Debug, Default)]
struct Refused {
    untold: u64,
    told: Option<Instant>,
}

impl Refusals {
    /// Counts one of that user; how many are to be told now, if they are.
    pub(super) fn count(&self, user: u32, now: Instant) -> Option<u64> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let user = if users.len() < USERS_MAX || users.contains_key(&user) { user } else { NOBODY };
        let refused = users.entry(user).or_default();
        refused.untold += 1;
        if refused.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            return None;
        }
        refused.told = Some(now);
        Some(std::mem::take(&mut refused.untold))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_one_line_a_minute() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.count(7, now), Some(1));
        assert!((0..1_000).all(|_| refusals.count(7, now + TELL_EVERY / 2).is_none()));
        assert_eq!(refusals.count(8, now), Some(1), "another user is told of");
        assert_eq!(refusals.count(7, now + TELL_EVERY), Some(1_001));
        assert_eq!(refusals.count(7, now + TELL_EVERY), None);
        let told = (0..10_000).filter_map(|user| refusals.count(user, now)).count();
        assert!(told <= USERS_MAX && refusals.0.lock().unwrap().len() <= USERS_MAX + 1);
    }
}
