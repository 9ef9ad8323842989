//! The program `sceau-relayd`: an application's SOAP call to the DMP over mutual TLS, with an assertion that is used once.
//!
//! | file | noun |
//! |---|---|
//! | `pipeline` | one call as one function: begin here |
//! | `door`, `caller`, `head`, `claim` | who calls, for whom, where to, with whose assertion |
//! | `message`, `part`, `mime` | a body: its envelope found and held |
//! | `call_body`, `parts`, `stream` | the rest of it: streamed, watched, bounded |
//! | `envelope`, `patients`, `carried` | what the envelope says, and where the assertion belongs |
//! | `ledger` | `fr.sceau.Relay`: issue, spend, tell |
//! | `servers`, `breaker`, `answer` | connections to the DMP, and what it answers |
//! | `tls`, `identity`, `key`, `signers`, `stapling` | mutual TLS with a key that is behind a signer |
//! | `files`, `lists`, `seals` | what is read again while it runs, and fetched |
//! | `web_ps` | TD0.10: an assertion for a practitioner's browser |
//! | `fault`, `counts` | faults of ours in French, and how many of which |
//!
//! # Invariants
//! - Nothing is sent without `ledger::Spent`, which the ledger's durable answer alone makes; it is used up by sending.
//! - The assertion's patient is the body's.
//! - Outside the one insertion every byte of a call passes unchanged; its head is written anew, from an allow-list.
//! - The private key is in another process, its PIN in no memory of ours; here are signatures, verified.

mod answer;
mod breaker;
mod call_body;
mod caller;
mod carried;
mod claim;
mod counts;
mod door;
mod envelope;
mod fault;
mod files;
mod head;
mod identity;
mod key;
mod ledger;
mod lists;
mod message;
mod mime;
mod part;
mod parts;
mod patients;
mod pipeline;
mod run;
mod seals;
mod servers;
mod signers;
mod stapling;
mod stream;
mod tls;
mod web_ps;

pub use run::main;

// What reads the bytes of applications: public for whoever tries it with any bytes (tests/fuzz).
pub use envelope::Envelope;
pub use fault::Fault;
pub use mime::MediaType;
pub use part::{Root, Span, Wrong};
pub use parts::Parts;
pub use patients::Patients;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::config;
use crate::sys::places::Places;

/// Everything that makes calls.
#[derive(Debug)]
struct Relay {
    destinations: Vec<config::Destination>,
    limits: config::Relay,
    ledger: ledger::Ledger,
    servers: servers::Servers,
    /// Who signs assertions of ours.
    seals: seals::Seals,
    /// Where browsers may be sent.
    web_ps: Vec<config::WebPs>,
    tickets: web_ps::Tickets,
    /// Unix user of the gate, if there is one.
    gate: Option<u32>,
    counts: Arc<counts::Counts>,
    /// Calls under way: HTTP/1.1 has one at a time on each connection.
    calls: Arc<Places>,
    /// Outcomes on their way to the ledger.
    tasks: Mutex<JoinSet<()>>,
}

impl Relay {
    /// Runs beside the calls; [`Relay::finish`] waits for it.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Waits for what was spawned.
    async fn finish(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}
