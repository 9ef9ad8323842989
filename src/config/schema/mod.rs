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
use crate::vihf::method::Method;

/// What a key holds.
#[derive(Clone, Copy)]
pub(in crate::config) enum Kind {
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number from 0 to this.
    Count(i64),
    /// `true` or `false`.
    Boolean,
    /// One of these texts.
    Word(fn() -> Vec<&'static str>),
    /// A list of these texts.
    Words(fn() -> Vec<&'static str>),
    /// A table of these keys.
    Table(&'static [Key]),
    /// An array of tables of these keys.
    Tables(&'static [Key]),
    /// Tables of these keys under names of this list.
    Named(fn() -> Vec<&'static str>, &'static [Key]),
}

/// One key of a table.
#[derive(Clone, Copy)]
pub(in crate::config) struct Key {
    pub(in crate::config) name: &'static str,
    pub(in crate::config) kind: Kind,
    pub(in crate::config) required: bool,
}

const fn must(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: false }
}

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
