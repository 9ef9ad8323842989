//! The tests' rig of a machine with a TPM, of which the bench needs a part.
#![allow(dead_code)]

#[path = "../it/attest/rig.rs"]
pub(crate) mod rig;
#[path = "../it/attest/sealing_rig.rs"]
pub(crate) mod sealing_rig;
