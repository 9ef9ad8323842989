//! The promise of `sceau-attestd`: what the TPM does for the appliance, on a software TPM.

mod audit_key;
mod counter;
mod evidence;
mod interposer;
mod policies;
mod rig;
mod sealing;
mod status;
mod verdict;
