//! Lanes to all signer processes of one key: places on them are taken for one signature each, given back, and lanes replaced
//! when they break.
//!
//! Nothing is locked across a signature: the lock guards lists for the time of a push or a pop. Who waits is served in
//! turn, one application after the other, so that a flood of one delays the others by one signature each, and by those that
//! are at the signers already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::lane::Lane;
use super::taken::Taken;
use super::trial::{Chosen, Numbers};
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

/// What is known of a slot: room for one lane, to the n-th session of one signer process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A connection made a verified signature and has not failed since.
    Healthy,
    /// There is no connection, for this reason.
    Failed(Failure),
}

/// A slot, with its lane while there is one.
#[derive(Debug)]
struct Track {
    known: Slot,
    lane: Option<Lane>,
    /// Not chosen: it stands in for one that is, and is broken.
    reserve: bool,
    /// Places on this lane that are taken.
    taken: usize,
    last_used: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Waiting<Taken>,
    slots: Vec<Track>,
    /// None: on trial, nobody gets a place.
    chosen: Option<Chosen>,
}

/// The pool of one key.
#[derive(Debug)]
pub struct Pool {
    shared: Mutex<Shared>,
    /// How many slots there are, as processes and sessions.
    most: Numbers,
    /// A lane was installed.
    installed: Notify,
    /// Wakes the keeper of a slot whose connection broke.
    broken: Vec<Notify>,
}

impl Pool {
    /// A pool of a slot for each session of each process, all empty; it gives no place before `Pool::settle`.
    #[must_use]
    pub fn new(most: Numbers) -> Arc<Self> {
        let slots = usize::from(most.processes) * usize::from(most.sessions);
        let empty = || Track {
            known: Slot::Failed(Failure::TokenUnreachable),
            lane: None,
            reserve: false,
            taken: 0,
            last_used: Instant::now(),
        };
        let shared = Shared { slots: std::iter::repeat_with(empty).take(slots).collect(), ..Shared::default() };
        let broken = (0..slots).map(|_| Notify::new()).collect();
        Arc::new(Self { shared: Mutex::new(shared), most, installed: Notify::new(), broken })
    }

    /// What was chosen of it, and what there is at most; none before.
    #[must_use]
    pub fn chosen(&self) -> Option<(Chosen, Numbers)> {
        self.shared().chosen.map(|chosen| (chosen, self.most))
    }

    /// Whether some lane made a verified signature and has not failed since, and the trial is over.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared().is_ready()
    }

    /// Why nothing can be signed while the pool is not ready.
    #[must_use]
    pub fn cause(&self) -> Unready {
        self.shared().cause()
    }

    /// How many may be under way on its lanes at once, and how many they give in `time`; none: that is not known yet.
    ///
    /// # Errors
    /// There is no lane that works.
    pub(super) fn capacity(&self, time: Duration) -> Result<(usize, Option<usize>), Unready> {
        let shared = self.shared();
        if !shared.is_ready() {
            return Err(shared.cause());
        }
        Ok(shared.in_use().fold((0, Some(0)), |(places, signed), (_, _, lane)| {
            let of_lane = lane.signed_within(time);
            (places + lane.depth(), signed.zip(of_lane).map(|(all, one)| all.saturating_add(one)))
        }))
    }

    /// Takes a place for `caller` on the lane that has least under way, waiting while all are in use; after a try that failed at
    /// `failed_at`, with another process if one has room.
    ///
    /// # Errors
    /// There is none that works.
    pub async fn take(self: &Arc<Self>, caller: Caller, failed_at: Option<usize>) -> Result<Taken, Unready> {
        let processes = usize::from(self.most.processes.max(1));
        let shunned = |slot| failed_at.is_some_and(|failed| slot % processes == failed % processes);
        let turn = {
            let mut shared = self.shared();
            if !shared.is_ready() {
                return Err(shared.cause());
            }
            if let Some((slot, lane)) = shared.free(shunned) {
                drop(shared);
                return Ok(Taken::new(self, slot, lane));
            }
            let (waiter, turn) = oneshot::channel();
            shared.waiting.push(caller, waiter);
            turn
        };
        // The queue is dissolved when the last connection breaks.
        turn.await.map_err(|_| self.cause())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing under this lock panics; the lists are whole whatever happened.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place of that lane back, if it is still the slot's, and hands what is free to whoever waits first.
    pub(super) fn give_back(self: &Arc<Self>, slot: usize, lane: &Lane) {
        let mut shared = self.shared();
        if let Some(track) = shared.slots.get_mut(slot).filter(|track| track.has(lane)) {
            track.taken = track.taken.saturating_sub(1);
            track.last_used = Instant::now();
        }
        drop(shared);
        self.hand_out();
    }

    /// Hands free places to those who wait, in their turn.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let mut shared = self.shared();
            if shared.waiting.is_empty() {
                return;
            }
            let Some((slot, lane)) = shared.free(|_| false) else { return };
            let Some(waiter) = shared.waiting.pop() else {
                shared.release(slot);
                return;
            };
            drop(shared);
            if let Err(unwanted) = waiter.send(Taken::new(self, slot, lane)) {
                // That one waits no more: the next.
                unwanted.forget();
                self.shared().release(slot);
            }
        }
    }

    /// A lane is of no more use; one that has been replaced since changes nothing.
    pub(super) fn lose(&self, slot: usize, lane: &Lane, failure: Failure) {
        if !self.shared().slots.get(slot).is_some_and(|track| track.has(lane)) {
            return;
        }
        self.note(slot, failure);
        if let Some(broken) = self.broken.get(slot) {
            broken.notify_one();
        }
    }

    // For the keepers of slots:

    /// A slot's lane has just made a verified signature: others may take places on it.
    pub(super) fn install(self: &Arc<Self>, slot: usize, lane: Lane) {
        if let Some(track) = self.shared().slots.get_mut(slot) {
            let reserve = track.reserve;
            *track =
                Track { known: Slot::Healthy, lane: Some(lane), reserve, taken: 0, last_used: Instant::now() };
        }
        self.installed.notify_waiters();
        self.hand_out();
    }

    /// Notes why a slot has no lane; without any healthy one, nobody waits in vain.
    pub(super) fn note(&self, slot: usize, failure: Failure) {
        let mut shared = self.shared();
        if let Some(track) = shared.slots.get_mut(slot) {
            (track.known, track.lane) = (Slot::Failed(failure), None);
        }
        if !shared.is_ready() {
            let dissolved = std::mem::take(&mut shared.waiting);
            drop(shared);
            drop(dissolved);
        }
    }

    /// Waits until the slot's lane has broken.
    pub(super) async fn broken(&self, slot: usize) {
        match self.broken.get(slot) {
            Some(broken) => broken.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes a place on the slot's own lane if it has been idle for `idle_min`.
    pub(super) fn take_idle(self: &Arc<Self>, slot: usize, idle_min: Duration) -> Option<Taken> {
        let mut shared = self.shared();
        let track = shared.slots.get_mut(slot)?;
        let lane = track.lane.clone().filter(|_| track.taken == 0 && track.last_used.elapsed() >= idle_min)?;
        track.taken = 1;
        drop(shared);
        Some(Taken::new(self, slot, lane))
    }
}

/// For the trial.
impl Pool {
    /// Waits until there is a lane.
    pub(super) async fn first_lane(&self) {
        self.lanes_are(|lanes, _| lanes > 0).await;
    }

    /// Waits until every slot has its lane.
    pub(super) async fn every_lane(&self) {
        self.lanes_are(|lanes, slots| lanes == slots).await;
    }

    async fn lanes_are(&self, enough: impl Fn(usize, usize) -> bool) {
        loop {
            let mut installed = std::pin::pin!(self.installed.notified());
            // Before it is looked: what is installed meanwhile is not missed.
            installed.as_mut().enable();
            let lanes = self.lanes(|_| true).len();
            if enough(lanes, self.broken.len()) {
                return;
            }
            installed.await;
        }
    }

    /// The lanes of those slots that have one.
    pub(super) fn lanes(&self, of: impl Fn(usize) -> bool) -> Vec<Lane> {
        let shared = self.shared();
        let slots = shared.slots.iter().enumerate().filter(|(slot, _)| of(*slot));
        slots.filter_map(|(_, track)| track.lane.clone()).collect()
    }

    /// Ends the trial: places are given from here on, on the lanes that were chosen while they last.
    pub(super) fn settle(self: &Arc<Self>, chosen: Chosen) {
        let mut shared = self.shared();
        for (slot, track) in shared.slots.iter_mut().enumerate() {
            track.reserve = !chosen.numbers.has(slot, self.most);
            track.last_used = Instant::now();
        }
        shared.chosen = Some(chosen);
        drop(shared);
        self.hand_out();
    }
}

impl Track {
    fn has(&self, lane: &Lane) -> bool {
        self.lane.as_ref().is_some_and(|own| own.is(lane))
    }
}

impl Shared {
    fn is_ready(&self) -> bool {
        self.chosen.is_some() && self.slots.iter().any(|track| track.known == Slot::Healthy)
    }

    /// The slots whose lanes are in use, by number: those that were chosen, and reserves that stand in for broken ones.
    fn in_use(&self) -> impl Iterator<Item = (usize, &Track, &Lane)> {
        let mut broken = self.slots.iter().filter(|track| !track.reserve && track.lane.is_none()).count();
        self.slots.iter().enumerate().filter_map(move |(slot, track)| {
            let lane = track.lane.as_ref()?;
            if track.reserve {
                broken = broken.checked_sub(1)?;
            }
            Some((slot, track, lane))
        })
    }

    /// Takes a place where least is under way, on a lane of another process than `shunned` if there is one.
    fn free(&mut self, shunned: impl Fn(usize) -> bool) -> Option<(usize, Lane)> {
        let with_room = self.in_use().filter(|(_, track, lane)| track.taken < lane.depth());
        let (slot, _, lane) = with_room.min_by_key(|(slot, track, _)| (shunned(*slot), track.taken))?;
        let lane = lane.clone();
        self.slots.get_mut(slot)?.taken += 1;
        Some((slot, lane))
    }

    /// Gives back a place that nobody used.
    fn release(&mut self, slot: usize) {
        if let Some(track) = self.slots.get_mut(slot) {
            track.taken = track.taken.saturating_sub(1);
        }
    }

    fn cause(&self) -> Unready {
        if self.slots.iter().any(|track| track.known == Slot::Failed(Failure::PinRefused)) {
            Unready::PinRefused
        } else {
            Unready::TokenUnreachable
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
pub(super) mod tests;
