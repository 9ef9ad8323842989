//! `sceau-signer` on a real SoftHSM token.

mod audit;
mod faults;
mod login;
mod recovery;
mod rig;
mod seal;
mod start;
