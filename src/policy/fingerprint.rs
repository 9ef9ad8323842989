//! What the gate knows an application's certificate by: the SHA-256 of its public key, in the one text of orders and registers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::traces::digest::Digest;

/// What its text begins with.
const PREFIX: &str = "sha256:";
/// Bytes that two people compare aloud.
const SHORT_LEN: usize = 8;

/// SHA-256 of a certificate's SubjectPublicKeyInfo (DER, RFC 5280 §4.1.2.7): a renewed certificate of the same key has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// That of a public key as its certificate has it.
    #[must_use]
    pub fn of(public_key: &[u8]) -> Self {
        Self(Digest::of(&[public_key]))
    }

    /// Reads what [`fmt::Display`] writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Digest::from_hex(text.strip_prefix(PREFIX)?).map(Self)
    }

    /// The hash.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }

    /// The short code that is compared on two screens, `ab12-cd34-ef56-7890`. It helps eyes; what vouches for a proposal is its
    /// proof.
    #[must_use]
    pub fn short(&self) -> String {
        let digits: String = self.0.as_bytes().iter().take(SHORT_LEN).map(|byte| format!("{byte:02x}")).collect();
        let groups: Vec<_> = digits.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl From<Digest> for Fingerprint {
    /// The hash of a public key, computed elsewhere.
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("sha256: and 64 hexadecimal digits")
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_fingerprint_has_one_text() {
        let one = Fingerprint::of(b"key");
        let text = one.to_string();
        assert_eq!(text, "sha256:2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683");
        assert_eq!((Fingerprint::parse(&text), one.short().as_str()), (Some(one), "2c70-e12b-7a06-46f9"));
        for wrong in [&text[7..], &text.to_uppercase(), &text[..text.len() - 1], "", "sha256:"] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
