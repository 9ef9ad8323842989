//! Faults counted by kind, ours and the DMP's, told in the log in bounded form.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Kinds that are told apart; beyond, they are counted together.
const KINDS_MAX: usize = 64;

/// What was counted since it was told last.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<(&'static str, String), u64>>);

impl Counts {
    /// Counts one of `whose` ("relay" or "dmp") of that kind.
    pub(super) fn count(&self, whose: &'static str, kind: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts.contains_key(&(whose, kind.to_owned()));
        let kind = if known || counts.len() < KINDS_MAX { kind } else { "others" };
        *counts.entry((whose, kind.to_owned())).or_insert(0) += 1;
    }

    /// Tells what was counted, a line for each kind, and begins anew.
    pub(super) fn tell(&self) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for ((whose, kind), count) in counts {
            tracing::info!(whose, kind, count, "faults");
        }
    }
}
