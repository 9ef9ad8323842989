//! Which appliance serves: the one that served, as long as it answers; else the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::appliance::{Appliance, Health};

/// Longest wait, just after the start, for the first news of an appliance.
const FIRST_NEWS_WAIT: Duration = Duration::from_millis(1500);

/// The appliances, in the order in which they were introduced.
#[derive(Debug)]
pub(super) struct Pair {
    appliances: Vec<Arc<Appliance>>,
    /// Which of them serves. It changes when it falls silent, or makes no assertions while another does; never back by itself:
    /// each change costs applications their sessions.
    current: Mutex<usize>,
}

impl Pair {
    pub(super) fn new(appliances: Vec<Arc<Appliance>>) -> Arc<Self> {
        Arc::new(Self { appliances, current: Mutex::new(0) })
    }

    /// Watches over each; never returns.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut watches: JoinSet<()> = JoinSet::new();
        for appliance in &self.appliances {
            let appliance = Arc::clone(appliance);
            watches.spawn(async move { appliance.watch().await });
        }
        while watches.join_next().await.is_some() {}
    }

    /// The one to ask now; none where none answers.
    pub(super) async fn serving(&self) -> Option<Arc<Appliance>> {
        if let Some(serving) = self.chosen() {
            return Some(serving);
        }
        // Before the first news, silence is no answer.
        let unknown = self.appliances.iter().find(|appliance| appliance.health() == Health::Unknown)?;
        let mut changes = unknown.changes();
        let _ = timeout(FIRST_NEWS_WAIT, changes.wait_for(|health| *health != Health::Unknown)).await;
        self.chosen()
    }

    fn chosen(&self) -> Option<Arc<Appliance>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let health: Vec<Health> = self.appliances.iter().map(|appliance| appliance.health()).collect();
        let chosen = choose(*current, &health)?;
        if chosen != *current {
            *current = chosen;
            if let Some(appliance) = self.appliances.get(chosen) {
                tracing::warn!(
                    appliance = appliance.address,
                    "fail-over: another appliance serves, sessions are opened anew"
                );
            }
        }
        self.appliances.get(chosen).cloned()
    }
}

/// The place of the one to ask.
fn choose(current: usize, health: &[Health]) -> Option<usize> {
    let now = health.get(current).copied().unwrap_or(Health::Unknown);
    let best =
        health.iter().enumerate().filter(|(_, health)| health.answers()).rev().max_by_key(|(_, health)| **health);
    match best {
        Some((place, health)) if *health > now => Some(place),
        _ => now.answers().then_some(current),
    }
}

#[cfg(test)]
mod tests {
    use super::super::far::Unreached;
    use super::*;

    #[test]
    fn the_one_that_serves_stays_until_another_is_better() {
        const AWAY: Health = Health::Away(Unreached::Silent);
        const NOT_ADMITTED: Health = Health::Away(Unreached::NotAdmitted);
        for (current, health, expected) in [
            (0, [Health::Ready, Health::Ready], Some(0)),
            (1, [Health::Ready, Health::Ready], Some(1)),
            (0, [AWAY, Health::Ready], Some(1)),
            (0, [AWAY, Health::NotReady], Some(1)),
            (0, [Health::NotReady, Health::Ready], Some(1)),
            (1, [Health::NotReady, Health::NotReady], Some(1)),
            (0, [Health::NotReady, AWAY], Some(0)),
            (0, [Health::Unknown, Health::Ready], Some(1)),
            (0, [AWAY, Health::Unknown], None),
            (1, [AWAY, NOT_ADMITTED], None),
        ] {
            assert_eq!(choose(current, &health), expected, "{current} {health:?}");
        }
        assert_eq!(choose(0, &[]), None);
    }
}
