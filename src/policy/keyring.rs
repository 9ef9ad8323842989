//! Where a private key is kept: what the convention may permit, and what traces and evidence tell of it.

use serde::{Deserialize, Serialize};

/// Where a private key is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keyring {
    /// In a token, which signs by itself and never gives the key away: an HSM, a smart card, a soft token.
    #[default]
    Pkcs11,
    /// In a file of the appliance, wrapped; while it signs, in the memory of a signer process. No HSM, whatever guards the
    /// wrapping key.
    Sealed,
}

impl Keyring {
    /// Its word in configuration, traces and evidence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pkcs11 => "pkcs11",
            Self::Sealed => "sealed",
        }
    }

    /// Whether it is a token's: what nothing needs to be said of.
    #[must_use]
    pub fn is_token(&self) -> bool {
        *self == Self::Pkcs11
    }
}
