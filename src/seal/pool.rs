//! Connections to all signer processes of one key: taken for one signature each, given back, replaced when they break.
//!
//! Nothing is locked across a signature: the lock guards a list of idle connections for the time of a push or a pop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::connection::{Connection, SignerError};
use super::verifier::Verifier;
use super::wire::Failure;

/// Attempts at one signature while signers hang up under it: signing the same bytes again is harmless.
const ATTEMPTS_MAX: usize = 3;

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

/// One place for a connection: the `session`-th of a signer process.
#[derive(Debug)]
pub(super) struct Slot {
    /// Wakes the slot's keeper: its connection broke.
    broken: Notify,
}

/// An idle connection and the slot it belongs to.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) slot: usize,
    pub(super) connection: Connection,
    pub(super) last_used: Instant,
}

/// The pool of one key.
#[derive(Debug)]
pub struct Pool {
    idle: Mutex<Vec<Idle>>,
    /// As many permits as idle connections.
    permits: Semaphore,
    slots: Vec<Slot>,
    healthy: AtomicUsize,
    pin_refused: AtomicBool,
    deadline: Duration,
}

impl Pool {
    /// A pool of `slots` places, all empty; `deadline` bounds waiting for a place and, again, the signature.
    #[must_use]
    pub fn new(slots: usize, deadline: Duration) -> Self {
        Self {
            idle: Mutex::new(Vec::with_capacity(slots)),
            permits: Semaphore::new(0),
            slots: (0..slots).map(|_| Slot { broken: Notify::new() }).collect(),
            healthy: AtomicUsize::new(0),
            pin_refused: AtomicBool::new(false),
            deadline,
        }
    }

    /// Whether some connection made a verified signature and has not failed since.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.healthy.load(Ordering::Acquire) > 0
    }

    /// Connections that are ready.
    #[must_use]
    pub fn healthy(&self) -> usize {
        self.healthy.load(Ordering::Acquire)
    }

    /// Signs a canonical `SignedInfo`; after `Ok` the signature has been verified with `verifier`.
    ///
    /// # Errors
    /// [`Unready`]: no signature exists that anyone could use.
    pub async fn sign(&self, signed_info: &str, verifier: &Verifier) -> Result<Vec<u8>, Unready> {
        for _ in 0..ATTEMPTS_MAX {
            let mut taken = self.take().await?;
            match taken.sign(signed_info).await {
                Ok(signature) if verifier.verifies(signed_info.as_bytes(), &signature) => {
                    taken.give_back();
                    return Ok(signature);
                }
                Ok(_) => {
                    tracing::error!("a signer returned a signature that does not verify; it was discarded");
                    return Err(Unready::TokenUnreachable);
                }
                Err(SignerError::Failed(failure)) => return Err(self.unready(failure)),
                Err(error @ SignerError::Io(_)) => {
                    tracing::warn!(%error, "a signer hung up; trying another connection")
                }
                Err(error) => {
                    tracing::warn!(%error, "a signer failed");
                    return Err(Unready::TokenUnreachable);
                }
            }
        }
        Err(Unready::TokenUnreachable)
    }

    /// Why nothing can be signed while the pool is not ready.
    #[must_use]
    pub fn cause(&self) -> Unready {
        if self.pin_refused.load(Ordering::Acquire) { Unready::PinRefused } else { Unready::TokenUnreachable }
    }

    fn unready(&self, failure: Failure) -> Unready {
        self.pin_refused.store(failure == Failure::PinRefused, Ordering::Release);
        self.cause()
    }

    async fn take(&self) -> Result<Taken<'_>, Unready> {
        if !self.is_ready() {
            return Err(self.cause());
        }
        let permit = timeout(self.deadline, self.permits.acquire()).await;
        match permit {
            Ok(Ok(permit)) => permit.forget(),
            _ => return Err(self.cause()),
        }
        let idle = self.idle().pop().ok_or(Unready::TokenUnreachable)?;
        Ok(Taken { pool: self, idle: Some(idle) })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing under this lock panics; a list of connections is whole whatever happened.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, place: Idle) {
        self.idle().push(Idle { last_used: Instant::now(), ..place });
        self.permits.add_permits(1);
    }

    /// A taken connection is of no more use: its keeper makes a new one.
    pub(super) fn lose(&self, slot: usize) {
        self.healthy.fetch_sub(1, Ordering::AcqRel);
        if let Some(slot) = self.slots.get(slot) {
            slot.broken.notify_one();
        }
    }

    // For the keepers of slots:

    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// A slot's connection has just made a verified signature: others may take it.
    pub(super) fn install(&self, slot: usize, connection: Connection) {
        self.pin_refused.store(false, Ordering::Release);
        self.healthy.fetch_add(1, Ordering::AcqRel);
        self.give_back(Idle { slot, connection, last_used: Instant::now() });
    }

    /// Notes why a slot could not be filled.
    pub(super) fn note(&self, failure: Failure) {
        let _ = self.unready(failure);
    }

    /// Waits until the slot's connection has broken.
    pub(super) async fn broken(&self, slot: usize) {
        match self.slots.get(slot) {
            Some(slot) => slot.broken.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes the slot's own connection if it has been idle for `idle_min`.
    pub(super) fn take_idle(&self, slot: usize, idle_min: Duration) -> Option<Idle> {
        self.permits.try_acquire().ok()?.forget();
        let mut idle = self.idle();
        let at = idle.iter().position(|place| place.slot == slot && place.last_used.elapsed() >= idle_min);
        let place = at.map(|at| idle.swap_remove(at));
        drop(idle);
        if place.is_none() {
            self.permits.add_permits(1);
        }
        place
    }

    pub(super) fn put_idle(&self, place: Idle) {
        self.give_back(place);
    }
}

/// A connection taken for one request; dropped instead of given back, it is lost and its keeper makes a new one.
struct Taken<'p> {
    pool: &'p Pool,
    idle: Option<Idle>,
}

impl Taken<'_> {
    async fn sign(&mut self, signed_info: &str) -> Result<Vec<u8>, SignerError> {
        match &mut self.idle {
            Some(idle) => idle.connection.sign(signed_info).await,
            None => Err(SignerError::Unexpected),
        }
    }

    fn give_back(mut self) {
        if let Some(idle) = self.idle.take() {
            self.pool.give_back(idle);
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(idle) = self.idle.take() {
            self.pool.lose(idle.slot);
        }
    }
}
