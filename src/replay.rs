//! The same request is never answered twice: nonces, each spent once per application, and proofs of login, each spent once.
//!
//! The memory of those whose window is open; the ledger makes each durable in the commit of what it was spent on, and
//! fills this memory again after a restart.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::Spent;
use crate::policy::load::Load;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant as Day;

/// Shortest nonce in bytes (contract).
const NONCE_LEN_MIN: usize = 16;
/// Longest nonce in bytes (contract).
const NONCE_LEN_MAX: usize = 64;

/// A request's nonce: 16 to 64 of `A-Z a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Checks the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (NONCE_LEN_MIN..=NONCE_LEN_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        ok.then(|| Self(text.to_owned()))
    }
}

/// Under whom used proofs are remembered: they are single-use for all applications together. No Unix user has that number
/// (`(uid_t) -1`, chown(2)).
pub const PROOFS: u32 = u32::MAX;

/// SHA-256 over application and nonce: what is remembered, whatever the nonce's length.
type Mark = Digest;

/// Nonces of all applications, each remembered by the machine's steady clock (a jump of the other must not forget any) until no session that was open when it was used can still live.
#[derive(Debug)]
pub struct Nonces {
    used: Mutex<HashMap<u32, Used>>,
    window: Duration,
    per_application_max: usize,
    share_percent: usize,
}

/// Nonces of one application.
#[derive(Debug, Default)]
struct Used {
    seen: HashSet<Mark>,
    /// In the order of their use, with the instant after which each may be forgotten.
    order: VecDeque<(Instant, Mark)>,
}

/// Why a nonce was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotClaimed {
    /// Used before.
    Seen,
    /// No room to remember another: refused rather than forgotten.
    Full,
}

impl Nonces {
    /// Remembers nonces, each for `window` (the longest life of any session), of each application (Unix user) at most
    /// `per_application_max` at once, `share_percent` of them for emergencies alone.
    #[must_use]
    pub fn new(window: Duration, per_application_max: usize, share_percent: usize) -> Self {
        Self { used: Mutex::default(), window, per_application_max, share_percent }
    }

    /// Remembers nonces of the application `uid` that the ledger kept; `now` is the day's clock, `moment` the steady one.
    pub fn restore(&self, uid: u32, spent: &Spent, now: Day, moment: Instant) {
        let mut all = self.all();
        let used = all.entry(uid).or_default();
        let left =
            Duration::from_millis(u64::try_from(spent.until.ms_since(now)).unwrap_or_default()).min(self.window);
        for mark in &spent.marks {
            if used.seen.insert(*mark) {
                used.order.push_back((moment + left, *mark));
            }
        }
    }

    /// Takes a nonce of the application `uid` at `now`.
    ///
    /// After `Ok` the same nonce is `Seen`, unless the claim is given back by [`Claim::free`].
    ///
    /// # Errors
    /// [`NotClaimed`]; nothing is remembered.
    pub fn claim(&self, uid: u32, nonce: &Nonce, load: Load, now: Instant) -> Result<Claim<'_>, NotClaimed> {
        self.claim_mark(uid, mark(uid, nonce), load, now)
    }

    /// Takes what is known by `mark`: as [`Nonces::claim`].
    ///
    /// # Errors
    /// As [`Nonces::claim`].
    pub fn claim_mark(&self, uid: u32, mark: Digest, load: Load, now: Instant) -> Result<Claim<'_>, NotClaimed> {
        let mut all = self.all();
        let used = all.entry(uid).or_default();
        while let Some((until, old)) = used.order.front().copied()
            && until <= now
        {
            used.order.pop_front();
            used.seen.remove(&old);
        }
        if used.seen.contains(&mark) {
            return Err(NotClaimed::Seen);
        }
        if used.order.len() >= load.of(self.per_application_max, self.share_percent) {
            return Err(NotClaimed::Full);
        }
        used.seen.insert(mark);
        used.order.push_back((now + self.window, mark));
        drop(all);
        Ok(Claim { nonces: self, uid, mark })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u32, Used>> {
        // A panic under this lock is impossible but for memory; what was inserted stands.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(uid: u32, nonce: &Nonce) -> Mark {
    Digest::of(&[&uid.to_be_bytes(), nonce.0.as_bytes()])
}

/// A nonce that is taken; dropped, it stays used.
#[derive(Debug)]
#[must_use]
pub struct Claim<'n> {
    nonces: &'n Nonces,
    uid: u32,
    mark: Mark,
}

impl Claim<'_> {
    /// Gives the nonce back: load was shed and nothing was done (contract, `Busy`).
    pub fn free(self) {
        let mut all = self.nonces.all();
        let used = all.entry(self.uid).or_default();
        used.seen.remove(&self.mark);
        if let Some(at) = used.order.iter().rposition(|(_, mark)| *mark == self.mark) {
            used.order.remove(at);
        }
    }

    /// Spends the nonce: its mark, which the ledger makes durable with the trace of what it was spent on.
    pub fn spend(self) -> Digest {
        self.mark
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn nonce(text: &str) -> Nonce {
        Nonce::parse(text).unwrap()
    }

    #[test]
    fn a_nonce_is_taken_once_per_application_within_the_window() {
        let nonces = Nonces::new(Duration::from_secs(1), 10, 0);
        let at = Instant::now();
        let one = nonce("abcdefghijklmnop");
        let claim = |uid, at| nonces.claim(uid, &one, Load::Usual, at).map(Claim::spend);
        claim(7, at).unwrap();
        assert_eq!(claim(7, at).unwrap_err(), NotClaimed::Seen);
        assert_eq!(claim(7, at + Duration::from_millis(999)).unwrap_err(), NotClaimed::Seen);
        assert!(claim(8, at).is_ok());
        assert!(claim(7, at + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn a_freed_nonce_can_be_taken_again_and_a_full_store_refuses() {
        let nonces = Nonces::new(Duration::from_secs(1), 3, 34);
        let claim = |text: &str, load| nonces.claim(7, &nonce(text), load, Instant::now());
        claim("aaaaaaaaaaaaaaaa", Load::Usual).unwrap().free();
        let _ = claim("aaaaaaaaaaaaaaaa", Load::Usual).unwrap();
        let _ = claim("bbbbbbbbbbbbbbbb", Load::Usual).unwrap();
        assert_eq!(claim("cccccccccccccccc", Load::Usual).unwrap_err(), NotClaimed::Full);
        // The last places are for emergencies, and they end too.
        let _ = claim("cccccccccccccccc", Load::Emergency).unwrap();
        assert_eq!(claim("dddddddddddddddd", Load::Emergency).unwrap_err(), NotClaimed::Full);
    }

    #[test]
    fn the_form_is_the_contract_s() {
        for refused in ["short", "aaaaaaaaaaaaaaa\u{e9}", "aaaaaaaaaaaaaaa ", &"a".repeat(65), ""] {
            assert!(Nonce::parse(refused).is_none(), "{refused}");
        }
        assert!(Nonce::parse(&"a-_Z9".repeat(4)).is_some());
    }
}
