//! How often the counter may be raised: a restart loop must not wear the TPM's memory out.

use std::time::{Duration, Instant};

/// Increments that may come at once: a day of installation, with its restarts and tries.
const BURST: u32 = 60;
/// One more after that time: 144 a day at the most, ten years of a memory that bears half a million writes.
const ONE_MORE_AFTER: Duration = Duration::from_secs(600);

/// What may still be raised.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    counted_at: Instant,
}

impl Budget {
    /// A whole burst.
    pub(super) fn full(now: Instant) -> Self {
        Self { left: BURST, counted_at: now }
    }

    /// Takes one increment, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted_at).as_secs() / ONE_MORE_AFTER.as_secs();
        if let Some(more) = u32::try_from(passed).ok().filter(|more| *more > 0) {
            self.left = self.left.saturating_add(more).min(BURST);
            self.counted_at += ONE_MORE_AFTER.saturating_mul(more);
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_loop_is_stopped_and_a_day_is_not() {
        let began = Instant::now();
        let mut budget = Budget::full(began);
        let loops = (0..1000).filter(|n| budget.take(began + Duration::from_millis(500 * n))).count();
        assert_eq!(loops, 60);
        let mut budget = Budget::full(began);
        assert!((0..48).all(|hour| budget.take(began + Duration::from_secs(1800 * hour))));
        let day = (0..86_400).filter(|second| budget.take(began + Duration::from_secs(86_400 + second))).count();
        assert!(day <= 60 + 144, "{day}");
    }
}
