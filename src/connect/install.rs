//! `sceau-connect install` and `uninstall`: the service of this machine; key and configuration stay where they are.

use std::process::ExitCode;

use super::arguments::Place;
use crate::usage::EXIT_UNAVAILABLE;

#[cfg(unix)]
#[path = "install_systemd.rs"]
mod system;
#[cfg(windows)]
#[path = "install_windows.rs"]
mod system;

#[cfg(unix)]
pub(super) use system::give_to_service;
#[cfg(windows)]
pub(super) use system::{close, only_for};

/// Installs the service and starts it.
pub(super) fn install(given: &Place) -> ExitCode {
    told("install", system::install(&given.config))
}

/// Stops the service and removes it.
pub(super) fn uninstall(given: &Place) -> ExitCode {
    told("uninstall", system::uninstall(&given.config))
}

fn told(verb: &str, outcome: Result<String, system::NotDone>) -> ExitCode {
    match outcome {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(not_done) => {
            eprintln!("sceau-connect {verb} : {not_done}");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}
