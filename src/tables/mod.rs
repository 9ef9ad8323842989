//! TOML files that people write: read within limits, every fault told in French with its line, cause and remedy.
//!
//! Pure but for the reading. Each program names its own keys ([`must`], [`may`]); the walk finds what is unknown, missing or of the
//! wrong type, and the typed tables (serde) take the rest.

#[cfg_attr(
    not(all(unix, feature = "appliance")),
    allow(dead_code, reason = "the appliance's own files need more")
)]
mod document;
mod fault;
#[cfg_attr(
    not(all(unix, feature = "appliance")),
    allow(dead_code, reason = "the appliance's own files need more")
)]
mod key;
mod walk;

pub use fault::{ConfigError, Fault, Position, system_words};

pub(crate) use document::Document;
#[cfg(all(unix, feature = "appliance"))]
pub(crate) use document::{read_bytes, read_text};
pub(crate) use key::{Key, Kind, may, must};
