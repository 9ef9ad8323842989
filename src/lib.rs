//! Sceau: forges and seals VIHF tokens for a hospital. (Map to be completed as rooms are built.)
#![forbid(unsafe_code)]

pub mod config;
pub mod policy;
pub mod seal;
#[cfg(feature = "appliance")]
pub mod signer;
pub mod sys;
#[cfg(feature = "appliance")]
pub mod token;
pub mod vihf;
