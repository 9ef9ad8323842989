//! Who may ask for what: pure decisions over the convention, the registers and the rights tables.
//!
//! No file, no clock, no socket: everything comes in as values. A refusal is a decision with a reason, not a fault.

pub mod application;
pub mod breach;
pub mod clock;
pub mod connectors;
pub mod convention;
pub mod declaration;
pub mod denial;
pub mod fingerprint;
pub mod guard;
pub mod invitation;
pub mod issuing;
pub mod keyring;
pub mod load;
mod login;
pub mod memory;
pub mod opening;
pub mod operator;
pub mod operators;
pub mod order;
pub mod practitioner;
pub mod register;
pub mod retention;
pub mod review;
pub mod rights;
pub mod session;
pub mod sshsig;
pub mod suspensions;
