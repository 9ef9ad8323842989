//! Which keys the configuration's files know, and what each holds: the one list that unknown keys and wrong types are judged by.
//!
//! The typed tables (serde) have the same keys; a test reads a file with all of them into both.

mod configuration;
mod gate;
mod provisioning;
mod registers;
mod terms;

pub(super) use configuration::CONFIGURATION;
pub(super) use gate::GATE_FILE;
pub(super) use provisioning::PROVISIONING;
pub(super) use registers::{APPLICATIONS, PRACTITIONERS, PROFILE};
pub(super) use terms::CONVENTION_FILE;

use crate::proof::{Algorithm, Factor};
use crate::tables::{Key, Kind, may, must};
use crate::vihf::method::Method;

/// Any number that TOML can write and that is not negative.
const ANY: Kind = Kind::Count(i64::MAX);
/// What a u16 holds.
const SMALL: Kind = Kind::Count(u16::MAX as i64);

/// What a u32 holds.
const LEVEL: Kind = Kind::Count(u32::MAX as i64);
fn methods() -> Vec<&'static str> {
    Method::ALL.iter().map(|method| method.name()).collect()
}

fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect()
}

fn factors() -> Vec<&'static str> {
    Factor::NAMES.to_vec()
}

fn channels() -> Vec<&'static str> {
    vec!["LPS", "WEB_PS"]
}

#[cfg(test)]
mod tests;
