//! What a provider may sign with: the asymmetric algorithms of RFC 7518 and RFC 8037 that are whole today.

use jsonwebtoken::Algorithm as Jws;
use serde::Deserialize;

/// A signature algorithm. There is no word for `none` or an HMAC: neither can be configured, nor be taken for one.
///
/// ES512 is left out because the JOSE crate has no P-521, ES256K because no provider of ours has that curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[expect(missing_docs, reason = "the names are the registry's own")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// What kind of key an algorithm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// Its name in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that exact name: `alg` is case-sensitive (RFC 7515 §4.1.1).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) const fn key_kind(self) -> KeyKind {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => KeyKind::Rsa,
            Self::ES256 => KeyKind::P256,
            Self::ES384 => KeyKind::P384,
            Self::EdDSA => KeyKind::Ed25519,
        }
    }

    pub(super) const fn jws(self) -> Jws {
        match self {
            Self::RS256 => Jws::RS256,
            Self::RS384 => Jws::RS384,
            Self::RS512 => Jws::RS512,
            Self::PS256 => Jws::PS256,
            Self::PS384 => Jws::PS384,
            Self::PS512 => Jws::PS512,
            Self::ES256 => Jws::ES256,
            Self::ES384 => Jws::ES384,
            Self::EdDSA => Jws::EdDSA,
        }
    }
}
