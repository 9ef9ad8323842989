//! The counter's part: nothing is issued by a ledger that may be an older copy.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Daemon;
use super::answer::{No, Unavailable};
use super::halt::Halt;
use crate::config::{Config, CounterPlace};
use crate::ledger::attested::AttestedCounter;
use crate::ledger::counter::{Counter, CounterError, FileCounter, NotCounted, Stale, advance, intent_to_accept};

/// How often the counter is raised: bounds what an older copy may lack unseen, and the wear of a TPM's memory.
const RAISE_EVERY: Duration = Duration::from_secs(3600);
/// How soon a counter that did not answer is asked again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

const ABSENT: u8 = 0;
const UNPROVEN: u8 = 1;
const PROVEN: u8 = 2;

/// The configured counter, and what it has said since the start.
#[derive(Debug)]
pub(super) struct Counting {
    counter: Option<Mutex<Box<dyn Counter>>>,
    state: AtomicU8,
    due_at: Mutex<Instant>,
}

impl Counting {
    /// The counter that the configuration names; it has said nothing yet.
    pub(super) fn of(config: &Config) -> Self {
        let counter = config.ledger.counter.clone().map(|place| {
            let counter: Box<dyn Counter> = match place {
                CounterPlace::File(path) => Box::new(FileCounter::new(path)),
                CounterPlace::Tpm(_) => Box::new(AttestedCounter::new(config.sockets.attest.clone())),
            };
            Mutex::new(counter)
        });
        if counter.is_none() {
            tracing::warn!(
                "no counter guards the ledger ([ledger] counter): nobody here would notice that an older copy was put in its place"
            );
        }
        let state = AtomicU8::new(if counter.is_none() { ABSENT } else { UNPROVEN });
        Self { counter, state, due_at: Mutex::new(Instant::now()) }
    }

    fn is_due(&self) -> bool {
        self.counter.is_some() && Instant::now() >= *self.due_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due_in(&self, wait: Duration) {
        *self.due_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + wait;
    }
}

impl Daemon {
    /// Whether the counter has said that this ledger is the newest.
    ///
    /// # Errors
    /// `Unavailable` while it does not answer since the start.
    pub(super) fn is_newest(&self) -> Result<(), No> {
        let proven = self.counting.state.load(Ordering::Acquire) != UNPROVEN;
        if proven { Ok(()) } else { Err(No::Unavailable(Unavailable::Ledger)) }
    }

    /// Raises the counter if it is time, or when it is `the_last` moment; for a thread that may wait for disk and counter.
    ///
    /// A ledger that is not the newest halts.
    pub(super) fn count(&self, the_last: bool) {
        let Some(counter) = &self.counting.counter else { return };
        if !(the_last || self.counting.is_due()) || self.in_order().is_err() {
            return;
        }
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        match advance(&mut &self.ledger, counter.as_mut()) {
            Ok(()) => {
                self.counting.due_in(RAISE_EVERY);
                if self.counting.state.swap(PROVEN, Ordering::AcqRel) == UNPROVEN {
                    tracing::info!("the counter says that this ledger is the newest");
                }
            }
            Err(NotCounted::Stale(stale)) => {
                tracing::error!(%stale, "the ledger and its counter contradict each other");
                let _ = self.halt(halted(stale));
            }
            Err(error) => {
                self.counting.due_in(RETRY_AFTER);
                tracing::error!(%error, "the counter was not raised; it is tried again");
            }
        }
    }

    /// The number by which the ledger would follow the counter as it is; none if the two do not contradict each other.
    ///
    /// # Errors
    /// The counter does not answer.
    pub(super) fn number_to_accept(&self) -> Result<Option<u64>, CounterError> {
        let contradicted = self.halted.cause().is_some_and(Halt::is_of_counter);
        let Some(counter) = self.counting.counter.as_ref().filter(|_| contradicted) else { return Ok(None) };
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        intent_to_accept(counter.as_mut()).map(Some)
    }

    /// The order by which the ledger follows the counter is on the disk, with that number: the counter is raised to it at
    /// once, and nothing is issued before.
    pub(super) fn number_accepted(&self, intent: u64) {
        self.ledger.follow(intent);
        self.maybe_spent.begins();
        if let Err(error) = self.ledger.renew() {
            // Nothing is signed under a name that is not this generation's.
            tracing::error!(%error, "the generation that the order began cannot be read");
            let _ = self.halt(Halt::Ledger);
            return;
        }
        self.counting.state.store(UNPROVEN, Ordering::Release);
        self.counting.due_in(Duration::ZERO);
        self.halted.counter_accepted();
    }

    /// [`Daemon::count`] aside from the runtime's own thread.
    pub(super) async fn count_aside(self: &Arc<Self>, the_last: bool) {
        if self.counting.counter.is_some() && (the_last || self.counting.is_due()) {
            let daemon = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || daemon.count(the_last)).await;
        }
    }
}

/// The cause of a halt.
fn halted(stale: Stale) -> Halt {
    match stale {
        Stale::Older { .. } => Halt::LedgerOlder,
        Stale::Reset { .. } => Halt::CounterReset,
    }
}
