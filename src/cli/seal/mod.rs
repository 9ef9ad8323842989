//! `sceau seal`: the PIN of a token, given back by the TPM in an approved state, to who types the boot PIN.

mod boot_pin;
mod create;
mod digest;
mod open;
mod recovery;
mod reseal;
mod test;

use std::path::Path;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::NotDone;
use crate::config::KeyName;
use crate::sys::process;

/// Scelle le PIN d'un token : le TPM ne le rend que dans un état approuvé de la machine, à qui connaît le PIN de démarrage.
#[derive(Debug, Args)]
pub(super) struct Seal {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Create(create::Create),
    Open(open::Open),
    Reseal(reseal::Reseal),
    Test(test::Test),
    Recover(create::Recover),
    Digest(digest::Policy),
}

impl Seal {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        // PINs pass through this process.
        process::keep_memory_private()?;
        match self.step {
            Step::Create(create) => create.run(),
            Step::Open(open) => open.run(),
            Step::Reseal(reseal) => reseal.run(),
            Step::Test(test) => test.run(),
            Step::Recover(recover) => recover.run(),
            Step::Digest(policy) => policy.run(),
        }
    }
}

/// The name of a sealed PIN.
fn name(text: &str) -> Result<KeyName, String> {
    KeyName::parse(text)
}

/// A PIN from a file, without the end of its line.
fn pin(path: &Path) -> Result<Zeroizing<String>, NotDone> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| unread(path, &cause))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// A text that a person names.
fn text(path: &Path) -> Result<String, NotDone> {
    std::fs::read_to_string(path).map_err(|cause| unread(path, &cause))
}

fn unread(path: &Path, cause: &std::io::Error) -> NotDone {
    NotDone::Usage(format!("{} ne peut pas être lu ({cause}) ; vérifiez le chemin et ses droits", path.display()))
}
