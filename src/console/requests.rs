//! Certificate requests: where they are kept, which keys wait for what they ask, and their way to the stick.

use std::fs;
use std::path::PathBuf;

use super::error::ConsoleError;
use super::place::{Place, REQUESTS};
use super::report::Report;
use super::serving::generation;
use super::stick::Stick;
use super::vault::{Planned, Vault};
use crate::certificate::SealCertificate;

/// Where a key's request is kept.
pub(super) fn request(place: &Place, key: &Planned) -> PathBuf {
    folder(place).join(format!("{}.csr", key.name))
}

/// The folder of requests.
pub(super) fn folder(place: &Place) -> PathBuf {
    place.configuration().join(REQUESTS)
}

/// Keys whose certificates have not come yet.
pub(super) fn awaited<'v>(place: &Place, vaults: &'v [Vault]) -> Vec<&'v Planned> {
    let keys = vaults.iter().flat_map(|vault| &vault.keys);
    keys.filter(|key| key.structure.is_some() && !place.certificate(&key.name).is_file()).collect()
}

/// The certificate that a key has, if it has one that can be read.
pub(super) fn certified(place: &Place, key: &Planned) -> Option<SealCertificate> {
    let pem = fs::read(place.certificate(&key.name)).ok()?;
    SealCertificate::parse(&pem).ok()
}

/// The last key of each slot that has a certificate, the one that another may follow; with its token.
pub(super) fn last_of_slots(vaults: &[Vault]) -> Vec<(&Vault, &Planned)> {
    let keys = vaults.iter().flat_map(|vault| vault.keys.iter().map(move |key| (vault, key)));
    let mut last: Vec<(&Vault, &Planned)> = Vec::new();
    // Of each slot the oldest comes first.
    for (vault, key) in keys.filter(|(_, key)| key.structure.is_some()) {
        last.retain(|(_, earlier)| earlier.slot != key.slot);
        last.push((vault, key));
    }
    last
}

/// Keys that are made and asked for, and follow one that serves: their certificates bring them into force.
pub(super) fn prepared<'v>(place: &Place, vaults: &'v [Vault]) -> Vec<(&'v Vault, Planned)> {
    made(place, vaults, ".csr")
}

/// Keys of slots whose number is behind that of the one that serves, of which a file of that ending is kept: the last of each slot.
pub(super) fn made<'v>(place: &Place, vaults: &'v [Vault], ending: &str) -> Vec<(&'v Vault, Planned)> {
    let entries = fs::read_dir(folder(place)).into_iter().flatten();
    let names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(ending).map(str::to_owned))
        .collect();
    let follows = |last: &Planned| {
        let number = generation(&last.slot, &last.name)?;
        let later = names.iter().filter_map(|name| Some((generation(&last.slot, name)?, name)));
        let (_, name) = later.filter(|(at, _)| *at > number).max()?;
        Some(Planned { name: name.clone(), ..last.clone() })
    };
    last_of_slots(vaults).into_iter().filter_map(|(vault, last)| Some((vault, follows(last)?))).collect()
}

/// Puts the requests of these keys on the stick, and says what becomes of them.
pub(super) fn give(
    place: &Place,
    stick: &Stick,
    keys: &[&Planned],
    report: &mut Report,
) -> Result<(), ConsoleError> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut names = Vec::new();
    for key in keys {
        let (from, name) = (request(place, key), format!("{}.csr", key.name));
        let bytes = fs::read(&from).map_err(ConsoleError::file(&from))?;
        stick.answer(&name, &bytes).map_err(ConsoleError::file(name.as_ref()))?;
        names.push(name);
    }
    report.next(format!(
        "faites certifier par l'IGC-Santé, puis rapportez les certificats dans sceau/certificates : {}",
        names.join(", ")
    ));
    Ok(())
}
