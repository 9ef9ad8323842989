//! An update from a stick: handed to the unit that verifies it, writes the other slot and restarts.

use std::fs;
use std::time::Duration;

use super::apply::{systemctl, systemctl_within};
use super::error::ConsoleError;
use super::place::Place;

/// The image's own unit: it alone knows how an update is verified and where it goes.
const UNIT: &str = "sceau-update.service";
/// What the unit's programs complained of at their last run (its `StandardError=`): a sealed machine has nobody who reads a journal.
const WORDS: &str = "/run/sceau-update.words";
/// How many of its last lines are shown: the cause is the last, what led to it before.
const LINES_MAX: usize = 4;
/// How long the unit may take (its own `TimeoutStartSec=`).
const WAIT: Duration = Duration::from_secs(1800);

/// How often it is asked for until it begins. A visit that ends unmounts the stick, which takes a waiting update from the service
/// manager's queue (seen in a real boot): asked again, nothing stands in its way.
const TRIES: u32 = 3;

/// Has the update of the stick verified and written; the machine restarts into it.
///
/// # Errors
/// No stick; the image has no such unit, or it refused the update, with its last words; nothing was changed.
pub(super) fn update(place: &Place) -> Result<(), ConsoleError> {
    if place.is_staged() {
        return Err(ConsoleError::refused("mise à jour", "c'est une racine préparée ; faites-la sur l'appliance"));
    }
    if !place.stick_device().exists() {
        let text =
            "aucune clé USB de nom SCEAU n'est branchée ; branchez celle de la mise à jour, puis recommencez";
        return Err(ConsoleError::refused("mise à jour", text));
    }
    let words = place.at(WORDS);
    // Those of a run before are not this one's.
    let _ = fs::remove_file(&words);
    let mut tries = 1;
    while systemctl_within(&["start", UNIT], WAIT).is_err() {
        // The service manager makes the file as it starts the first program.
        let said = fs::read(&words).ok();
        if said.is_some() || tries == TRIES {
            // It may be pulled. Where this fails too the stick stays mounted until the next visit.
            let _ = systemctl(&["--no-block", "stop", "run-stick.mount"]);
            let said = said.map(|said| last_lines(&String::from_utf8_lossy(&said))).unwrap_or_default();
            return Err(ConsoleError::refused("mise à jour", refusal(&said)));
        }
        tries += 1;
    }
    systemctl(&["--no-block", "reboot"])
}

/// The last lines that say something, as one.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join(" / ")
}

fn refusal(said: &str) -> String {
    if said.is_empty() {
        let remedy = "recommencez, ou redémarrez l'appliance";
        return format!("elle n'a pas commencé ; rien n'est changé, {remedy}");
    }
    format!("elle est refusée, et rien n'est changé : {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_the_unit_are_the_cause() {
        assert_eq!(last_lines("Discovering…\n\n a \nb\nc\nd\n"), "a / b / c / d");
        assert_eq!(last_lines("Discovering…\nb\nc\nd\ne\n"), "b / c / d / e");
        assert!(refusal(&last_lines("\n \n")).contains("elle n'a pas commencé"));
        assert!(refusal("SHA256SUMS : cause ; remède").ends_with(" : SHA256SUMS : cause ; remède"));
    }
}
