//! The program `sceau` as a child of ours: what an operator would type, with its words for the report.
//!
//! Programs do not import each other: what `sceau` judges and says is judged and said here in the same words.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::error::ConsoleError;
use super::place::Place;
use crate::sys::command::{Ended, run};

/// Longest wait: a TPM that is asked for evidence while it is busy, an order that makes much.
const VERB_WAIT: Duration = Duration::from_secs(300);

/// A program of ours, beside this one.
pub(super) fn own_program(name: &str) -> PathBuf {
    let running = std::env::current_exe().unwrap_or_else(|_| "/usr/bin/sceau-console".into());
    running.with_file_name(name)
}

/// What a program of ours said, without its name in front.
pub(super) fn words(ended: &Ended) -> String {
    let said = ended.complaint.trim();
    said.strip_prefix("sceau : ").or(said.strip_prefix("sceau-console : ")).unwrap_or(said).to_owned()
}

/// `sceau <verb…>` on this appliance's configuration, however it ends.
pub(super) fn sceau<S: AsRef<OsStr>>(
    place: &Place,
    verb: &[&str],
    arguments: &[S],
    step: &'static str,
) -> Result<Ended, ConsoleError> {
    let mut command = Command::new(own_program("sceau"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    command.args(verb).arg("--config").arg(place.sceau_toml()).args(arguments);
    run(&mut command, Vec::new(), VERB_WAIT).map_err(ConsoleError::not_run(step, &command))
}

/// The same; its standard output, if it ended well.
pub(super) fn told<S: AsRef<OsStr>>(
    place: &Place,
    verb: &[&str],
    arguments: &[S],
    step: &'static str,
) -> Result<Vec<u8>, ConsoleError> {
    let ended = sceau(place, verb, arguments, step)?;
    if ended.status.success() {
        return Ok(ended.output.to_vec());
    }
    Err(ConsoleError::refused(step, words(&ended)))
}
