//! A convention that comes on a stick: put in its place, then taken, which its approvers' signatures decide.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::{ConsoleError, Refusal};
use super::place::Place;
use super::program::{sceau, told};
use super::report::Report;
use super::stick::Stick;
use crate::config::{CONVENTION_LEN_MAX, Presented};
use crate::policy::sshsig::ENVELOPE_LEN_MAX;
use crate::sys::durable;

/// Folder on the stick.
const FOLDER: &str = "convention";
/// Its file, there and beside the configuration.
const FILE: &str = "convention.toml";

/// Brings it, if there is one that is not in place already.
///
/// The signatures first, then the file: `sceaud`, should it look meanwhile, sees the old file with signatures that are not its
/// own, which it passes over. Whether the signatures count is its decision, not ours.
pub(super) fn bring(place: &Place, stick: &Stick, test: bool, report: &mut Report) -> Result<(), ConsoleError> {
    let max = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    let unread = |name: &str| {
        let name = name.to_owned();
        move |cause| ConsoleError::refused(name, format!("il ne se lit pas ({cause}) ; recopiez-le"))
    };
    let Some(text) = stick.read(&format!("{FOLDER}/{FILE}"), max(CONVENTION_LEN_MAX)).map_err(unread(FILE))?
    else {
        return Ok(());
    };
    let target = place.configuration().join(FILE);
    let names: Vec<_> = stick
        .names(FOLDER, ".sig")
        .into_iter()
        .filter(|name| name.starts_with(FILE) && !name.contains(' '))
        .collect();
    let mut signatures = Vec::new();
    for name in names {
        let armour = stick.read(&format!("{FOLDER}/{name}"), max(ENVELOPE_LEN_MAX)).map_err(unread(&name))?;
        signatures.push((name, armour.unwrap_or_default()));
    }
    let is_in_place = |name: &str, bytes: &[u8]| {
        fs::read(place.configuration().join(name)).is_ok_and(|present| present == bytes)
    };
    let same = is_in_place(FILE, &text) && signatures.iter().all(|(name, armour)| is_in_place(name, armour));
    if !same {
        judge(place, &text, test)?;
        for (name, armour) in &signatures {
            put(&place.configuration().join(name), armour)?;
        }
        put(&target, &text)?;
    }
    told::<&str>(place, &["convention", "take"], &[], "convention.toml")?;
    if !same {
        report.did("convention.toml mise en place et prise par sceaud");
    }
    Ok(())
}

/// SHA-256 of the certificates that the convention in force names for that structure, in hexadecimal; None: none is in force, or
/// nobody answers.
pub(super) fn declared(place: &Place, structure: &str) -> Option<Vec<String>> {
    let shown = sceau(place, &["convention", "show"], &["--json"], "convention en vigueur").ok()?;
    let shown: Value = serde_json::from_slice(&shown.output).ok()?;
    let structures = shown.get("structures")?.as_array()?;
    let named = structures.iter().find(|named| named.get("id").and_then(Value::as_str) == Some(structure))?;
    let digests = named.get("certificates")?.as_array()?.iter();
    Some(digests.filter_map(|digest| Some(digest.as_str()?.to_owned())).collect())
}

/// What cannot be read as a convention never replaces the one that is there.
fn judge(place: &Place, text: &[u8], test: bool) -> Result<(), ConsoleError> {
    let folder = place.work().join("convention");
    super::folder::remove(&folder, None)?;
    super::folder::make(&folder, 0o700, None)?;
    let path = folder.join(FILE);
    put(&path, text)?;
    let read = Presented::read(&path, test);
    super::folder::remove(&folder, None)?;
    match read {
        Ok(_) => Ok(()),
        Err(faults) => Err(ConsoleError::Refused(faults.iter().map(Refusal::of_fault).collect())),
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ConsoleError> {
    durable::replace(path, bytes, 0o644).map_err(ConsoleError::file(path))
}
