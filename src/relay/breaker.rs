//! A circuit breaker: a server that has failed several times in a row is tried once in a while, not by every call.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The breaker of one server.
#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    failures_max: u64,
    pause: Duration,
}

#[derive(Debug, Default)]
struct State {
    failures: u64,
    /// The next try, once there were too many.
    next: Option<Instant>,
}

impl Breaker {
    /// Opens after `failures_max` failures one after the other; then admits one try in each `pause`.
    pub(super) fn new(failures_max: u64, pause: Duration) -> Self {
        Self { state: Mutex::default(), failures_max, pause }
    }

    /// Whether a call may try at `now`.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.next {
            Some(next) if now < next => false,
            Some(_) => {
                // This one tries for all; the others wait for what becomes of it.
                state.next = Some(now + self.pause);
                true
            }
            None => true,
        }
    }

    /// The server did not do its part.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.failures_max {
            state.next = Some(now + self.pause);
        }
    }

    /// The server answered.
    pub(super) fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_tries_once_in_a_while() {
        let (breaker, at) = (Breaker::new(2, Duration::from_secs(10)), Instant::now());
        breaker.failed(at);
        breaker.succeeded();
        breaker.failed(at);
        assert!(breaker.admits(at), "one failure since the last success");
        breaker.failed(at);
        let later = at + Duration::from_secs(10);
        assert!(!breaker.admits(at + Duration::from_millis(9_999)));
        assert!(breaker.admits(later) && !breaker.admits(later), "one try for all");
        breaker.succeeded();
        assert!(breaker.admits(later) && breaker.admits(later));
    }
}
