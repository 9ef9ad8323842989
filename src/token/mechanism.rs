//! How a signature of ours is asked of a token: hashed here, signed by the raw mechanism.

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};

use crate::seal::handshake::Scheme;
use crate::seal::key::KeyAlgorithm;

/// `DigestInfo` of SHA-256 up to the digest (RFC 8017 §9.2 note 1).
const DIGEST_INFO_SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
    0x20,
];

/// The mechanism and what it signs, for a signature over `message`.
pub(super) fn of(algorithm: KeyAlgorithm, message: &[u8]) -> (Mechanism<'static>, Vec<u8>) {
    // Hashed here: a token of CKM_ECDSA needs it (SoftHSM), and the digest alone crosses the network to an HSM.
    match algorithm {
        KeyAlgorithm::RsaSha256 => {
            (Mechanism::RsaPkcs, [&DIGEST_INFO_SHA256, digest(&SHA256, message).as_ref()].concat())
        }
        KeyAlgorithm::EcdsaSha256 => (Mechanism::Ecdsa, digest(&SHA256, message).as_ref().to_vec()),
        KeyAlgorithm::EcdsaSha384 => (Mechanism::Ecdsa, digest(&SHA384, message).as_ref().to_vec()),
        // Ed25519 hashes for itself, twice (RFC 8032 §5.1.6): there is nothing to hash before.
        KeyAlgorithm::Ed25519 => {
            (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)), message.to_vec())
        }
    }
}

/// The same for a signature of a TLS handshake; none if the key is of another kind.
pub(super) fn of_handshake(
    scheme: Scheme,
    algorithm: KeyAlgorithm,
    content: &[u8],
) -> Option<(Mechanism<'static>, Vec<u8>)> {
    match (scheme, algorithm) {
        (Scheme::RsaPkcs1, KeyAlgorithm::RsaSha256) | (Scheme::EcdsaP256, KeyAlgorithm::EcdsaSha256) => {
            Some(of(algorithm, content))
        }
        (Scheme::RsaPss, KeyAlgorithm::RsaSha256) => {
            // Salt as long as the digest (RFC 8446 §4.2.3).
            let parameters =
                PkcsPssParams { hash_alg: MechanismType::SHA256, mgf: PkcsMgfType::MGF1_SHA256, s_len: 32.into() };
            Some((Mechanism::RsaPkcsPss(parameters), digest(&SHA256, content).as_ref().to_vec()))
        }
        _ => None,
    }
}

/// Length of a signature by a key of `bits`: the modulus, or r‖s, or R‖S.
pub(super) fn signature_len(algorithm: KeyAlgorithm, bits: u16) -> usize {
    match algorithm {
        KeyAlgorithm::RsaSha256 => usize::from(bits).div_ceil(8),
        KeyAlgorithm::EcdsaSha256 | KeyAlgorithm::EcdsaSha384 => usize::from(bits) / 4,
        KeyAlgorithm::Ed25519 => 64,
    }
}
