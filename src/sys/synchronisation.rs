//! Whether something keeps the system's clock right.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::command;
use crate::vihf::instant::Instant;

/// Longest wait for the system's own word about its clock.
const TIMEDATECTL_WAIT: Duration = Duration::from_secs(3);
/// systemd-timesyncd makes this file when it has synchronised the clock (systemd-timesyncd.service(8)).
pub const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

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

/// When `file` was last touched, as systemd-timesyncd touches [`SYNCHRONIZED`] at each synchronisation; none: it is not there.
#[must_use]
pub fn sign(file: &Path) -> Option<Instant> {
    let touched = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
    let since = touched.duration_since(UNIX_EPOCH).ok()?;
    Some(Instant::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}
