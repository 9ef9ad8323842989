//! `sceau.toml` with other keys than it has: written beside it, judged, then put in its place by one renaming.

use std::fs;
use std::path::PathBuf;

use super::configuration::sceau_toml;
use super::error::{ConsoleError, Refusal};
use super::place::Place;
use super::requests::last_of_slots;
use super::vault::{Planned, Vault};
use crate::config::Config;
use crate::config::provisioning::Provisioning;
use crate::sys::durable;

/// The vaults with that key behind the last one of its slot; of two that serve already the older one goes.
pub(super) fn with(vaults: &[Vault], key: &Planned) -> Vec<Vault> {
    let last: Vec<_> = last_of_slots(vaults).into_iter().map(|(_, last)| last.name.clone()).collect();
    let with_key = |vault: &Vault| {
        let mut keys = Vec::new();
        for present in &vault.keys {
            let is_last = last.contains(&present.name);
            if present.slot != key.slot || is_last {
                keys.push(present.clone());
            }
            if present.slot == key.slot && is_last {
                keys.push(key.clone());
            }
        }
        Vault { keys, ..vault.clone() }
    };
    vaults.iter().map(with_key).collect()
}

/// The vaults without these keys.
pub(super) fn without(vaults: &[Vault], names: &[String]) -> Vec<Vault> {
    let kept = |vault: &Vault| {
        let keys = vault.keys.iter().filter(|key| !names.contains(&key.name)).cloned().collect();
        Vault { keys, ..vault.clone() }
    };
    vaults.iter().map(kept).collect()
}

/// `sceau.toml` as it would be with these keys, beside it: judged as `sceaud` would. What is left of it is written over.
pub(super) fn draft(place: &Place, applied: &Provisioning, vaults: &[Vault]) -> Result<PathBuf, ConsoleError> {
    judged(place, &text(place, applied, vaults)?)
}

/// The same in its place: from here on these keys serve.
pub(super) fn write(place: &Place, applied: &Provisioning, vaults: &[Vault]) -> Result<(), ConsoleError> {
    let text = text(place, applied, vaults)?;
    let draft = judged(place, &text)?;
    let path = place.sceau_toml();
    durable::replace(&path, text.as_bytes(), 0o644).map_err(ConsoleError::file(&path))?;
    fs::remove_file(&draft).map_err(ConsoleError::file(&draft))
}

fn judged(place: &Place, text: &str) -> Result<PathBuf, ConsoleError> {
    let path = place.configuration().join("sceau-next.toml");
    durable::replace(&path, text.as_bytes(), 0o644).map_err(ConsoleError::file(&path))?;
    let faults = Config::examine(&path).faults;
    if faults.is_empty() {
        return Ok(path);
    }
    fs::remove_file(&path).map_err(ConsoleError::file(&path))?;
    Err(ConsoleError::Refused(faults.iter().map(Refusal::of_fault).collect()))
}

fn text(place: &Place, applied: &Provisioning, vaults: &[Vault]) -> Result<String, ConsoleError> {
    let complement = match &applied.complement {
        Some(name) => {
            let path = place.configuration().join(name);
            fs::read_to_string(&path).map_err(ConsoleError::file(&path))?
        }
        None => String::new(),
    };
    Ok(sceau_toml(applied, vaults, &complement))
}
