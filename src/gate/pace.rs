//! How fast handshakes that come to nothing are begun: by source and of all strangers, so that they cost little arithmetic.
//!
//! A handshake is paid for when it begins and paid back when it ends with a client's certificate: clients are not slowed, however
//! often they come. Whoever has spent all waits his turn in his place instead of being hung up on, so that an application beside
//! another one that fails over and over still comes in. Where a client came from once, no stranger of elsewhere is waited for.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A pace and what may be ahead of it.
#[derive(Clone, Copy, Debug)]
struct Rate {
    every: Duration,
    ahead: Duration,
}

/// What may be spent at once: that of so long a time.
const AHEAD: Duration = Duration::from_secs(10);
/// Sources that are told apart, those of the last ten seconds: beyond, the pace of all is theirs.
const SOURCES_MAX: usize = 4_096;
/// Sources of clients that are remembered: more than an establishment has servers.
const KNOWN_MAX: usize = 4_096;

/// The pace of each source, and that of all whence no client came yet.
#[derive(Debug)]
pub(super) struct Pace {
    of_source: Rate,
    of_strangers: Rate,
    state: Mutex<State>,
}

/// When each has spent nothing (the generic cell rate algorithm: a past instant is a full purse).
#[derive(Debug)]
struct State {
    sources: HashMap<IpAddr, Instant>,
    strangers: Instant,
    /// Whence a client came since the start.
    known: HashSet<IpAddr>,
}

/// A handshake that was paid for: dropped, it came to nothing.
#[derive(Debug)]
#[must_use]
pub(super) struct Paid<'p> {
    pace: &'p Pace,
    source: IpAddr,
    is_known: bool,
}

impl Rate {
    fn per_minute(count: usize) -> Self {
        let every = Duration::from_secs(60) / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        Self { every, ahead: AHEAD.max(every) }
    }

    /// Spends one of what stands at `spent`; how long until it may begin.
    fn take(self, spent: &mut Instant, now: Instant) -> Duration {
        let next = (*spent).max(now) + self.every;
        *spent = next;
        next.saturating_duration_since(now + self.ahead)
    }

    fn give_back(self, spent: &mut Instant) {
        *spent = spent.checked_sub(self.every).unwrap_or(*spent);
    }
}

impl Pace {
    /// So many handshakes in a minute, of one source and of all strangers.
    pub(super) fn new(of_source: usize, of_strangers: usize) -> Self {
        let state = State { sources: HashMap::new(), strangers: Instant::now(), known: HashSet::new() };
        Self {
            of_source: Rate::per_minute(of_source),
            of_strangers: Rate::per_minute(of_strangers),
            state: Mutex::new(state),
        }
    }

    /// Whether a client came from there.
    pub(super) fn knows(&self, source: IpAddr) -> bool {
        self.state().known.contains(&source)
    }

    /// Pays for a handshake of that source, which may begin after that time.
    pub(super) fn pay(&self, source: IpAddr, now: Instant) -> (Paid<'_>, Duration) {
        let mut state = self.state();
        let State { sources, strangers, known } = &mut *state;
        let is_known = known.contains(&source);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            sources.retain(|_, spent| *spent > now);
        }
        let of_strangers = if is_known { Duration::ZERO } else { self.of_strangers.take(strangers, now) };
        let of_source = if sources.len() < SOURCES_MAX || sources.contains_key(&source) {
            self.of_source.take(sources.entry(source).or_insert(now), now)
        } else {
            Duration::ZERO
        };
        (Paid { pace: self, source, is_known }, of_source.max(of_strangers))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics but for memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paid<'_> {
    /// It ended with a client's certificate.
    pub(super) fn client(self) {
        let mut state = self.pace.state();
        if state.known.len() < KNOWN_MAX {
            state.known.insert(self.source);
        }
        self.give_back(&mut state);
    }

    /// It is not begun.
    pub(super) fn back(self) {
        self.give_back(&mut self.pace.state());
    }

    fn give_back(&self, state: &mut State) {
        if !self.is_known {
            self.pace.of_strangers.give_back(&mut state.strangers);
        }
        if let Some(spent) = state.sources.get_mut(&self.source) {
            self.pace.of_source.give_back(spent);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn source(last: u16) -> IpAddr {
        IpAddr::from([0, 0, 0, 0, 0, 0, 0, last])
    }

    fn wait(pace: &Pace, of: IpAddr, now: Instant) -> Duration {
        pace.pay(of, now).1
    }

    #[test]
    fn who_fails_waits_his_turn_and_nobody_else() {
        let (pace, now) = (Pace::new(60, 6_000), Instant::now());
        assert!((0..10).all(|_| wait(&pace, source(1), now).is_zero()), "ten seconds' worth at once");
        assert_eq!(wait(&pace, source(1), now), Duration::from_secs(1));
        assert_eq!(wait(&pace, source(1), now), Duration::from_secs(2));
        assert!(wait(&pace, source(2), now).is_zero());
        assert!(wait(&pace, source(1), now + MINUTE).is_zero(), "time pays");
    }

    #[test]
    fn clients_are_paid_back() {
        let (pace, now) = (Pace::new(60, 60), Instant::now());
        for _ in 0..1_000 {
            let (paid, wait) = pace.pay(source(1), now);
            assert!(wait.is_zero());
            paid.client();
        }
        assert!((0..10).all(|_| wait(&pace, source(1), now).is_zero()));
        assert!(!wait(&pace, source(1), now).is_zero());
    }

    #[test]
    fn strangers_have_a_pace_together_and_few_are_remembered() {
        let (pace, now) = (Pace::new(60, 600), Instant::now());
        assert!((0..100).all(|last| wait(&pace, source(last), now).is_zero()));
        assert!(!wait(&pace, source(100), now).is_zero());
        // Whence a client came, nobody waits for strangers.
        pace.pay(source(101), now).0.client();
        assert!(pace.knows(source(101)) && !pace.knows(source(100)));
        assert!(wait(&pace, source(101), now).is_zero());
        for last in 0..u16::MAX {
            drop(pace.pay(source(last), now));
        }
        assert!(pace.state().sources.len() <= SOURCES_MAX);
        drop(pace.pay(source(1), now + 100 * MINUTE));
        assert!(pace.state().sources.len() <= SOURCES_MAX);
        let later = now + 1_000_000 * MINUTE;
        drop(pace.pay(source(u16::MAX), later));
        assert_eq!(pace.state().sources.len(), 1, "who spent nothing lately is forgotten");
    }
}
