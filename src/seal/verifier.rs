//! Verifying what a signer returns, before anything leaves: a faulty signature can give an RSA key away
//! (Boneh, DeMillo, Lipton 1997), and readiness that is not verified lies.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};

use crate::vihf::signature::SignatureAlgorithm;

/// The public half of a seal key, parsed once.
#[derive(Debug)]
pub struct Verifier(ParsedPublicKey);

impl Verifier {
    /// Takes a SubjectPublicKeyInfo (DER); none if it is no key of that algorithm.
    #[must_use]
    pub fn new(algorithm: SignatureAlgorithm, spki: &[u8]) -> Option<Self> {
        let key = match algorithm {
            SignatureAlgorithm::RsaSha256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki),
            SignatureAlgorithm::EcdsaSha256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, spki),
            SignatureAlgorithm::EcdsaSha384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, spki),
        };
        key.ok().map(Self)
    }

    /// Whether `signature` (raw) is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}
