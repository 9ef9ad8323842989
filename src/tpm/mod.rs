//! The TPM 2.0 of this machine; the only room that names tss-esapi.
//!
//! | file | noun |
//! |---|---|
//! | `device` | the TPM by its TCTI, opened for one task |
//! | `session` | salted, encrypted sessions |
//! | `endorsement`, `attestation_key` | EK and AK |
//! | `credential` | the proof that they are in one TPM |
//! | `quote` | what the AK signs: PCRs, keys |
//! | `sealed` | secrets given back in an approved state, to who knows the boot PIN |
//! | `approver`, `policy` | who approves states, and their arithmetic, without a TPM |
//! | `counter` | the NV counter that tells a ledger from its older copies |
//! | `clear` | the end of what the TPM keeps for its owner |
//! | `error` | what can go wrong and who acts on it |
//!
//! # Invariants
//! - A [`device::Tpm`] lives for one task: dropped, it leaves no object and no session in the TPM, which has room for three.
//! - Nothing is asked of an object whose dictionary-attack protection is on but with a secret that a person typed.

pub mod approver;
pub mod attestation_key;
mod clear;
pub mod counter;
mod credential;
pub mod device;
pub mod endorsement;
mod error;
pub mod policy;
pub mod quote;
pub mod sealed;
mod session;

pub use error::TpmError;
