//! `sceau attest`: the machine is enrolled with an officer, and proves its state to him.

pub(super) mod ask;
mod certify;
mod enrol;
mod evidence;
mod logs;

use clap::{Args, Subcommand};

use super::NotDone;

/// Enrôle cette machine auprès d'un officier de sécurité, et lui prouve son état par son TPM.
#[derive(Debug, Args)]
pub(super) struct Attest {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Enrol(enrol::Enrol),
    Answer(enrol::Answer),
    Evidence(evidence::Collect),
    Certify(certify::Certify),
}

impl Attest {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.step {
            Step::Enrol(enrol) => enrol.run(),
            Step::Answer(answer) => answer.run(),
            Step::Evidence(evidence) => evidence.run(),
            Step::Certify(certify) => certify.run(),
        }
    }
}
