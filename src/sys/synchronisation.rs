//! Whether something keeps the system's clock right.

use std::path::Path;
use std::time::Duration;

use super::command;

/// Longest wait for the system's own word about its clock.
const TIMEDATECTL_WAIT: Duration = Duration::from_secs(3);
/// systemd-timesyncd makes this file when it has synchronised the clock (systemd-timesyncd.service(8)).
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// Whether the clock is synchronised, in the kernel's word (`timedatectl`, which holds for chrony and ntpd as well) or else
/// in systemd-timesyncd's; none where nobody can tell.
#[must_use]
pub fn synchronised() -> Option<bool> {
    let told = command::answer("timedatectl", &["show", "-p", "NTPSynchronized", "--value"], TIMEDATECTL_WAIT);
    match told.as_deref().map(str::trim) {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => Path::new(SYNCHRONIZED).exists().then_some(true),
    }
}
