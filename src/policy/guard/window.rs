//! Sliding windows: how many, and how many distinct, within the last so many milliseconds.
//!
//! A window is cut into [`SLOTS`] slots; a slot counts until it lies wholly outside. So a window is never shorter than its
//! name, and at most one slot longer.

use std::collections::HashMap;

use crate::traces::digest::Digest;

/// Slots of a window: an hour forgets by two and a half minutes, a day by the hour; a counter of each costs 4 bytes.
pub(super) const SLOTS: u64 = 24;
const RING: usize = SLOTS as usize + 1;

/// How many in the window.
#[derive(Clone, Debug)]
pub(super) struct Count {
    slot_ms: u64,
    newest: u64,
    ring: [u32; RING],
    total: u32,
}

impl Count {
    pub(super) fn new(window_ms: u64) -> Self {
        Self { slot_ms: (window_ms / SLOTS).max(1), newest: 0, ring: [0; RING], total: 0 }
    }

    /// How many are in the window at `now_ms`.
    pub(super) fn at(&mut self, now_ms: u64) -> u32 {
        self.advance(now_ms / self.slot_ms);
        self.total
    }

    /// One more at `now_ms`; gives how many there are now. What is older than the window is not counted.
    pub(super) fn add(&mut self, now_ms: u64) -> u32 {
        let slot = now_ms / self.slot_ms;
        self.advance(slot);
        if slot + SLOTS >= self.newest
            && let Some(count) = self.ring.get_mut(place(slot))
        {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
        self.total
    }

    /// The same number over another window, all of it as of `now_ms`.
    pub(super) fn over(&mut self, window_ms: u64, now_ms: u64) -> Self {
        let total = self.at(now_ms);
        let mut other = Self::new(window_ms);
        let slot = now_ms / other.slot_ms;
        other.advance(slot);
        if let Some(count) = other.ring.get_mut(place(slot)) {
            (*count, other.total) = (total, total);
        }
        other
    }

    /// One less, of the newest that there are.
    pub(super) fn take(&mut self) {
        for back in 0..=SLOTS.min(self.newest) {
            if let Some(count @ 1..) = self.ring.get_mut(place(self.newest - back)) {
                *count -= 1;
                self.total -= 1;
                return;
            }
        }
    }

    fn advance(&mut self, slot: u64) {
        if slot <= self.newest {
            return;
        }
        for passed in (self.newest + 1..=slot).take(RING) {
            if let Some(count) = self.ring.get_mut(place(passed)) {
                self.total -= *count;
                *count = 0;
            }
        }
        self.newest = slot;
    }
}

fn place(slot: u64) -> usize {
    usize::try_from(slot % (SLOTS + 1)).unwrap_or_default()
}

/// How many distinct in the window; as many memories as there are distinct ones.
#[derive(Clone, Debug)]
pub(super) struct Distinct {
    slot_ms: u64,
    newest: u64,
    last_seen: HashMap<Digest, u64>,
}

impl Distinct {
    pub(super) fn new(window_ms: u64) -> Self {
        Self { slot_ms: (window_ms / SLOTS).max(1), newest: 0, last_seen: HashMap::new() }
    }

    /// How many distinct there are at `now_ms`.
    pub(super) fn at(&mut self, now_ms: u64) -> u32 {
        self.advance(now_ms / self.slot_ms);
        u32::try_from(self.last_seen.len()).unwrap_or(u32::MAX)
    }

    /// Whether `one` is among them at `now_ms`.
    pub(super) fn has(&mut self, one: Digest, now_ms: u64) -> bool {
        self.advance(now_ms / self.slot_ms);
        self.last_seen.contains_key(&one)
    }

    /// The same ones over another window, all of them as of `now_ms`.
    pub(super) fn over(&mut self, window_ms: u64, now_ms: u64) -> Self {
        self.advance(now_ms / self.slot_ms);
        let mut other = Self::new(window_ms);
        let slot = now_ms / other.slot_ms;
        other.newest = slot;
        other.last_seen = self.last_seen.keys().map(|one| (*one, slot)).collect();
        other
    }

    /// Sees `one` at `now_ms`; gives how many distinct there are now. What is older than the window is not counted.
    pub(super) fn add(&mut self, one: Digest, now_ms: u64) -> u32 {
        let slot = now_ms / self.slot_ms;
        self.advance(slot);
        if slot + SLOTS >= self.newest {
            let last = self.last_seen.entry(one).or_insert(slot);
            *last = slot.max(*last);
        }
        self.at(now_ms)
    }

    fn advance(&mut self, slot: u64) {
        if slot <= self.newest {
            return;
        }
        self.newest = slot;
        self.last_seen.retain(|_, last| *last + SLOTS >= slot);
    }
}
