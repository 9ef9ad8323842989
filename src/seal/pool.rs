//! Connections to all signer processes of one key: taken for one signature each, given back, replaced when they break.
//!
//! Nothing is locked across a signature: the lock guards lists for the time of a push or a pop. Who waits is served in
//! turn, one application after the other, so that a flood of one delays the others by one signature each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::connection::{Connection, SignerError};
use super::waiting::{Caller, Waiting};
use super::wire::Failure;

/// Why a key cannot sign now (contract, `Unavailable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// Module, token or signer process cannot be reached; heals by itself.
    #[error("token-unreachable")]
    TokenUnreachable,
    /// The PIN was refused; an operator must act.
    #[error("pin-refused")]
    PinRefused,
}

/// Why no connection was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// There is none that works.
    Unready(Unready),
    /// All that work are in use, and stayed so for as long as one may wait.
    Busy,
}

/// What is known of a slot: a place for one connection, the n-th session of one signer process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A connection made a verified signature and has not failed since.
    Healthy,
    /// There is no connection, for this reason.
    Failed(Failure),
}

/// An idle connection and the slot it belongs to.
#[derive(Debug)]
struct Idle {
    slot: usize,
    connection: Connection,
    last_used: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    idle: Vec<Idle>,
    waiting: Waiting,
    slots: Vec<Slot>,
}

/// The pool of one key.
#[derive(Debug)]
pub struct Pool {
    shared: Mutex<Shared>,
    /// Wakes the keeper of a slot whose connection broke.
    broken: Vec<Notify>,
}

impl Pool {
    /// A pool of `slots` places, all empty.
    #[must_use]
    pub fn new(slots: usize) -> Arc<Self> {
        let shared = Shared { slots: vec![Slot::Failed(Failure::TokenUnreachable); slots], ..Shared::default() };
        Arc::new(Self { shared: Mutex::new(shared), broken: (0..slots).map(|_| Notify::new()).collect() })
    }

    /// Whether some connection made a verified signature and has not failed since.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared().is_ready()
    }

    /// Why nothing can be signed while the pool is not ready.
    #[must_use]
    pub fn cause(&self) -> Unready {
        self.shared().cause()
    }

    /// Takes a connection for `caller`, waiting for at most `wait` while all are in use.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn take(self: &Arc<Self>, caller: Caller, wait: Duration) -> Result<Taken, NotTaken> {
        let turn = {
            let mut shared = self.shared();
            if !shared.is_ready() {
                return Err(NotTaken::Unready(shared.cause()));
            }
            if let Some(idle) = shared.idle.pop() {
                drop(shared);
                return Ok(Taken::new(self, idle));
            }
            let (waiter, turn) = oneshot::channel();
            shared.waiting.push(caller, waiter);
            turn
        };
        match timeout(wait, turn).await {
            Ok(Ok(taken)) => Ok(taken),
            Err(_) if self.is_ready() => Err(NotTaken::Busy),
            // In time, but the queue was dissolved: the last connection broke.
            Ok(Err(_)) | Err(_) => Err(NotTaken::Unready(self.cause())),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing under this lock panics; the lists are whole whatever happened.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a connection to whoever waits first, or keeps it.
    fn give_back(self: &Arc<Self>, mut idle: Idle) {
        loop {
            let waiter = {
                let mut shared = self.shared();
                match shared.waiting.pop() {
                    Some(waiter) => waiter,
                    None => {
                        shared.idle.push(idle);
                        return;
                    }
                }
            };
            match waiter.send(Taken::new(self, idle)) {
                Ok(()) => return,
                // That one waits no more: the next.
                Err(mut taken) => match taken.idle.take() {
                    Some(back) => idle = back,
                    None => return,
                },
            }
        }
    }

    fn lose(&self, slot: usize, failure: Failure) {
        self.note(slot, Slot::Failed(failure));
        if let Some(broken) = self.broken.get(slot) {
            broken.notify_one();
        }
    }

    // For the keepers of slots:

    /// A slot's connection has just made a verified signature: others may take it.
    pub(super) fn install(self: &Arc<Self>, slot: usize, connection: Connection) {
        self.note(slot, Slot::Healthy);
        self.give_back(Idle { slot, connection, last_used: Instant::now() });
    }

    /// Notes what is known of a slot; without any healthy one, nobody waits in vain.
    pub(super) fn note(&self, slot: usize, known: Slot) {
        let mut shared = self.shared();
        if let Some(slot) = shared.slots.get_mut(slot) {
            *slot = known;
        }
        if !shared.is_ready() {
            let dissolved = std::mem::take(&mut shared.waiting);
            drop(shared);
            drop(dissolved);
        }
    }

    /// Waits until the slot's connection has broken.
    pub(super) async fn broken(&self, slot: usize) {
        match self.broken.get(slot) {
            Some(broken) => broken.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes the slot's own connection if it has been idle for `idle_min`.
    pub(super) fn take_idle(self: &Arc<Self>, slot: usize, idle_min: Duration) -> Option<Taken> {
        let mut shared = self.shared();
        let at = shared.idle.iter().position(|idle| idle.slot == slot && idle.last_used.elapsed() >= idle_min)?;
        let idle = shared.idle.swap_remove(at);
        drop(shared);
        Some(Taken::new(self, idle))
    }
}

impl Shared {
    fn is_ready(&self) -> bool {
        self.slots.contains(&Slot::Healthy)
    }

    fn cause(&self) -> Unready {
        if self.slots.contains(&Slot::Failed(Failure::PinRefused)) {
            Unready::PinRefused
        } else {
            Unready::TokenUnreachable
        }
    }
}

/// A connection taken for one request. Dropped unused it goes back; dropped amid a request it is lost, and its keeper
/// makes a new one.
#[derive(Debug)]
pub struct Taken {
    pool: Arc<Pool>,
    idle: Option<Idle>,
    under_way: bool,
}

impl Taken {
    fn new(pool: &Arc<Pool>, idle: Idle) -> Self {
        Self { pool: Arc::clone(pool), idle: Some(idle), under_way: false }
    }

    /// One request; after `Ok` the connection can be given back.
    ///
    /// # Errors
    /// [`SignerError`]; the connection is lost.
    pub(super) async fn ask<T>(
        &mut self,
        request: impl AsyncFnOnce(&mut Connection) -> Result<T, SignerError>,
    ) -> Result<T, SignerError> {
        let Some(idle) = &mut self.idle else {
            return Err(SignerError::Unexpected);
        };
        self.under_way = true;
        let answer = request(&mut idle.connection).await;
        match &answer {
            Ok(_) => {
                idle.last_used = Instant::now();
                self.under_way = false;
            }
            Err(SignerError::Failed(failure)) => self.lose(*failure),
            Err(_) => self.lose(Failure::TokenUnreachable),
        }
        answer
    }

    /// The connection is of no more use.
    pub(super) fn lose(&mut self, failure: Failure) {
        if let Some(idle) = self.idle.take() {
            self.pool.lose(idle.slot, failure);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.under_way {
            self.lose(Failure::TokenUnreachable);
        } else if let Some(idle) = self.idle.take() {
            self.pool.give_back(idle);
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
