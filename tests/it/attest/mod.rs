//! The promise of `sceau-attestd`: what the TPM does for the appliance, on a software TPM.

mod audit_key;
mod counter;
mod elliptic;
mod evidence;
mod in_tpm;
mod interposer;
mod policies;
mod rig;
mod sealing;
mod sealing_rig;
mod status;
mod tpm_keys;
mod verdict;
mod wire;
mod wrapping;
