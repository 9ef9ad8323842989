//! The state's TPM slot bound anew: after the firmware's keys have changed (PCR 7) the TPM no longer opens the state, and who
//! typed the recovery key at the start binds it to the machine as it is now.

use std::path::Path;

use zeroize::Zeroizing;

use super::credential::{SECURE_BOOT, TpmDevice, done, require_measured, tool};
use super::error::ConsoleError;
use super::folder;
use super::pin::PinFile;
use super::place::Place;
use super::stick::read_file;
use crate::sys::durable;

/// Letters of a recovery key, and of each of its groups (systemd-cryptenroll(1)).
const LETTERS: usize = 64;
const GROUP: usize = 8;
/// The alphabet that keyboards of all countries share, which systemd writes it in.
const MODHEX: &str = "cbdefghijklnrtuv";
/// Longest file of it in bytes.
const KEY_LEN_MAX: u64 = 256;
/// Additions to the image at its start, none of which is the wanted state.
const ADDITIONS: u8 = 12;
/// Where it stands in messages.
const WHERE: &str = "clé de secours";

/// A recovery key as systemd spells it; None: it is none. People leave hyphens out and write capitals.
pub(super) fn spelled(typed: &str) -> Option<Zeroizing<String>> {
    let letters: Zeroizing<String> =
        Zeroizing::new(typed.chars().filter(|c| !"- ".contains(*c)).map(|c| c.to_ascii_lowercase()).collect());
    if letters.chars().count() != LETTERS || !letters.chars().all(|c| MODHEX.contains(c)) {
        return None;
    }
    let mut key = Zeroizing::new(String::with_capacity(LETTERS + LETTERS / GROUP));
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            key.push('-');
        }
        key.push(letter);
    }
    Some(key)
}

/// Leaves the key for [`rebind`], which root's folder alone may hold.
pub(super) fn leave(place: &Place, typed: &str) -> Result<(), ConsoleError> {
    let key = spelled(typed).ok_or_else(|| {
        ConsoleError::refused(WHERE, "ce n'en est pas une : huit groupes de huit lettres ; relisez le papier")
    })?;
    let path = place.typed_recovery_key();
    folder::make(path.parent().unwrap_or(Path::new("/")), 0o700, None)?;
    durable::replace(&path, key.as_bytes(), 0o600).map_err(ConsoleError::file(&path))
}

/// Binds the state to this machine as it is: to images that our key signed, PCR 7 as it is now, PCR 12 being zero.
///
/// After `Ok` the slot of before is gone, and the recovery key opens as it did. After `Err` nothing of the disk has changed. The key
/// that was typed is forgotten in both cases.
///
/// # Errors
/// No key was typed, or it opens nothing; the machine measured nothing, or something was added at its start; the TPM.
pub(super) fn rebind(place: &Place, device: &TpmDevice) -> Result<(), ConsoleError> {
    let path = place.typed_recovery_key();
    let typed = read_file(&path, KEY_LEN_MAX).map_err(ConsoleError::file(&path))?.map(Zeroizing::new);
    let Some(typed) = typed else {
        return Err(ConsoleError::refused(WHERE, "elle n'a pas été saisie ; passez par le menu de l'écran"));
    };
    durable::erase(&path).map_err(ConsoleError::file(&path))?;
    require_measured(place, SECURE_BOOT)?;
    let additions = std::fs::read_to_string(place.pcr(ADDITIONS)).unwrap_or_default();
    let additions = additions.trim();
    if additions.len() != 64 || !additions.bytes().all(|b| b == b'0') {
        let cause = "quelque chose a été ajouté à l'image à ce démarrage (PCR 12) ; retirez-le de la partition EFI, redémarrez, recommencez";
        return Err(ConsoleError::refused("PCR 12", cause));
    }
    folder::make(&place.work(), 0o711, None)?;
    let key = PinFile::write(&place.work(), "recovery-key", &typed, None)?;
    let mut command = tool("systemd-cryptenroll");
    command.arg(format!("--unlock-key-file={}", key.path().display()));
    command.arg(format!("--tpm2-device={}", device.0.as_deref().unwrap_or("auto")));
    command.arg(format!("--tpm2-public-key={}", place.disk_public_key().display()));
    // 12 is zero: looked at above.
    command.args(["--wipe-slot=tpm2", "--tpm2-public-key-pcrs=11", "--tpm2-pcrs=7+12"]).arg(place.state_device());
    done(command, Vec::new(), "liaison du disque au TPM").map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_recovery_key_is_read_as_people_type_it() {
        let right = ["cbdefghi-jklnrtuv"; 4].join("-");
        for typed in [right.clone(), right.to_uppercase(), right.replace('-', ""), right.replace('-', " ")] {
            assert_eq!(*spelled(&typed).unwrap(), right);
        }
        for wrong in
            ["", "cbdefghi", &right.replace('c', "a"), &format!("{right}c"), &right.replace('c', "\u{e9}")]
        {
            assert_eq!(spelled(wrong), None, "{wrong}");
        }
    }
}
