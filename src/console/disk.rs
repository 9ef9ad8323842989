//! Work on the state's disk, asked for at the screen: handed to a unit that has the disk and the TPM, which the screen has not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::apply::systemctl_within;
use super::credential::TpmDevice;
use super::error::ConsoleError;
use super::folder;
use super::place::Place;
use super::rebind::rebind;
use super::reset::reset;
use crate::sys::durable;

/// How long a unit of it may take (its own `TimeoutStartSec=`).
const WAIT: Duration = Duration::from_secs(300);

/// Work on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// The TPM slot bound anew.
    Rebind,
    /// The factory reset.
    Reset,
}

impl Work {
    fn unit(self) -> &'static str {
        match self {
            Self::Rebind => "sceau-rebind.service",
            Self::Reset => "sceau-reset.service",
        }
    }

    /// Does it, as its unit; what it came to is left for the screen.
    pub(super) fn run(self, place: &Place, device: &TpmDevice) -> Result<(), ConsoleError> {
        let (done, words) = match self {
            Self::Rebind => (rebind(place, device), "Le disque est lié à cette machine telle qu'elle est."),
            Self::Reset => (reset(place, device), "L'appliance est effacée : elle redémarre vierge."),
        };
        let text = match &done {
            Ok(()) => words.to_owned(),
            Err(error) => error.to_string(),
        };
        let path = place.disk_result();
        folder::make(&place.work(), 0o711, None)?;
        durable::replace(&path, text.as_bytes(), 0o600).map_err(ConsoleError::file(&path))?;
        done
    }

    /// Has it done by its unit; its own words.
    ///
    /// # Errors
    /// It left no words: the unit did not start.
    pub(super) fn asked(self, place: &Place) -> Result<String, ConsoleError> {
        if place.is_staged() {
            return Ok("Racine préparée : rien n'est démarré.".to_owned());
        }
        let path = place.disk_result();
        let _ = fs::remove_file(&path);
        let started = systemctl_within(&["start", self.unit()], WAIT);
        match (fs::read_to_string(&path), started) {
            (Ok(words), _) => Ok(words),
            (Err(_), Err(error)) => Err(error),
            (Err(cause), Ok(())) => Err(ConsoleError::file(Path::new(&path))(cause)),
        }
    }
}
