//! The verifier's nonce: what makes evidence an answer to a question and not an old one shown again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::traces::digest::Digest;

/// 32 bytes that a verifier drew at random for one evidence; 64 lower-case hexadecimal digits as text.
///
/// It is no secret: whoever reads it can only have this evidence made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(Digest);

impl Nonce {
    /// Its length in bytes.
    pub const LEN: usize = Digest::LEN;

    /// These bytes, drawn elsewhere.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(Digest::new(bytes))
    }

    /// Reads its text, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Digest::from_hex(text).map(Self)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
