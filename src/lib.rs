//! Sceau: forges and seals VIHF tokens for a hospital. (Map to be completed as rooms are built.)
#![forbid(unsafe_code)]

pub mod certificate;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod policy;
pub mod replay;
pub mod seal;
#[cfg(feature = "appliance")]
pub mod signer;
pub mod sys;
#[cfg(feature = "appliance")]
pub mod token;
pub mod varlink;
pub mod vihf;
