//! Refusals in the log, in bounded form: a flood of them is one line a second and a count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One line at most in this time for the same user and reason.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// Pairs of user and reason that are told apart; beyond, all are forgotten and begin anew.
const PAIRS_MAX: usize = 1024;

/// What was told last about each user and reason.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(u32, &'static str), Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    since: u64,
}

impl Refusals {
    /// Counts a refusal; tells it, with how many were not told, at most once a second.
    pub(super) fn count(&self, uid: u32, reason: &'static str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= PAIRS_MAX {
            told.clear();
        }
        let now = Instant::now();
        let mut untold = 0;
        match told.get_mut(&(uid, reason)) {
            Some(last) if now.duration_since(last.at) < LINE_EVERY => {
                last.since += 1;
                return;
            }
            Some(last) => {
                untold = std::mem::take(&mut last.since);
                last.at = now;
            }
            None => {
                told.insert((uid, reason), Told { at: now, since: 0 });
            }
        }
        drop(told);
        tracing::info!(uid, reason, untold, "request refused");
    }
}
