//! The key of a step, in a token or sealed: what the ceremony asks of either.

use super::KeysError;
use crate::seal::key::{KeyAlgorithm, KeyRefusal, requirements};
use crate::sealed::SealedKey;
use crate::token::{HeldKey, KeyUri, OpenToken, TokenError, Unusable};

/// What a step has opened.
#[derive(Debug)]
pub(super) enum Opened {
    /// A token.
    Token(Box<OpenToken>),
    /// A sealed key.
    Sealed(Box<SealedKey>),
}

/// The key in it, proved by a self-test.
#[derive(Debug)]
pub(super) enum Held<'o> {
    /// In its token.
    Token(HeldKey<'o>),
    /// Unwrapped, in this process.
    Sealed(&'o SealedKey),
}

impl Opened {
    /// The one private key that fits the URI.
    pub(super) fn key(&self, uri: &KeyUri) -> Result<Held<'_>, KeysError> {
        Ok(match self {
            Self::Token(token) => Held::Token(token.key(uri)?),
            Self::Sealed(key) => Held::Sealed(key),
        })
    }

    /// Label of the token, or the file.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Token(token) => token.identity().label.clone(),
            Self::Sealed(key) => key.path().display().to_string(),
        }
    }
}

impl Held<'_> {
    /// How the key is called in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Token(key) => key.name().to_owned(),
            Self::Sealed(key) => key.path().display().to_string(),
        }
    }

    pub(super) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Token(key) => key.algorithm(),
            Self::Sealed(key) => key.algorithm(),
        }
    }

    /// `SubjectPublicKeyInfo` in DER, proved.
    pub(super) fn spki(&self) -> &[u8] {
        match self {
            Self::Token(key) => key.spki(),
            Self::Sealed(key) => key.spki(),
        }
    }

    /// Why production does not take the key itself; of a sealed one the convention decides.
    pub(super) fn refusal(&self) -> Option<KeyRefusal> {
        match self {
            Self::Token(key) => requirements(key.attributes()).err(),
            Self::Sealed(_) => None,
        }
    }

    /// Signs a certificate request of this very key, and nothing else.
    pub(super) fn sign_request_info(&self, info: &[u8]) -> Result<Vec<u8>, TokenError> {
        match self {
            Self::Token(key) => key.sign_request_info(info),
            Self::Sealed(key) => key
                .sign_request_info(info)
                .ok_or(TokenError::ShapeRefused)?
                .map_err(|_| TokenError::Unusable { object: self.name(), cause: Unusable::PublicKeyMismatch }),
        }
    }
}
