//! What a signer says of its key, and what production demands of it.

use serde::{Deserialize, Serialize};

use crate::config::Purpose;
use crate::policy::keyring::Keyring;
use crate::vihf::signature::SignatureAlgorithm;

/// What a key in a token signs with; follows the key's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA P-256 with SHA-256, raw r‖s.
    EcdsaSha256,
    /// ECDSA P-384 with SHA-384, raw r‖s.
    EcdsaSha384,
    /// Ed25519 (RFC 8032): no seal, XML signatures of ours do not have it; an audit key.
    Ed25519,
}

impl From<SignatureAlgorithm> for KeyAlgorithm {
    fn from(algorithm: SignatureAlgorithm) -> Self {
        match algorithm {
            SignatureAlgorithm::RsaSha256 => Self::RsaSha256,
            SignatureAlgorithm::EcdsaSha256 => Self::EcdsaSha256,
            SignatureAlgorithm::EcdsaSha384 => Self::EcdsaSha384,
        }
    }
}

impl KeyAlgorithm {
    /// Whether keys of that algorithm are for that purpose: XML signatures of ours have no Ed25519, notes nothing but Ed25519
    /// and P-256 (C2SP signed-note).
    #[must_use]
    pub fn serves(self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::Seal => self.certified().is_some(),
            // What servers take everywhere; handshakes of others are not offered.
            Purpose::Authentication => matches!(self, Self::RsaSha256 | Self::EcdsaSha256),
            Purpose::Audit { .. } => matches!(self, Self::Ed25519 | Self::EcdsaSha256),
        }
    }

    /// The algorithm of a key that may be certified and seal; none for Ed25519.
    #[must_use]
    pub fn certified(self) -> Option<SignatureAlgorithm> {
        match self {
            Self::RsaSha256 => Some(SignatureAlgorithm::RsaSha256),
            Self::EcdsaSha256 => Some(SignatureAlgorithm::EcdsaSha256),
            Self::EcdsaSha384 => Some(SignatureAlgorithm::EcdsaSha384),
            Self::Ed25519 => None,
        }
    }
}

/// A key as its signer found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDescription {
    /// Name of the key in the configuration.
    pub key: String,
    /// Where it is kept; not said of a token.
    #[serde(default, skip_serializing_if = "Keyring::is_token")]
    pub keyring: Keyring,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// Size of the modulus or of the curve, in bits.
    pub bits: u16,
    /// `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1); a signature made at opening was verified with it.
    #[serde(with = "crate::varlink::base64")]
    pub spki: Vec<u8>,
    /// Where `spki` was read.
    pub spki_source: SpkiSource,
    /// What the token says of the private key; nothing where there is no token.
    pub attributes: KeyAttributes,
    /// The token, or the sealed file by a token's words.
    pub token: TokenIdentity,
    /// The vendor's library, or ours.
    pub module: String,
    /// Sessions that sign: how many requests this process serves at once.
    pub sessions: u16,
    /// The signer's process.
    pub pid: u32,
}

/// Where a public key was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpkiSource {
    /// The public key object of the same label and id.
    PublicObject,
    /// The private key object itself.
    PrivateObject,
    /// The configured certificate, because the token tells nothing of the public key.
    Certificate,
    /// Computed from the private key that was unwrapped.
    PrivateKey,
}

/// How a token names itself (PKCS#11 `CK_TOKEN_INFO`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenIdentity {
    /// Label given when it was initialised.
    pub label: String,
    /// Its maker.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
}

/// What a token says of a private key (PKCS#11 §4.9); `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttributes {
    /// `CKA_SENSITIVE`: its value is never shown in clear.
    pub sensitive: Option<bool>,
    /// `CKA_ALWAYS_SENSITIVE`: it has been so since it exists.
    pub always_sensitive: Option<bool>,
    /// `CKA_EXTRACTABLE`: it may leave the token wrapped.
    pub extractable: Option<bool>,
    /// `CKA_NEVER_EXTRACTABLE`: it never could.
    pub never_extractable: Option<bool>,
    /// `CKA_LOCAL`: it was made in the token.
    pub local: Option<bool>,
}

/// Why production does not take a key; the text names cause and remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Not `CKA_SENSITIVE`, or not always so.
    #[error(
        "la clé n'est pas protégée en lecture depuis sa création (CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE) ; générez une nouvelle clé dans le token et faites certifier celle-là"
    )]
    NotSensitive,
    /// `CKA_EXTRACTABLE`, or not `CKA_NEVER_EXTRACTABLE`.
    #[error(
        "la clé peut ou a pu sortir du token (CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE) ; générez une nouvelle clé non extractible dans le token et faites certifier celle-là"
    )]
    Extractable,
    /// Not `CKA_LOCAL`.
    #[error(
        "la clé a été importée dans le token au lieu d'y être générée (CKA_LOCAL) ; générez une nouvelle clé dans le token et faites certifier celle-là"
    )]
    NotLocal,
}

impl KeyDescription {
    /// What production demands of the key itself: of one in a token, [`requirements`]. Of a sealed one nothing here: whether
    /// there may be any is the convention's to say.
    ///
    /// # Errors
    /// The first [`KeyRefusal`].
    pub fn requirements(&self) -> Result<(), KeyRefusal> {
        match self.keyring {
            Keyring::Pkcs11 => requirements(&self.attributes),
            Keyring::Sealed => Ok(()),
        }
    }
}

/// What production demands of a seal key: sensitive, never extractable, made in the token.
///
/// Trusts what the token says. An attribute that the token does not give counts against the key, except
/// `CKA_EXTRACTABLE` and `CKA_ALWAYS_SENSITIVE`, which the others imply.
///
/// # Errors
/// The first [`KeyRefusal`].
pub fn requirements(attributes: &KeyAttributes) -> Result<(), KeyRefusal> {
    if attributes.local != Some(true) {
        return Err(KeyRefusal::NotLocal);
    }
    if attributes.extractable == Some(true) || attributes.never_extractable != Some(true) {
        return Err(KeyRefusal::Extractable);
    }
    if attributes.sensitive != Some(true) || attributes.always_sensitive == Some(false) {
        return Err(KeyRefusal::NotSensitive);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: KeyAttributes = KeyAttributes {
        sensitive: Some(true),
        always_sensitive: Some(true),
        extractable: Some(false),
        never_extractable: Some(true),
        local: Some(true),
    };

    #[test]
    fn production_takes_a_key_made_and_kept_in_the_token() {
        assert_eq!(requirements(&GOOD), Ok(()));
        assert_eq!(requirements(&KeyAttributes { always_sensitive: None, extractable: None, ..GOOD }), Ok(()));
    }

    #[test]
    fn production_refuses_every_other_key() {
        use KeyRefusal::{Extractable, NotLocal, NotSensitive};
        for (attributes, refusal) in [
            (KeyAttributes { sensitive: Some(false), ..GOOD }, NotSensitive),
            (KeyAttributes { sensitive: None, ..GOOD }, NotSensitive),
            (KeyAttributes { always_sensitive: Some(false), ..GOOD }, NotSensitive),
            (KeyAttributes { extractable: Some(true), ..GOOD }, Extractable),
            (KeyAttributes { never_extractable: Some(false), ..GOOD }, Extractable),
            (KeyAttributes { never_extractable: None, ..GOOD }, Extractable),
            (KeyAttributes { local: Some(false), ..GOOD }, NotLocal),
            (KeyAttributes { local: None, ..GOOD }, NotLocal),
        ] {
            assert_eq!(requirements(&attributes), Err(refusal), "{attributes:?}");
        }
    }
}
