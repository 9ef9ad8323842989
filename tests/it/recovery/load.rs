//! Several applications' threads that ask without a pause, and a book of every answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{consultation, eventually};
use crate::support::collection::Collection;
use crate::support::establishment::Establishment;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::Client;
use crate::support::wait::StopOnDrop;

/// Threads that ask.
const CALLERS: usize = 4;
/// One assertion in so many is kept for the outside verifiers, and the first after each refusal.
const KEPT_EVERY: usize = 50;
/// No answer may take longer: waiting for a place and for a signature, each `signature_ms` (2 s), and a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// What was answered so far.
#[derive(Default)]
pub(crate) struct Load {
    issued: AtomicUsize,
    unavailable: AtomicUsize,
    busy: AtomicUsize,
    stop: AtomicBool,
    longest: Mutex<Duration>,
}

impl Load {
    /// Runs `outage` under load; every answer is an assertion, `Unavailable(token-unreachable)` or `Busy`.
    pub(crate) fn during(establishment: &Establishment, outage: impl FnOnce(&Load)) -> Load {
        let load = Load::default();
        thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| load.ask(establishment))).collect();
            // Stops the callers even if the outage panics, so that the scope ends and the panic is seen.
            let stop = StopOnDrop(&load.stop);
            outage(&load);
            drop(stop);
            callers.into_iter().for_each(|caller| caller.join().unwrap());
        });
        load
    }

    fn ask(&self, establishment: &Establishment) {
        let collection = Collection::of(establishment);
        let mut client = Client::connect(&establishment.token_socket()).unwrap();
        let session = client.open_session(consultation()).unwrap();
        let mut after_refusal = true;
        while !self.stop.load(Ordering::Acquire) {
            let began = Instant::now();
            let answer = client.consult(&session, PATIENTS[1]);
            let took = began.elapsed();
            assert!(took < ANSWER_WITHIN, "{took:?} for an answer");
            let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
            *longest = took.max(*longest);
            drop(longest);
            match answer {
                Ok(issued) => {
                    let end = "</saml:Assertion>";
                    assert!(
                        issued.assertion.contains(&issued.id) && issued.assertion.ends_with(end),
                        "{issued:?}"
                    );
                    let count = self.issued.fetch_add(1, Ordering::AcqRel);
                    if after_refusal || count.is_multiple_of(KEPT_EVERY) {
                        collection.keep(&issued.assertion, &issued.id, &establishment.profile, &json!("CPS"));
                    }
                    after_refusal = false;
                }
                Err(refused) => {
                    after_refusal = true;
                    match refused.brief() {
                        ("Unavailable", "token-unreachable") => self.unavailable.fetch_add(1, Ordering::AcqRel),
                        ("Busy", _) => self.busy.fetch_add(1, Ordering::AcqRel),
                        _ => panic!("{refused:?}"),
                    };
                }
            }
        }
    }

    pub(crate) fn issued(&self) -> usize {
        self.issued.load(Ordering::Acquire)
    }

    pub(crate) fn unavailable(&self) -> usize {
        self.unavailable.load(Ordering::Acquire)
    }

    /// The longest wait for an answer.
    pub(crate) fn longest(&self) -> Duration {
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for that many further assertions.
    pub(crate) fn more_issued(&self, more: usize) {
        let enough = self.issued() + more;
        eventually("more assertions under load", || (self.issued() >= enough).then_some(()));
    }

    /// Waits for that many further refusals `Unavailable`.
    pub(crate) fn more_unavailable(&self, more: usize) {
        let enough = self.unavailable() + more;
        eventually("Unavailable under load", || (self.unavailable() >= enough).then_some(()));
    }
}
