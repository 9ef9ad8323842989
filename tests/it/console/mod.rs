//! `sceau-console` on a staged root: real SoftHSM, a software TPM, signatures of ssh-keygen, a folder in a stick's place.

mod certificates;
mod disk;
mod enrolment;
mod foreign;
mod office;
mod provision;
mod recovery;
mod refusals;
mod renewal;
mod rig;
mod scene;
mod screen;
mod succession;
mod units;
mod update;
