//! Which keys serve: of each that was planned one, or two while their certificates overlap.
//!
//! `sceau.toml` says so and nothing else does: it changes by one renaming, so that units, requests and certificates cannot tell
//! of two states after a power cut.

use std::fs;

use toml::{Table, Value};

use super::place::Place;
use super::vault::{Planned, Purpose, Vault, vaults};
use crate::config::provisioning::Provisioning;

/// Between a key's slot and its number: `seal`, then `seal-r2`.
const SUCCESSOR: &str = "-r";

/// The tokens of a provisioned appliance with the keys that serve, in each slot the oldest first.
pub(super) fn serving(place: &Place, provisioning: &Provisioning) -> Vec<Vault> {
    named(vaults(provisioning), &fs::read_to_string(place.sceau_toml()).unwrap_or_default())
}

/// The same from the text of `sceau.toml`; what it does not tell is as it was made.
fn named(vaults: Vec<Vault>, text: &str) -> Vec<Vault> {
    let told: Table = text.parse().unwrap_or_default();
    let of_slot = |planned: Planned| {
        let mut names: Vec<_> = keys(&told, planned.purpose)
            .into_iter()
            .filter_map(|name| Some((generation(&planned.slot, &name)?, name)))
            .collect();
        names.sort();
        if names.is_empty() {
            return vec![planned];
        }
        names.into_iter().map(|(_, name)| Planned { name, ..planned.clone() }).collect()
    };
    let with_names = |vault: Vault| Vault { keys: vault.keys.into_iter().flat_map(of_slot).collect(), ..vault };
    vaults.into_iter().map(with_names).collect()
}

/// Names of the keys of that purpose.
fn keys(told: &Table, purpose: Purpose) -> Vec<String> {
    let section = match purpose {
        Purpose::Seal => "seal",
        Purpose::Audit => "audit",
        Purpose::Authentication => "authentication",
    };
    let tables = match told.get(section) {
        Some(Value::Array(tables)) => tables.as_slice(),
        Some(table) => std::slice::from_ref(table),
        None => &[],
    };
    tables.iter().filter_map(|table| Some(table.get("key")?.as_str()?.to_owned())).collect()
}

/// Which key of a slot a name is, from 1; None: it is of another one.
pub(super) fn generation(slot: &str, name: &str) -> Option<u32> {
    if name == slot {
        return Some(1);
    }
    let number: u32 = name.strip_prefix(slot)?.strip_prefix(SUCCESSOR)?.parse().ok()?;
    // One spelling of each number.
    (number > 1 && name == numbered(slot, number)).then_some(number)
}

/// The name of a slot's key of that number.
pub(super) fn numbered(slot: &str, number: u32) -> String {
    if number == 1 { slot.to_owned() } else { format!("{slot}{SUCCESSOR}{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_slot_and_one_number() {
        for (slot, name, number) in [
            ("seal", "seal", Some(1)),
            ("seal", "seal-r2", Some(2)),
            ("seal", "seal-r12", Some(12)),
            ("seal2", "seal2-r2", Some(2)),
            ("seal", "seal2-r2", None),
            ("seal", "seal2", None),
            ("seal", "seal-r1", None),
            ("seal", "seal-r02", None),
            ("seal", "seal-r+2", None),
            ("seal", "seal-r", None),
            ("auth", "seal", None),
        ] {
            assert_eq!(generation(slot, name), number, "{name}");
            assert!(number.is_none_or(|number| numbered(slot, number) == name));
        }
    }

    #[test]
    fn what_the_configuration_does_not_tell_is_as_it_was_made() {
        let key = |slot: &str, name: &str, purpose| Planned {
            purpose,
            slot: slot.to_owned(),
            name: name.to_owned(),
            structure: None,
            processes: 1,
        };
        let vault = |keys| Vault {
            name: "seal",
            module: String::new(),
            token: String::new(),
            soft: true,
            user: "sceau-signer",
            keys,
        };
        let planned = || {
            vec![vault(vec![
                key("seal", "seal", Purpose::Seal),
                key("seal2", "seal2", Purpose::Seal),
                key("audit", "audit", Purpose::Audit),
            ])]
        };
        for text in ["", "no TOML [", "seal = 7", "[[seal]]\nkey = 7"] {
            assert_eq!(named(planned(), text), planned(), "{text}");
        }
        let text = "[[seal]]\nkey = \"seal-r10\"\n[[seal]]\nkey = \"seal-r9\"\n[audit]\nkey = \"audit\"";
        let told: Vec<_> = named(planned(), text).into_iter().flat_map(|vault| vault.keys).collect();
        let names: Vec<_> = told.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["seal-r9", "seal-r10", "seal2", "audit"]);
    }
}
