//! Refusals in the log, in bounded form: a flood of them is one line a second and a count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One line at most in this time for the same user and reason.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// Pairs of user and reason that are told apart; beyond, all are forgotten and begin anew.
const PAIRS_MAX: usize = 1024;

/// What was told last about each user and reason, in the log and in the ledger.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    log: Mutex<HashMap<(u32, &'static str), Told>>,
    ledger: Mutex<HashMap<(u32, &'static str), Told>>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    since: u64,
}

impl Refusals {
    /// Counts a refusal; tells it, with how many were not told, at most once a second.
    pub(super) fn count(&self, uid: u32, reason: &'static str) {
        if let Some(count) = due(&self.log, uid, reason) {
            tracing::info!(uid, reason, untold = count - 1, "request refused");
        }
    }

    /// How many refusals alike an entry of the ledger is to stand for, this one included; None: not yet, it is counted.
    pub(super) fn due(&self, uid: u32, reason: &'static str) -> Option<u64> {
        due(&self.ledger, uid, reason)
    }
}

fn due(told: &Mutex<HashMap<(u32, &'static str), Told>>, uid: u32, reason: &'static str) -> Option<u64> {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    if told.len() >= PAIRS_MAX {
        told.clear();
    }
    let now = Instant::now();
    let last = told.entry((uid, reason)).or_insert(Told { at: now, since: 0 });
    let first = last.at == now && last.since == 0;
    if !first && now.duration_since(last.at) < LINE_EVERY {
        last.since += 1;
        return None;
    }
    last.at = now;
    Some(std::mem::take(&mut last.since) + 1)
}
