//! systemd's watchdog: it is told that the program lives, for as long as it does.

use std::time::Duration;

use sd_notify::NotifyState;

/// How often it is told: several times within the `WatchdogSec=` of every unit.
const EVERY: Duration = Duration::from_secs(5);

/// Tells the watchdog for as long as `moves` says so; returns only where there is none.
pub async fn tell(moves: impl Fn() -> bool) {
    if sd_notify::watchdog_enabled().is_none() {
        return;
    }
    loop {
        if moves() {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(EVERY).await;
    }
}
