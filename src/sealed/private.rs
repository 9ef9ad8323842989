//! A private key in memory: made, read from PKCS#8, written to it, signed with.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::seal::handshake::Scheme;
use crate::seal::key::KeyAlgorithm;
use crate::token::KeyKind;

/// A private key; aws-lc erases it when it is dropped.
#[derive(Debug)]
pub(super) enum Private {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Private {
    /// A new key; none for an RSA size that is not offered.
    pub(super) fn generate(kind: KeyKind) -> Result<Self, Unspecified> {
        Ok(match kind {
            KeyKind::Rsa(2048) => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            KeyKind::Rsa(3072) => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa3072)?),
            KeyKind::Rsa(4096) => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa4096)?),
            KeyKind::Rsa(_) => return Err(Unspecified),
            KeyKind::P256 => Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            KeyKind::P384 => Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?),
            KeyKind::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate()?),
        })
    }

    /// The key of a PKCS#8 document (RFC 5208).
    pub(super) fn of_pkcs8(algorithm: KeyAlgorithm, document: &[u8]) -> Result<Self, Unspecified> {
        let ecdsa = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, document).map_err(|_| Unspecified);
        Ok(match algorithm {
            KeyAlgorithm::RsaSha256 => Self::Rsa(RsaKeyPair::from_pkcs8(document).map_err(|_| Unspecified)?),
            KeyAlgorithm::EcdsaSha256 => Self::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            KeyAlgorithm::EcdsaSha384 => Self::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)?),
            KeyAlgorithm::Ed25519 => Self::Ed25519(Ed25519KeyPair::from_pkcs8(document).map_err(|_| Unspecified)?),
        })
    }

    /// Its PKCS#8 document.
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let bytes = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        Ok(match self {
            Self::Rsa(key) => {
                let der: Pkcs8V1Der<'_> = key.as_der()?;
                bytes(der.as_ref())
            }
            Self::P256(key) | Self::P384(key) => bytes(key.to_pkcs8v1()?.as_ref()),
            Self::Ed25519(key) => bytes(key.to_pkcs8()?.as_ref()),
        })
    }

    pub(super) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rsa(_) => KeyAlgorithm::RsaSha256,
            Self::P256(_) => KeyAlgorithm::EcdsaSha256,
            Self::P384(_) => KeyAlgorithm::EcdsaSha384,
            Self::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// Size of the modulus or of the curve, in bits.
    pub(super) fn bits(&self) -> u16 {
        match self {
            Self::Rsa(key) => u16::try_from(key.public_modulus_len() * 8).unwrap_or(u16::MAX),
            Self::P256(_) | Self::Ed25519(_) => 256,
            Self::P384(_) => 384,
        }
    }

    /// SubjectPublicKeyInfo in DER.
    pub(super) fn spki(&self) -> Result<Vec<u8>, Unspecified> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(key) => key.public_key().as_der()?,
            Self::P256(key) | Self::P384(key) => key.public_key().as_der()?,
            Self::Ed25519(key) => key.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }

    /// RSA PKCS#1 v1.5 as long as the modulus, ECDSA raw r‖s, Ed25519 R‖S.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        Ok(match self {
            Self::Rsa(key) => rsa(key, &RSA_PKCS1_SHA256, message)?,
            Self::P256(key) | Self::P384(key) => key.sign(&SystemRandom::new(), message)?.as_ref().to_vec(),
            Self::Ed25519(key) => key.try_sign(message)?.as_ref().to_vec(),
        })
    }

    /// The same for a TLS handshake; none if the key is of another kind.
    pub(super) fn sign_handshake(&self, scheme: Scheme, content: &[u8]) -> Option<Result<Vec<u8>, Unspecified>> {
        match (scheme, self) {
            (Scheme::RsaPkcs1, Self::Rsa(_)) | (Scheme::EcdsaP256, Self::P256(_)) => Some(self.sign(content)),
            // Salt as long as the digest (RFC 8446 §4.2.3).
            (Scheme::RsaPss, Self::Rsa(key)) => Some(rsa(key, &RSA_PSS_SHA256, content)),
            _ => None,
        }
    }
}

fn rsa(key: &RsaKeyPair, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}
