//! Where a convention comes from: a file, or `sceaud`; and whose signatures count.

use std::path::Path;

use serde_json::{Value, json};

use super::super::{AdminDoor, NotDone};
use crate::config::{Config, ConfigError, Named, Presented, Whole, convention};
use crate::policy::operators::Operators;
use crate::sys::{clock, peer};
use crate::traces::digest::Digest;

/// What `sceaud` tells of the convention.
pub(super) struct InForce {
    pub(super) presented: Presented,
    pub(super) approvers: Vec<String>,
    pub(super) holds: bool,
    /// Why the file that was presented last was not taken.
    pub(super) refused: Option<String>,
}

/// The convention of a file with the signatures beside it.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn file(path: &Path, test: bool) -> Result<Presented, NotDone> {
    let path = std::path::absolute(path)?;
    Ok(Presented::read(&path, test).map_err(ConfigError::from)?)
}

/// Whether the configuration of this machine, if there is one, is of test mode: test structures are then admitted.
pub(super) fn is_test(door: &AdminDoor) -> bool {
    Config::load(&door.config).is_ok_and(|config| config.is_test())
}

/// The convention that `sceaud` has; none: it has none, or terms inside `sceau.toml`.
///
/// # Errors
/// `sceaud` does not answer, or with what this version does not read.
pub(super) fn in_force(door: &AdminDoor) -> Result<Option<InForce>, NotDone> {
    let told = door.connect()?.call_admin("Convention", &json!({}))?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(content) = text("text") else { return Ok(None) };
    let convention = convention(Path::new("(sceaud)"), &content, true).map_err(ConfigError::from)?;
    let digest = Digest::of(&[content.as_bytes()]);
    let approvers = told.get("approvers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Some(InForce {
        presented: Presented { convention, text: content, digest, signatures: Vec::new() },
        approvers: approvers.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        holds: told.get("in_force").and_then(Value::as_bool).unwrap_or_default(),
        refused: text("message"),
    }))
}

/// The convention that `sceaud` judges by; where it does not answer, or has none of its own in force, the configured one.
///
/// # Errors
/// There is neither.
pub(in super::super) fn presented(config: &Config, door: &AdminDoor) -> Result<Presented, NotDone> {
    match in_force(door) {
        Ok(Some(InForce { presented, holds: true, .. })) => Ok(presented),
        _ => Ok(config.present_convention().map_err(ConfigError::from)?),
    }
}

/// What the configuration names, beside that convention.
///
/// # Errors
/// As [`presented`].
pub(in super::super) fn named(config: &Config, door: &AdminDoor) -> Result<Named, NotDone> {
    let named = config.examine_named(&Whole::ALL, |user| peer::uid_of(user).ok().flatten(), clock::now());
    Ok(Named { convention: Some(presented(config, door)?), ..named })
}

/// Why `sceaud` has no convention, if it says so.
///
/// # Errors
/// `sceaud` does not answer.
pub(super) fn refusal(door: &AdminDoor) -> Result<Option<String>, NotDone> {
    let told = door.connect()?.call_admin("Convention", &json!({}))?;
    Ok(told.get("message").and_then(Value::as_str).map(str::to_owned))
}

/// The register of operators.
///
/// # Errors
/// `sceaud` does not answer, or with what this version does not read.
pub(super) fn operators(door: &AdminDoor) -> Result<Operators, NotDone> {
    let told = door.connect()?.call_admin("Operators", &json!({}))?;
    let rows = told.get("operators").cloned().unwrap_or_default();
    Operators::told(rows).ok_or(NotDone::Call(super::super::CallError::Reply))
}
