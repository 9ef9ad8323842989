//! An update from a stick: handed to the unit that verifies it, writes the other slot and restarts.

use std::time::Duration;

use super::apply::{systemctl, systemctl_within};
use super::error::ConsoleError;
use super::place::Place;

/// The image's own unit: it alone knows how an update is verified and where it goes.
const UNIT: &str = "sceau-update.service";
/// How long the unit may take (its own `TimeoutStartSec=`).
const WAIT: Duration = Duration::from_secs(1800);

/// Has the update of the stick verified and written; the machine restarts into it.
///
/// # Errors
/// The image has no such unit, or it refused the update: its journal says why, and nothing was changed.
pub(super) fn update(place: &Place) -> Result<(), ConsoleError> {
    if place.is_staged() {
        return Err(ConsoleError::refused("mise à jour", "c'est une racine préparée ; faites-la sur l'appliance"));
    }
    systemctl_within(&["start", UNIT], WAIT).map_err(|_| {
        let text = "elle est refusée, absente de la clé USB, ou plus ancienne que l'image en place ; rien n'est changé, voyez le journal de sceau-update";
        ConsoleError::refused("mise à jour", text)
    })?;
    systemctl(&["--no-block", "reboot"])
}
