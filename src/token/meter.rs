//! Counts signatures and their CPU, and knows how long the library has been holding each thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sys::cpu;

/// Counters and running calls of one process; outlives every generation of the device.
#[derive(Debug)]
pub struct Meter {
    signatures: AtomicU64,
    sign_cpu_ns: AtomicU64,
    origin: Instant,
    /// Milliseconds from `origin`, plus one, at which the call began; zero: none.
    opening: AtomicU64,
    signing: Box<[AtomicU64]>,
}

/// A call into the library that is under way; ends when dropped.
#[must_use]
pub(super) struct Call<'a>(&'a AtomicU64);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Meter {
    /// A meter for as many signing sessions.
    #[must_use]
    pub fn new(sessions: u16) -> Self {
        Self {
            signatures: AtomicU64::new(0),
            sign_cpu_ns: AtomicU64::new(0),
            origin: Instant::now(),
            opening: AtomicU64::new(0),
            signing: (0..sessions).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Signatures made since the process began.
    #[must_use]
    pub fn signatures(&self) -> u64 {
        self.signatures.load(Ordering::Relaxed)
    }

    /// Thread CPU inside `C_SignInit` and `C_Sign` since the process began, in nanoseconds.
    #[must_use]
    pub fn sign_cpu_ns(&self) -> u64 {
        self.sign_cpu_ns.load(Ordering::Relaxed)
    }

    /// How long the longest signature under way has been in the library.
    #[must_use]
    pub fn longest_signature(&self) -> Duration {
        self.signing.iter().map(|began| self.since(began)).max().unwrap_or_default()
    }

    /// How long the opening or closing under way has been in the library.
    #[must_use]
    pub fn opening(&self) -> Duration {
        self.since(&self.opening)
    }

    fn since(&self, began: &AtomicU64) -> Duration {
        match began.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            at => self.origin.elapsed().saturating_sub(Duration::from_millis(at - 1)),
        }
    }

    fn begin<'a>(&self, slot: &'a AtomicU64) -> Call<'a> {
        let at = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        slot.store(at + 1, Ordering::Relaxed);
        Call(slot)
    }

    pub(super) fn begin_opening(&self) -> Call<'_> {
        self.begin(&self.opening)
    }

    /// Runs one signature of session `index` and counts it, and its CPU even if it fails.
    pub(super) fn sign<T, E>(&self, index: usize, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let _call = self.signing.get(index).map(|slot| self.begin(slot));
        self.count(call)
    }

    /// Runs one signature that cannot hang, and counts it.
    pub(crate) fn count<T, E>(&self, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let before = cpu::thread_ns();
        let result = call();
        self.sign_cpu_ns.fetch_add(cpu::thread_ns().saturating_sub(before), Ordering::Relaxed);
        if result.is_ok() {
            self.signatures.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_seen_while_it_runs_and_counted_when_it_is_done() {
        let meter = Meter::new(1);
        let seen = meter.sign(0, || {
            while meter.longest_signature() < Duration::from_millis(3) {
                std::hint::spin_loop();
            }
            Ok::<_, ()>(())
        });
        assert_eq!((seen, meter.longest_signature(), meter.signatures()), (Ok(()), Duration::ZERO, 1));
        assert!(meter.sign_cpu_ns() > 100_000, "a spinning thread uses CPU: {}", meter.sign_cpu_ns());
        assert_eq!(meter.sign(0, || Err::<(), _>(7)), Err(7));
        assert_eq!(meter.signatures(), 1);
    }
}
