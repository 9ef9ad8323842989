//! Which stick is plugged in: told from the one before, and from itself before it was pulled, by the kernel's disk sequence number.
//!
//! udev asks for a visit whenever a stick appears. The service manager may not hear it: while it reads its units anew, or still
//! unmounts the stick of before. So the screen looks at what is there, and asks in its place for a visit that nobody made.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use super::place::Place;

/// Where the last visit says whose it was, in memory.
const MARK: &str = "visited-stick";

/// The sequence number of the stick that is plugged in; None: there is none.
pub(super) fn plugged(place: &Place) -> Option<String> {
    let link = fs::read_link(place.stick_device()).ok()?;
    let device = fs::canonicalize(place.at("/sys/class/block").join(link.file_name()?)).ok()?;
    // A partition's folder is inside its disk's, which has the number.
    let numbers = [Some(device.as_path()), device.parent()].into_iter().flatten();
    let number = numbers.filter_map(|folder| fs::read_to_string(folder.join("diskseq")).ok()).next()?;
    Some(number.trim().to_owned())
}

/// Says that the stick that is plugged in is being visited.
///
/// # Errors
/// The mark cannot be written: the stick may be visited once more.
pub(super) fn mark(place: &Place) -> io::Result<()> {
    let Some(number) = plugged(place) else { return Ok(()) };
    fs::create_dir_all(place.work())?;
    fs::write(place.work().join(MARK), number)
}

/// Who notices a stick that nobody visited.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    /// The stick that waits for its visit, since when, and whether it was asked for: once, a visit may fail.
    waiting: Option<(String, Instant, bool)>,
}

impl Lookout {
    /// Whether a stick has waited for its visit for that long; said once for each time that it is plugged in.
    pub(super) fn overlooked(&mut self, place: &Place, now: Instant, patience: Duration) -> bool {
        let visited = fs::read_to_string(place.work().join(MARK)).ok();
        let Some(number) = plugged(place).filter(|number| visited.as_ref() != Some(number)) else {
            self.waiting = None;
            return false;
        };
        match &mut self.waiting {
            Some((waiting, since, asked)) if *waiting == number => {
                !*asked && now.duration_since(*since) >= patience && {
                    *asked = true;
                    true
                }
            }
            waiting => {
                *waiting = Some((number, now, false));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::os::unix::fs::symlink;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    /// A staged machine whose stick has this number.
    fn plug(root: &std::path::Path, number: &str) {
        let disk = root.join("sys/devices/usb1/block/sda");
        fs::create_dir_all(disk.join("sda1")).unwrap();
        fs::write(disk.join("diskseq"), format!("{number}\n")).unwrap();
        for folder in ["sys/class/block", "dev/disk/by-label"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let _ = symlink("../../devices/usb1/block/sda/sda1", root.join("sys/class/block/sda1"));
        let _ = symlink("../../sda1", root.join("dev/disk/by-label/SCEAU"));
    }

    #[test]
    fn a_stick_that_nobody_visits_is_noticed_once_for_each_time_it_is_plugged_in() {
        let root = tempfile::tempdir().unwrap();
        let (place, mut lookout, start) =
            (Place::new(Some(root.path().into())), Lookout::default(), Instant::now());
        assert!(!lookout.overlooked(&place, start, PATIENCE), "there is none");
        plug(root.path(), "7");
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!(!lookout.overlooked(&place, later(1), PATIENCE), "its visit may be under way");
        assert!(!lookout.overlooked(&place, later(15), PATIENCE));
        assert!(lookout.overlooked(&place, later(16), PATIENCE));
        assert!(
            !lookout.overlooked(&place, later(90), PATIENCE),
            "a visit that fails is not asked for again and again"
        );
        mark(&place).unwrap();
        assert!(!lookout.overlooked(&place, later(91), PATIENCE), "visited");
        // Pulled and put in again between two looks.
        plug(root.path(), "8");
        assert!(!lookout.overlooked(&place, later(92), PATIENCE));
        assert!(lookout.overlooked(&place, later(107), PATIENCE));
        fs::remove_file(root.path().join("dev/disk/by-label/SCEAU")).unwrap();
        assert!(!lookout.overlooked(&place, later(108), PATIENCE) && plugged(&place).is_none());
    }
}
