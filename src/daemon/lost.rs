//! Proofs of login that may have been used in a part of the ledger that was lost, or that a clock which was ahead had forgotten:
//! none of them opens a session any more.
//!
//! Nonces need no such memory: they are used on sessions, and no session of before outlives what was lost.

use std::sync::{Mutex, PoisonError};

use super::Daemon;
use crate::ledger::Lost;
use crate::vihf::instant::Instant;

/// What the ledger remembers of it.
#[derive(Debug)]
pub(super) struct MaybeSpent(Mutex<Option<Lost>>);

impl MaybeSpent {
    /// As the ledger kept it.
    pub(super) fn new(kept: Option<Lost>) -> Self {
        Self(Mutex::new(kept))
    }

    /// Proofs that were made by then may have been used; `now` as long as nobody knows until when.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        match self.get()? {
            Lost::Open => Some(now),
            Lost::Until(at) => Some(at),
        }
    }

    /// The ledger goes on from an older copy, or a new time begins, by an order that is on the disk.
    pub(super) fn begins(&self) {
        self.set(Some(Lost::Open));
    }

    fn get(&self) -> Option<Lost> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, lost: Option<Lost>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lost;
    }
}

impl Daemon {
    /// Between requests: the first instant of a clock that is fit is when the lost part was over at the latest.
    ///
    /// A crash before it is on the disk leaves it open: the next start sets it, later.
    pub(super) async fn settle_lost(&self) {
        if self.maybe_spent.get() != Some(Lost::Open) || self.in_order().is_err() || self.clock_is_fit().is_err() {
            return;
        }
        let now = self.clock.now();
        // A disk that refuses tells so itself; tried again.
        if self.ledger.lost_until(now).await.is_ok() {
            self.maybe_spent.set(Some(Lost::Until(now)));
            tracing::info!(until = %now, "proofs of login made by then may have been used in what was lost: refused");
        }
    }
}
