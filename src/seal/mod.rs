//! Sealing an assertion: signer processes from the side of `sceaud`, and what both sides say to each other.
//!
//! The only way from a [`crate::ledger::Recorded`] trace to a finished assertion; and the audit key, which signs checkpoints.

pub mod admission;
pub mod audit;
pub mod connection;
pub mod forged;
pub mod handshake;
mod keeper;
pub mod key;
mod lane;
pub mod pool;
pub mod seals;
pub mod signed;
pub mod signers;
pub mod taken;
pub mod trial;
pub mod verifier;
pub mod waiting;
pub mod wire;
