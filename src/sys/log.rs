//! Structured events: to journald where it listens, to stderr elsewhere.

use std::env;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Environment variable that holds the filter (`warn`, `info`, `sceau::token=debug`…).
pub const FILTER_VARIABLE: &str = "SCEAU_LOG";

/// Sets up the events of a program, once; events name neither PINs nor what is signed.
///
/// journald is used if systemd connected our stderr to it (`JOURNAL_STREAM`) and its socket is there; otherwise lines
/// without colours go to stderr. A wrong filter falls back to `info`. A second call does nothing.
pub fn init(program: &str) {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let journal = env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    let registry = tracing_subscriber::registry().with(filter);
    // An error means that events are set up already: the first set-up stands.
    let _ = match journal {
        Some(layer) => registry.with(layer.with_syslog_identifier(program.to_owned())).try_init(),
        None => registry.with(fmt::layer().with_ansi(false).with_writer(std::io::stderr)).try_init(),
    };
}
