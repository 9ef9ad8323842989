//! Watches the vendor's library: a process whose library hangs is killed, not waited for.

use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::error;

use super::{StartError, notify, spawn};
use crate::config::Limits;
use crate::token::Meter;

/// A signature that takes this many times `limits.signature_ms` hangs: `sceaud` has given up after one.
const SIGNATURE_HUNG_FACTOR: u32 = 2;
/// An opening or closing that takes longer hangs: it may wait for a network HSM's connection and for another process's
/// login.
const OPENING_HUNG: Duration = Duration::from_millis(60_000);
/// How often the library is looked at when systemd asks for no watchdog.
const TICK: Duration = Duration::from_millis(1_000);

/// Starts the thread that feeds systemd's watchdog while no call hangs.
///
/// With a hung call it stops, and systemd kills the process (`WatchdogSec=`); without a watchdog the process aborts
/// itself. It does not exit in order: the library holds a thread and perhaps its locks.
pub(super) fn start(meter: Arc<Meter>, limits: &Limits) -> Result<(), StartError> {
    let signature_hung = Duration::from_millis(limits.signature_ms) * SIGNATURE_HUNG_FACTOR;
    let watchdog = sd_notify::watchdog_enabled();
    // A third: two pings may be late before systemd acts.
    let tick = watchdog.map_or(TICK, |limit| (limit / 3).min(TICK));
    spawn("watch", move || {
        loop {
            if meter.longest_signature() > signature_hung || meter.opening() > OPENING_HUNG {
                error!(signature = ?meter.longest_signature(), opening = ?meter.opening(), "the module hangs");
                if watchdog.is_none() {
                    process::abort();
                }
            } else if watchdog.is_some() {
                notify(&[NotifyState::Watchdog]);
            }
            thread::sleep(tick);
        }
    })
}
