//! The promise of `sceau-attestd`: what the TPM does for the appliance, on a software TPM.

mod counter;
mod evidence;
mod rig;
