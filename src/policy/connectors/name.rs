//! What connectors and modules are called by, and the root hash that says which image is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name in characters: it is part of unit and file names.
const NAME_LEN_MAX: usize = 32;
/// Bytes of a root hash: dm-verity with SHA-256, which is what systemd makes.
const HASH_LEN: usize = 32;

/// The name of the gate, where it is a connector.
pub const GATE: &str = "gate";

/// Name of a connector or module: a small letter, then small letters, digits and single hyphens. Safe in the name of a unit, of
/// a file and of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let formed = text.len() <= NAME_LEN_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(letters)
            && !text.ends_with('-')
            // "--" is how systemd writes a folder in the name of a unit.
            && !text.contains("--");
        formed.then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no name of a connector")
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// Root hash of an image's dm-verity tree: 64 small hexadecimal digits. Who has it has every byte of the image.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RootHash([u8; HASH_LEN]);

impl RootHash {
    /// Reads the digits, in the one spelling that systemd writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; HASH_LEN];
        if text.len() != 2 * HASH_LEN {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// The hash whose first half is one identifier and whose second half is the other: how a disk image tells its root hash by
    /// the identifiers of its partitions (Discoverable Partitions Specification).
    #[must_use]
    pub fn of_halves(data: [u8; HASH_LEN / 2], tree: [u8; HASH_LEN / 2]) -> Self {
        let mut bytes = [0; HASH_LEN];
        let (first, second) = bytes.split_at_mut(HASH_LEN / 2);
        first.copy_from_slice(&data);
        second.copy_from_slice(&tree);
        Self(bytes)
    }
}

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; HASH_LEN]> for RootHash {
    fn from(bytes: [u8; HASH_LEN]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<String> for RootHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no root hash")
    }
}

impl From<RootHash> for String {
    fn from(hash: RootHash) -> Self {
        hash.to_string()
    }
}
