//! Structured events: to journald where it listens, to stderr elsewhere.

#[cfg(unix)]
use std::env;
use std::fmt::Display;
use std::process::ExitCode;
#[cfg(windows)]
use std::{fs, path::Path, sync::Mutex};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::usage;

/// Environment variable that holds the filter (`warn`, `info`, `sceau::token=debug`…).
pub const FILTER_VARIABLE: &str = "SCEAU_LOG";

/// Longest file of events that is continued, in bytes: what is older says nothing of today.
#[cfg(windows)]
const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// Sets up the events of a Windows service, which has no stderr: lines go to `file`, which begins anew once it is long.
///
/// # Errors
/// What the system said.
#[cfg(windows)]
pub fn init_to(file: &Path) -> std::io::Result<()> {
    if fs::metadata(file).is_ok_and(|metadata| metadata.len() > FILE_LEN_MAX) {
        fs::remove_file(file)?;
    }
    let file = fs::OpenOptions::new().create(true).append(true).open(file)?;
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    // An error means that events are set up already: the first set-up stands.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    Ok(())
}

/// Sets up the events of a program, once; events name neither PINs nor what is signed.
///
/// journald is used if systemd connected our stderr to it (`JOURNAL_STREAM`) and its socket is there; otherwise lines
/// without colours go to stderr. A wrong filter falls back to `info`. A second call does nothing.
pub fn init(program: &str) {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_ansi(false).with_writer(std::io::stderr);
    #[cfg(windows)]
    let _ = (program, registry.with(lines).try_init());
    #[cfg(unix)]
    let journal = env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    // An error means that events are set up already: the first set-up stands.
    #[cfg(unix)]
    let _ = match journal {
        Some(layer) => registry.with(layer.with_syslog_identifier(program.to_owned())).try_init(),
        None => registry.with(lines).try_init(),
    };
}

/// The exit code of a program that runs until it is told to stop: 0, or what kept it from running, in the log and as
/// [`usage::exit`] does.
pub(crate) fn end<E: Display>(program: &str, ran: Result<(), E>, code: impl FnOnce(&E) -> u8) -> ExitCode {
    let ran = ran.inspect_err(|cause| tracing::error!(%cause, "{program} does not run"));
    usage::exit(program, ran.map(|()| 0), code)
}
