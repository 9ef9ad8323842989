//! The program `sceau-attestd`: the TPM behind `attest.sock`, one task at a time.
//!
//! | file | noun |
//! |---|---|
//! | `run` | life of the program |
//! | `door`, `request`, `answer` | who asks, for what, and what he is told |
//! | `admission` | places at the door |
//! | `worker` | the one thread that speaks to the TPM, and its queue |
//! | `task` | what is done with the TPM: begin here |
//! | `enrolment`, `enrolled` | keys and counter made, and what is remembered of it |
//! | `evidence` | what the machine claims, and the TPM's word that covers it |
//! | `sealing`, `sealed_file`, `approvals` | PINs given back in a state of the machine that was approved |
//! | `certified` | keys of ours in the TPM, certified anew in each evidence |
//! | `budget` | how often the counter may be raised |
//!
//! # Invariants
//! - The TPM is opened for one task and left as it was found: nothing of a caller's stays in it but what he asked to keep.
//! - The counter is told and raised for the user of `sceaud` alone; a PIN is given back to root alone.
//! - Nothing here is on the way of a token: who waits for a quote waits in a queue of his own.

mod admission;
mod answer;
mod approvals;
mod budget;
mod certified;
mod door;
mod enrolled;
mod enrolment;
mod evidence;
mod request;
mod run;
mod sealed_file;
mod sealing;
mod task;
mod worker;

pub use run::main;

use std::time::Instant;

use crate::config::Config;

/// Everything that answers.
#[derive(Debug)]
struct Attester {
    config: Config,
    admitted: Admitted,
    admission: admission::Admission,
    worker: worker::Worker,
    /// When we started.
    started: Instant,
}

/// Whose word counts for what, beside the rights of the socket's file.
#[derive(Clone, Copy, Debug)]
struct Admitted {
    /// The user of `sceaud`.
    ledger: u32,
    /// Who may enrol, seal PINs and have them back: root, or whoever runs a test establishment.
    sealing: u32,
}
