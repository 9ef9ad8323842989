//! `sceau-signer` on a real SoftHSM token.

mod audit;
mod faults;
mod login;
mod recovery;
pub(crate) mod rig;
mod seal;
mod start;
