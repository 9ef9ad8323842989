//! Verifying what a signer returns, before anything leaves: a faulty signature can give an RSA key away
//! (Boneh, DeMillo, Lipton 1997), and readiness that is not verified lies.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};

use super::key::{KeyAlgorithm, KeyDescription};
use crate::traces::audit::{AuditPublicKey, FIRST_GENERATION};
use crate::traces::note::key::Algorithm;

/// The public half of a signer's key, parsed once.
#[derive(Debug)]
pub struct Verifier {
    algorithm: KeyAlgorithm,
    spki: Vec<u8>,
    key: ParsedPublicKey,
}

impl Verifier {
    /// Takes a SubjectPublicKeyInfo (DER); none if it is no key of that algorithm.
    #[must_use]
    pub fn new(algorithm: KeyAlgorithm, spki: &[u8]) -> Option<Self> {
        let key = match algorithm {
            KeyAlgorithm::RsaSha256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki),
            KeyAlgorithm::EcdsaSha256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, spki),
            KeyAlgorithm::EcdsaSha384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, spki),
            KeyAlgorithm::Ed25519 => ParsedPublicKey::new(&ED25519, spki),
        };
        key.ok().map(|key| Self { algorithm, spki: spki.to_vec(), key })
    }

    /// The public half of an audit key.
    #[must_use]
    pub fn of_audit(public: &AuditPublicKey) -> Option<Self> {
        let algorithm = match public.of_generation(FIRST_GENERATION).algorithm() {
            Algorithm::Ed25519 => KeyAlgorithm::Ed25519,
            Algorithm::EcdsaP256 => KeyAlgorithm::EcdsaSha256,
        };
        Self::new(algorithm, &public.spki())
    }

    /// Whether `signature` (raw) is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }

    /// Whether a signer speaks of this very key.
    #[must_use]
    pub fn is_key(&self, described: &KeyDescription) -> bool {
        described.algorithm == self.algorithm && described.spki == self.spki
    }
}
