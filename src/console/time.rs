//! `sceau-console time`: the sign that the clock was set right, from chrony's own word, for `sceaud` to see.
//!
//! chrony touches no file, and `sceaud` may ask neither it nor the kernel (`ProtectClock=`). A timer runs this.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::configuration::CLOCK_SIGN;
use super::error::ConsoleError;
use super::place::Place;
use crate::sys::{command, durable};

/// Longest wait for chronyd's answer.
const CHRONYC_WAIT: Duration = Duration::from_secs(10);
/// Largest distance to the source, in seconds, that counts as right: half of what an assertion's life leaves.
const DISTANCE_MAX_S: &str = "0.5";

/// Touches the sign if chronyd follows a source and is near it; leaves it to age otherwise.
///
/// # Errors
/// The sign cannot be written.
pub(super) fn touch(place: &Place) -> Result<(), ConsoleError> {
    // One try, and an exit code: chronyc(1), waitsync.
    if command::answer("chronyc", &["-n", "waitsync", "1", DISTANCE_MAX_S], CHRONYC_WAIT).is_none() {
        return Ok(());
    }
    let sign = place.at(CLOCK_SIGN);
    let folder = sign.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(ConsoleError::file(folder))?;
    durable::replace(&sign, b"", 0o644).map_err(ConsoleError::file(&sign))
}
