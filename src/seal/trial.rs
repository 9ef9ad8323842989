//! How many signer processes and sessions of a key sign at once: tried at the start, each number against a larger one.
//!
//! What a module gains by more of them nobody can know beforehand: two processes of a soft token sign twice as much on two
//! cores, two sessions of one process hardly more, and a network HSM may want sixteen. What the configuration gives is the
//! most; those that bring nothing stay connected and stand in for the ones that break.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::lane::Lane;
use super::pool::Pool;
use super::verifier::Verifier;
use super::wire::{NONCE_LEN, self_test_message};

/// How long one number is measured at most: some hundred signatures of a soft token, some ten of an HSM across a network.
const WINDOW_MAX: Duration = Duration::from_millis(100);
/// Part of the limit for which lanes are waited for that are not there with the first one.
const GATHERING: u32 = 4;
/// A larger number must bring a tenth more, in percent: what it costs the machine is not seen here.
const GAIN_PERCENT: u64 = 110;
/// Self-tests under way on each lane: none of them waits for us.
const UNDER_WAY: usize = 2;

/// Processes, and sessions of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Signer processes.
    pub processes: u16,
    /// PKCS#11 sessions of each.
    pub sessions: u16,
}

impl Numbers {
    /// Whether a slot is among them, in a pool of `most`: sessions one after the other, of each all processes.
    pub(super) fn has(self, slot: usize, most: Self) -> bool {
        let processes = usize::from(most.processes.max(1));
        slot % processes < usize::from(self.processes) && slot / processes < usize::from(self.sessions)
    }

    fn count(self) -> usize {
        usize::from(self.processes) * usize::from(self.sessions)
    }
}

/// What sign at once, and how much they signed in the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// How many.
    pub numbers: Numbers,
    /// Self-tests a second; none: nothing was tried.
    pub per_second: Option<u64>,
}

/// Tries numbers up to `most` and settles the pool's; it gives no place until then, nor for longer than `limit` after its first
/// lane is there. A trial that fails, or takes longer, leaves it all.
pub(super) async fn run(pool: Arc<Pool>, most: Numbers, verifier: Arc<Verifier>, limit: Duration) {
    pool.first_lane().await;
    let until = Instant::now() + limit;
    let _ = timeout_at(Instant::now() + limit / GATHERING, pool.every_lane()).await;
    let chosen = timeout_at(until, choose(&pool, most, &verifier, until)).await.ok().flatten();
    let chosen = chosen.unwrap_or(Chosen { numbers: most, per_second: None });
    let Numbers { processes, sessions } = chosen.numbers;
    tracing::info!(processes, sessions, per_second = chosen.per_second, "signers chosen");
    pool.settle(chosen);
}

/// Processes first, then sessions of as many; each doubled for as long as that brings a gain. None: a lane failed.
async fn choose(pool: &Arc<Pool>, most: Numbers, verifier: &Arc<Verifier>, until: Instant) -> Option<Chosen> {
    let steps = doublings(most.processes).count() + doublings(most.sessions).count() + 1;
    let left = until.saturating_duration_since(Instant::now());
    let window = (left / u32::try_from(steps * 2).unwrap_or(u32::MAX)).min(WINDOW_MAX);
    let mut best = Numbers { processes: 1, sessions: 1 };
    let mut best_rate = rate(pool, best, most, verifier, window).await.filter(|rate| *rate > 0)?;
    let with_processes = |best, processes| Numbers { processes, ..best };
    let with_sessions = |best, sessions| Numbers { sessions, ..best };
    for (of, larger) in [(most.processes, with_processes as fn(_, _) -> _), (most.sessions, with_sessions)] {
        for number in doublings(of) {
            let larger = larger(best, number);
            let larger_rate = rate(pool, larger, most, verifier, window).await?;
            if larger_rate * 100 < best_rate * GAIN_PERCENT {
                break;
            }
            (best, best_rate) = (larger, larger_rate);
        }
    }
    Some(Chosen { numbers: best, per_second: Some(best_rate) })
}

/// 2, 4, 8 … up to `most`, and `most`.
fn doublings(most: u16) -> impl Iterator<Item = u16> {
    let powers = (1..16).map(|power| 1 << power).take_while(move |number| *number < most);
    powers.chain((most > 1).then_some(most))
}

/// Verified self-tests a second by so many, 0 where the token has not given them all a session; none: one of them failed.
async fn rate(
    pool: &Arc<Pool>,
    numbers: Numbers,
    most: Numbers,
    verifier: &Arc<Verifier>,
    window: Duration,
) -> Option<u64> {
    let lanes = pool.lanes(|slot| numbers.has(slot, most));
    if lanes.len() < numbers.count() {
        return Some(0);
    }
    let began = Instant::now();
    let mut signing = JoinSet::new();
    for lane in lanes {
        for _ in 0..UNDER_WAY {
            signing.spawn(sign_until(lane.clone(), Arc::clone(verifier), began + window));
        }
    }
    let mut signed = 0;
    while let Some(counted) = signing.join_next().await {
        signed += counted.ok().flatten()?;
    }
    // To the end of the last one: what was under way at the window's end is counted with its time.
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    Some(signed * 1_000_000 / micros)
}

async fn sign_until(lane: Lane, verifier: Arc<Verifier>, end: Instant) -> Option<u64> {
    let mut signed = 0;
    loop {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let signature = lane.self_test(nonce).await.ok()?;
        if !verifier.verifies(&self_test_message(&nonce), &signature) {
            return None;
        }
        signed += 1;
        if Instant::now() >= end {
            return Some(signed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_double_up_to_the_most() {
        let all = |most| doublings(most).collect::<Vec<_>>();
        assert_eq!((all(1), all(2), all(3), all(8)), (vec![], vec![2], vec![2, 3], vec![2, 4, 8]));
        assert_eq!(all(64), [2, 4, 8, 16, 32, 64]);
    }

    #[test]
    fn a_slot_is_a_session_of_a_process() {
        let most = Numbers { processes: 2, sessions: 3 };
        let of = |processes, sessions| {
            (0..6).filter(|slot| Numbers { processes, sessions }.has(*slot, most)).collect::<Vec<_>>()
        };
        assert_eq!((of(1, 1), of(2, 1), of(1, 2)), (vec![0], vec![0, 1], vec![0, 2]));
        assert_eq!(of(2, 3), (0..6).collect::<Vec<_>>());
    }
}
