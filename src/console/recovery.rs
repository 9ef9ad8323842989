//! The recovery key of the encrypted state: made in the initrd, given away once, then forgotten.
//!
//! As long as the mark is not there the initrd makes another one at each start, which the one before no longer opens: a power
//! cut between the giving and the mark leaves a key that opens nothing, and the next visit gives the right one.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::ConsoleError;
use super::folder;
use super::place::Place;
use super::report::Report;
use super::stick::{Stick, read_file};
use crate::config::provisioning::Provisioning;
use crate::envelope::{Envelope, Recipient};
use crate::sys::{clock, durable};

/// The envelope on the stick.
const ANSWER: &str = "cle-de-secours.p7m";
/// Longest key in bytes: eight groups of eight letters.
const KEY_LEN_MAX: u64 = 256;

/// The key, if it was not taken yet.
pub(super) fn pending(place: &Place) -> Result<Option<Zeroizing<Vec<u8>>>, ConsoleError> {
    let path = place.recovery_key();
    let key = read_file(&path, KEY_LEN_MAX).map_err(ConsoleError::file(&path))?;
    Ok(key.map(Zeroizing::new).filter(|key| !key.trim_ascii().is_empty()))
}

/// Gives it to the officer whom the signed file names, encrypted for the certificate that it pins; on the stick in no other form.
pub(super) fn give(
    place: &Place,
    stick: &Stick,
    applied: &Provisioning,
    report: &mut Report,
) -> Result<(), ConsoleError> {
    let Some(key) = pending(place)? else { return Ok(()) };
    let Some(officer) = &applied.recovery_officer else {
        report.next(
            "la clé de secours du disque attend : notez-la à l'écran de l'appliance (menu, « Clé de secours »)",
        );
        return Ok(());
    };
    let path = place.configuration().join(officer);
    let pem = fs::read(&path).map_err(ConsoleError::file(&path))?;
    let recipient = Recipient::from_pem(&pem, clock::now()).map_err(|cause| {
        ConsoleError::refused(officer.as_str(), format!("{cause} ; notez la clé de secours à l'écran"))
    })?;
    let sealed = envelope(&recipient, &key).map_err(ConsoleError::file(Path::new(ANSWER)))?;
    stick.answer(ANSWER, &sealed).map_err(ConsoleError::file(Path::new(ANSWER)))?;
    taken(place)?;
    report.did(format!(
        "clé de secours du disque chiffrée pour {officer} dans answers/{ANSWER} ; elle n'est plus sur l'appliance"
    ));
    report.next(format!("l'officier ouvre {ANSWER} (openssl cms -decrypt -inform DER) et met la clé au coffre"));
    Ok(())
}

/// Leaves the mark, then forgets the key. A crash between the two leaves a key in memory that nobody gives again.
pub(super) fn taken(place: &Place) -> Result<(), ConsoleError> {
    let mark = place.recovery_mark();
    folder::make(mark.parent().unwrap_or(Path::new("/")), 0o700, None)?;
    durable::replace(&mark, b"", 0o600).map_err(ConsoleError::file(&mark))?;
    let path = place.recovery_key();
    durable::erase(&path).map_err(ConsoleError::file(&path))
}

fn envelope(recipient: &Recipient, key: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut envelope = Envelope::new(std::slice::from_ref(recipient), Vec::new())?;
    envelope.write_all(key)?;
    envelope.finish()
}
