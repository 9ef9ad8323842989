//! SSHSIG envelopes, as `ssh-keygen -Y sign` makes them (OpenSSH, PROTOCOL.sshsig), and the public keys that made them.
//!
//! Crate ssh-key reads, aws-lc-rs verifies. FIDO2 keys sign OpenSSH's own structure (PROTOCOL.u2f).

use std::fmt;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ssh_key::public::{EcdsaPublicKey, KeyData, PublicKey, RsaPublicKey};
use ssh_key::{Algorithm, HashAlg, SshSig};

use crate::traces::digest::Digest;

/// Shortest RSA modulus in bits (RGS annexe B1: 3072 from 2026 on).
pub const RSA_BITS_MIN: usize = 3072;
/// Longest one: aws-lc-rs verifies no longer.
const RSA_BITS_MAX: usize = 8192;
/// Longest armoured signature in bytes: one of RSA 8192 has under 4 kB.
pub const ENVELOPE_LEN_MAX: usize = 8 * 1024;
/// Flags and counter behind the signature of a FIDO2 key.
const SK_TRAILER_LEN: usize = 5;
/// Somebody touched the FIDO2 key for this signature (FIDO U2F raw message formats, "user presence").
const USER_PRESENT: u8 = 0x01;
/// Bytes of each half of a P-256 signature.
const SCALAR_LEN: usize = 32;

/// A public key of one of the kinds that may sign an order: Ed25519, ECDSA P-256, both of them in a FIDO2 key, RSA of at least
/// [`RSA_BITS_MIN`] bits.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorKey(KeyData);

/// Why a text is no key that may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one line of an OpenSSH public key file.
    #[error("ce n'est pas une clé publique OpenSSH ; donnez la ligne du fichier .pub")]
    Unreadable,
    /// DSA, another curve, a certificate.
    #[error(
        "ce type de clé n'est pas admis ; faites une clé ed25519, ecdsa (nistp256), rsa d'au moins 3072 bits, ed25519-sk ou ecdsa-sk"
    )]
    Kind,
    /// An RSA key too short, or longer than can be verified.
    #[error("cette clé RSA n'a pas 3072 à 8192 bits ; faites-en une autre, de préférence ed25519-sk ou ed25519")]
    RsaLength,
}

impl OperatorKey {
    /// Reads one line of an OpenSSH public key file; its comment is dropped.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let line = line.trim();
        if line.chars().any(char::is_control) {
            return Err(KeyError::Unreadable);
        }
        let key = PublicKey::from_openssh(line).map_err(|_| KeyError::Unreadable)?;
        Self::of(key.key_data().clone())
    }

    fn of(key: KeyData) -> Result<Self, KeyError> {
        match &key {
            KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(_)) => {}
            KeyData::Rsa(rsa) => {
                let bits = modulus(rsa).map_or(0, bits);
                if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
                    return Err(KeyError::RsaLength);
                }
            }
            _ => return Err(KeyError::Kind),
        }
        Ok(Self(key))
    }

    /// `ssh-ed25519 AAAA…`: one text for one key.
    #[must_use]
    pub fn text(&self) -> String {
        // What was read can be written: an error would need a key longer than memory.
        PublicKey::from(self.0.clone()).to_openssh().unwrap_or_default()
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

/// A signature that was read and is not verified.
#[derive(Debug)]
pub struct Envelope(SshSig);

impl Envelope {
    /// Reads an armoured signature; None: it is none, or holds what this version does not know.
    #[must_use]
    pub fn parse(armour: &str) -> Option<Self> {
        if armour.len() > ENVELOPE_LEN_MAX {
            return None;
        }
        let envelope = SshSig::from_pem(armour).ok()?;
        let body: String = armour.lines().filter(|line| !line.starts_with("-----")).collect();
        // The reader is lenient about version, lengths and reserved bytes: one signature has one text here.
        (canonical(&envelope)? == STANDARD.decode(body).ok()?).then_some(Self(envelope))
    }

    /// The key that it says it was made with; None: of a kind that may not sign.
    #[must_use]
    pub fn key(&self) -> Option<OperatorKey> {
        OperatorKey::of(self.0.public_key().clone()).ok()
    }

    /// What the signer said it was for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.namespace()
    }

    /// Whether `key` signed `message` for `namespace`.
    #[must_use]
    pub fn is_by(&self, key: &OperatorKey, namespace: &str, message: &[u8]) -> bool {
        self.0.namespace() == namespace && self.verify(key, namespace, message).is_some()
    }

    /// `Some` exactly when the signature is right.
    fn verify(&self, key: &OperatorKey, namespace: &str, message: &[u8]) -> Option<()> {
        let signed = SshSig::signed_data(namespace, self.0.hash_alg(), message).ok()?;
        let signature = self.0.signature();
        match (&key.0, signature.algorithm()) {
            (KeyData::Ed25519(key), Algorithm::Ed25519) => {
                UnparsedPublicKey::new(&ED25519, key.0).verify(&signed, signature.as_bytes()).ok()
            }
            (KeyData::Ecdsa(key @ EcdsaPublicKey::NistP256(_)), Algorithm::Ecdsa { .. }) => {
                p256(key.as_sec1_bytes(), &signed, signature.as_bytes())
            }
            (KeyData::SkEd25519(key), Algorithm::SkEd25519) => {
                let (raw, signed) = of_sk(key.application(), &signed, signature.as_bytes())?;
                UnparsedPublicKey::new(&ED25519, key.public_key().0).verify(&signed, raw).ok()
            }
            (KeyData::SkEcdsaSha2NistP256(key), Algorithm::SkEcdsaSha2NistP256) => {
                let (raw, signed) = of_sk(key.application(), &signed, signature.as_bytes())?;
                p256(key.ec_point().as_bytes(), &signed, raw)
            }
            // `ssh-rsa` alone would be SHA-1.
            (KeyData::Rsa(key), Algorithm::Rsa { hash: Some(hash) }) => {
                let components = PublicKeyComponents { n: modulus(key)?, e: key.e.as_positive_bytes()? };
                let parameters = match hash {
                    HashAlg::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                    HashAlg::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                    _ => return None,
                };
                components.verify(parameters, &signed, signature.as_bytes()).ok()
            }
            _ => None,
        }
    }
}

/// The one encoding of an envelope (PROTOCOL.sshsig §2, "Blob format"): version 1, nothing reserved.
fn canonical(envelope: &SshSig) -> Option<Vec<u8>> {
    let signature = envelope.signature();
    let is_sk = matches!(signature.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256);
    let trailer_len = if is_sk { SK_TRAILER_LEN } else { 0 };
    let (raw, trailer) =
        signature.as_bytes().split_at_checked(signature.as_bytes().len().checked_sub(trailer_len)?)?;
    let mut blob = Vec::new();
    for part in [signature.algorithm().as_str().as_bytes(), raw] {
        string(&mut blob, part)?;
    }
    blob.extend_from_slice(trailer);
    let key = PublicKey::from(envelope.public_key().clone()).to_bytes().ok()?;
    let mut bytes = b"SSHSIG\0\0\0\x01".to_vec();
    for part in [&key, envelope.namespace().as_bytes(), b"", envelope.hash_alg().as_str().as_bytes(), &blob] {
        string(&mut bytes, part)?;
    }
    Some(bytes)
}

/// Appends a string (RFC 4251 §5).
fn string(out: &mut Vec<u8>, part: &[u8]) -> Option<()> {
    out.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
    out.extend_from_slice(part);
    Some(())
}

/// The signature proper and what a FIDO2 key signed (PROTOCOL.u2f, "SSH U2F Signatures"); None without a touch.
fn of_sk<'s>(application: &str, signed: &[u8], signature: &'s [u8]) -> Option<(&'s [u8], Vec<u8>)> {
    let (raw, trailer) = signature.split_at_checked(signature.len().checked_sub(SK_TRAILER_LEN)?)?;
    if trailer.first()? & USER_PRESENT == 0 {
        return None;
    }
    let (application, message) = (Digest::of(&[application.as_bytes()]), Digest::of(&[signed]));
    Some((raw, [application.as_bytes(), trailer, message.as_bytes()].concat()))
}

/// Verifies r and s as SSH writes them: two mpints (RFC 5656 §3.1.2).
fn p256(point: &[u8], signed: &[u8], signature: &[u8]) -> Option<()> {
    let (r, rest) = scalar(signature)?;
    let (s, rest) = scalar(rest)?;
    if !rest.is_empty() {
        return None;
    }
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, &[r, s].concat()).ok()
}

/// One mpint as 32 bytes, and what follows it.
fn scalar(bytes: &[u8]) -> Option<([u8; SCALAR_LEN], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (mpint, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    // A zero in front keeps it positive.
    let digits = mpint.strip_prefix(&[0]).unwrap_or(mpint);
    let mut scalar = [0; SCALAR_LEN];
    scalar.get_mut(SCALAR_LEN.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some((scalar, rest))
}

fn modulus(key: &RsaPublicKey) -> Option<&[u8]> {
    key.n.as_positive_bytes()
}

/// Bits of a number without leading zero bytes.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
#[path = "sshsig_tests.rs"]
mod tests;
