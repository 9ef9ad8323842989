//! Verifier keys of signed notes: `name+id+base64(type, key)`.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::is_key_name;
use crate::traces::digest::Digest;

/// DER of a P-256 SubjectPublicKeyInfo up to its uncompressed point (RFC 5480 §2).
pub(crate) const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// DER of an Ed25519 SubjectPublicKeyInfo up to its key (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signature types of the C2SP registry that an audit key may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `0x01`: Ed25519 over the text (RFC 8032).
    Ed25519 = 0x01,
    /// `0x02`: ECDSA P-256 with SHA-256 over the text, in DER; the key is a SubjectPublicKeyInfo and the key id is the
    /// start of *its* hash, without name and type.
    EcdsaP256 = 0x02,
}

/// A public key that notes are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    /// 32 bytes of Ed25519, or the SPKI.
    public: Vec<u8>,
    id: u32,
}

/// Why a text is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not `name+id+base64`, or its name is not allowed.
    #[error("a verifier key has the form name+id+base64")]
    Form,
    /// A type that no audit key has.
    #[error("signature type {0:#04x} is not one of 0x01 (Ed25519) and 0x02 (ECDSA)")]
    Algorithm(u8),
    /// Not a key of its type.
    #[error("this is no public key of its type (ECDSA: P-256, uncompressed)")]
    Public,
    /// The id is not that of name and key: a mistyped or altered text.
    #[error("the key id is not that of the key")]
    Id,
}

impl VerifierKey {
    /// An Ed25519 key, 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Form`] for the name, [`KeyError::Public`].
    pub fn ed25519(name: &str, public: &[u8]) -> Result<Self, KeyError> {
        Self::new(name, Algorithm::Ed25519, public.to_vec())
    }

    /// A P-256 key as an uncompressed point, 65 bytes (the content of CKA_EC_POINT).
    ///
    /// # Errors
    /// [`KeyError::Form`] for the name, [`KeyError::Public`].
    pub fn p256(name: &str, point: &[u8]) -> Result<Self, KeyError> {
        Self::new(name, Algorithm::EcdsaP256, [&P256_SPKI, point].concat())
    }

    /// A key from its SubjectPublicKeyInfo (DER), Ed25519 or P-256.
    ///
    /// # Errors
    /// [`KeyError::Form`] for the name, [`KeyError::Public`].
    pub fn of_spki(name: &str, spki: &[u8]) -> Result<Self, KeyError> {
        match spki.strip_prefix(&ED25519_SPKI) {
            Some(public) => Self::new(name, Algorithm::Ed25519, public.to_vec()),
            None => Self::new(name, Algorithm::EcdsaP256, spki.to_vec()),
        }
    }

    /// The same key under another name.
    ///
    /// # Errors
    /// [`KeyError::Form`].
    pub fn renamed(&self, name: &str) -> Result<Self, KeyError> {
        Self::new(name, self.algorithm, self.public.clone())
    }

    /// Its SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        match self.algorithm {
            Algorithm::Ed25519 => [&ED25519_SPKI, self.public.as_slice()].concat(),
            Algorithm::EcdsaP256 => self.public.clone(),
        }
    }

    fn new(name: &str, algorithm: Algorithm, public: Vec<u8>) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Form);
        }
        let hash = match algorithm {
            Algorithm::Ed25519 if public.len() == 32 => {
                Digest::of(&[name.as_bytes(), b"\n", &[algorithm as u8], &public])
            }
            Algorithm::EcdsaP256
                if public.len() == P256_SPKI.len() + 65
                    && public.starts_with(&P256_SPKI)
                    && public.get(P256_SPKI.len()) == Some(&4) =>
            {
                Digest::of(&[&public])
            }
            _ => return Err(KeyError::Public),
        };
        let [a, b, c, d, ..] = *hash.as_bytes();
        Ok(Self { name: name.to_owned(), algorithm, public, id: u32::from_be_bytes([a, b, c, d]) })
    }

    /// Reads the text form.
    ///
    /// After `Ok` the key is written ([`fmt::Display`]) as exactly this text.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let key = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (algorithm, public) = key.split_first().ok_or(KeyError::Form)?;
        let algorithm = match algorithm {
            0x01 => Algorithm::Ed25519,
            0x02 => Algorithm::EcdsaP256,
            other => return Err(KeyError::Algorithm(*other)),
        };
        let key = Self::new(name, algorithm, public.to_vec())?;
        if format!("{:08x}", key.id) == id { Ok(key) } else { Err(KeyError::Id) }
    }

    /// Its name; a ledger's audit key is named like the ledger's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its signature type.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether this key made the signature, which is of the note's form.
    pub(super) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        let verified = match self.algorithm {
            Algorithm::Ed25519 => UnparsedPublicKey::new(&ED25519, &self.public).verify(text, signature),
            Algorithm::EcdsaP256 => {
                let point = self.public.get(P256_SPKI.len()..).unwrap_or_default();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(text, signature)
            }
        };
        verified.is_ok()
    }

    /// A token's signature in the note's form: PKCS#11 gives `r` and `s`, the note has them in DER.
    pub(super) fn encoded(&self, raw: &[u8]) -> Option<Vec<u8>> {
        match self.algorithm {
            Algorithm::Ed25519 => Some(raw.to_vec()),
            Algorithm::EcdsaP256 if raw.len() == 64 => {
                let (r, s) = raw.split_at(32);
                let numbers = [der_integer(r), der_integer(s)].concat();
                // Two integers of at most 35 bytes: the short form of lengths is enough.
                Some([&[0x30, u8::try_from(numbers.len()).ok()?], numbers.as_slice()].concat())
            }
            Algorithm::EcdsaP256 => None,
        }
    }
}

/// INTEGER of an unsigned number of at most 32 bytes (X.690 §8.3).
fn der_integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(number.len().saturating_sub(1));
    let digits = number.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    let len = u8::try_from(sign.len() + digits.len()).unwrap_or_default();
    [&[0x02, len], sign, digits].concat()
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm as u8], self.public.as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}
