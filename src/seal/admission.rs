//! How many assertions are begun: as many as the signers seal within half of the time that one may wait, so that what has its
//! trace gets its seal. Who would wait for longer is told so at once, before a nonce is spent or a trace written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::pool::{Pool, Unready};
use super::waiting::{Caller, Waiting};

/// Part of the longest wait for which signatures may be begun: the rest is for the disk, and for signers that slow down.
const BEGUN_PART: usize = 2;

/// Why nothing may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBegun {
    /// There is no signer that works.
    Unready(Unready),
    /// The wait would be longer than one may wait.
    Busy,
}

/// Who may begin an assertion of one key.
#[derive(Debug)]
pub(super) struct Admission {
    pool: Arc<Pool>,
    /// Longest wait.
    queue: Duration,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    begun: usize,
    waiting: Waiting<Begun>,
}

impl Admission {
    /// To the signers of `pool`; nobody waits for longer than `queue`.
    pub(super) fn to(pool: Arc<Pool>, queue: Duration) -> Arc<Self> {
        Arc::new(Self { pool, queue, shared: Mutex::default() })
    }

    /// Begins an assertion for `caller`, waiting while as many as the signers can seal in time are begun.
    ///
    /// # Errors
    /// [`NotBegun`]; busy at once if those who are ahead take longer than one may wait.
    pub(super) async fn begin(self: &Arc<Self>, caller: Caller) -> Result<Begun, NotBegun> {
        let (places, signed) = self.pool.capacity(self.queue).map_err(NotBegun::Unready)?;
        let turn = {
            let mut shared = self.shared();
            if shared.waiting.is_empty() && shared.begun < begun_max(places, signed) {
                shared.begun += 1;
                drop(shared);
                return Ok(Begun { admission: Some(Arc::clone(self)) });
            }
            let ahead = shared.begun + shared.waiting.ahead_of(caller);
            if signed.is_some_and(|signed| ahead >= signed.max(places)) {
                return Err(NotBegun::Busy);
            }
            let (waiter, turn) = oneshot::channel();
            shared.waiting.push(caller, waiter);
            turn
        };
        match timeout(self.queue, turn).await {
            Ok(Ok(begun)) => Ok(begun),
            Err(_) if self.pool.is_ready() => Err(NotBegun::Busy),
            // In time, but the queue was dissolved: no signer is left.
            Ok(Err(_)) | Err(_) => Err(NotBegun::Unready(self.pool.cause())),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing under this lock panics; the lists are whole whatever happened.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One assertion less is begun: those who wait begin in their turn, or learn that no signer is left.
    fn end(self: &Arc<Self>) {
        let mut shared = self.shared();
        shared.begun = shared.begun.saturating_sub(1);
        if shared.waiting.is_empty() {
            return;
        }
        let Ok((places, signed)) = self.pool.capacity(self.queue) else {
            shared.waiting = Waiting::default();
            return;
        };
        while shared.begun < begun_max(places, signed) {
            let Some(waiter) = shared.waiting.pop() else { return };
            if let Err(mut unwanted) = waiter.send(Begun { admission: Some(Arc::clone(self)) }) {
                // That one waits no more: the next.
                unwanted.admission = None;
            } else {
                shared.begun += 1;
            }
        }
    }
}

/// Of what the lanes give within the longest wait, the part that may be begun; never less than they hold.
fn begun_max(places: usize, signed: Option<usize>) -> usize {
    signed.map_or(places, |signed| (signed / BEGUN_PART).max(places))
}

/// One assertion that is begun; it ends when this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Begun {
    /// None: it was never handed over.
    admission: Option<Arc<Admission>>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            admission.end();
        }
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
