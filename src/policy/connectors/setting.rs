//! A file that the establishment sets for a connector: its name there, and the bytes that the order means.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::traces::digest::Digest;

/// Longest name in characters: it is part of a path, and of a line of a unit.
const NAME_LEN_MAX: usize = 64;
/// Longest file in bytes: authorities and a configuration are a tenth of it.
pub const SETTING_LEN_MAX: u64 = 64 * 1024;
/// Most files of one connector.
const SETTINGS_MAX: usize = 16;

/// One file, written `NAME:SHA256`: who reads the order has every byte of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Setting {
    name: String,
    digest: Digest,
}

impl Setting {
    /// Reads `NAME:SHA256`, the digest in small hexadecimal digits; none also for a name that could be something else than a
    /// file's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = text.split_once(':')?;
        let digest = Digest::from_hex(digest)?;
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == '-';
        let formed = (1..=NAME_LEN_MAX).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(letters);
        formed.then(|| Self { name: name.to_owned(), digest })
    }

    /// Reads those of an order: in the order of their names, each name once, not too many.
    #[must_use]
    pub fn parse_all(texts: &[String]) -> Option<Vec<Self>> {
        let mut all = texts.iter().map(|text| Self::parse(text)).collect::<Option<Vec<_>>>()?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Self::are_formed(&all).then_some(all)
    }

    /// Whether these are what [`Setting::parse_all`] gives.
    #[must_use]
    pub fn are_formed(all: &[Self]) -> bool {
        all.len() <= SETTINGS_MAX && all.is_sorted_by(|one, next| one.name < next.name)
    }

    /// What the connector finds it as.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.digest)
    }
}

impl TryFrom<String> for Setting {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no setting of a connector")
    }
}

impl From<Setting> for String {
    fn from(setting: Setting) -> Self {
        setting.to_string()
    }
}
