//! What a key of purpose "authentication" signs: the client's CertificateVerify of a TLS handshake, known by its shape.
//!
//! TLS 1.3 (RFC 8446 §4.4.3) marks what is signed: 64 spaces, a context string, a zero, the transcript's hash. TLS 1.2
//! (RFC 5246 §7.4.8) signs a digest of the bare handshake messages, which has no shape at all. So the signer takes no
//! digest: it is given the messages themselves, holds them to the one order that a client's full handshake has, finds its
//! own certificate in the client's Certificate message, and hashes them. Whoever has only this door cannot make the key
//! sign a text: the first byte is 1 and the bytes after it are framed lengths.

/// Signature schemes offered (RFC 8446 §4.2.3), by their number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Scheme {
    /// `rsa_pkcs1_sha256`: TLS 1.2 alone.
    RsaPkcs1 = 0x0401,
    /// `ecdsa_secp256r1_sha256`.
    EcdsaP256 = 0x0403,
    /// `rsa_pss_rsae_sha256`.
    RsaPss = 0x0804,
}

impl Scheme {
    /// The scheme of a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        [Self::RsaPkcs1, Self::EcdsaP256, Self::RsaPss].into_iter().find(|scheme| scheme.number() == number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }
}

/// What a TLS 1.3 client signs, up to the transcript's hash.
const TLS13_CONTEXT: &[u8] = b"TLS 1.3, client CertificateVerify\0";
/// Spaces before the context.
const TLS13_SPACES: usize = 64;
/// Lengths of the transcript's hash: SHA-256 and SHA-384, those of the cipher suites that exist.
const TLS13_HASH_LENS: [usize; 2] = [32, 48];

/// Message types of a client's full handshake with ECDHE (RFC 5246 §7.4), in their only order; `CertificateStatus` (22,
/// RFC 6066 §8) alone may be missing.
const TLS12_ORDER: [u8; 9] = [1, 2, CERTIFICATE, CERTIFICATE_STATUS, 12, 13, 14, CERTIFICATE, 16];
const CERTIFICATE: u8 = 11;
const CERTIFICATE_STATUS: u8 = 22;
/// `legacy_version` of both hellos.
const TLS12_VERSION: [u8; 2] = [3, 3];

/// Whether `content` is a client's CertificateVerify content that may be signed with `scheme` by the key `spki`
/// (SubjectPublicKeyInfo, DER).
///
/// Trusts nothing; holds nothing but this call's bytes.
#[must_use]
pub fn may_sign(scheme: Scheme, content: &[u8], spki: &[u8]) -> bool {
    (scheme != Scheme::RsaPkcs1 && is_tls13(content)) || is_tls12(content, spki)
}

fn is_tls13(content: &[u8]) -> bool {
    let Some((spaces, rest)) = content.split_at_checked(TLS13_SPACES) else { return false };
    let hash = rest.strip_prefix(TLS13_CONTEXT);
    spaces.iter().all(|byte| *byte == b' ') && hash.is_some_and(|hash| TLS13_HASH_LENS.contains(&hash.len()))
}

fn is_tls12(content: &[u8], spki: &[u8]) -> bool {
    let mut rest = content;
    let mut certificates = 0;
    for wanted in TLS12_ORDER {
        if wanted == CERTIFICATE_STATUS && rest.first() != Some(&CERTIFICATE_STATUS) {
            continue;
        }
        let Some(body) = message(wanted, &mut rest) else { return false };
        let good = match wanted {
            1 | 2 => body.starts_with(&TLS12_VERSION),
            CERTIFICATE => {
                certificates += 1;
                // The first is the server's, the second the client's.
                certificates == 1 || is_own_certificate(body, spki)
            }
            _ => true,
        };
        if !good {
            return false;
        }
    }
    rest.is_empty()
}

/// Takes one message of that type: `type(1) length(3) body`.
fn message<'m>(wanted: u8, rest: &mut &'m [u8]) -> Option<&'m [u8]> {
    let (kind, after) = rest.split_first()?;
    let (body, after) = vector(after)?;
    *rest = after;
    (*kind == wanted).then_some(body)
}

/// A vector with its length in three bytes, and what follows.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[a, b, c], rest) = bytes.split_first_chunk::<3>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?)
}

/// Whether the first certificate of a Certificate message is of this key.
fn is_own_certificate(body: &[u8], spki: &[u8]) -> bool {
    let leaf = vector(body).filter(|(_, after)| after.is_empty()).and_then(|(list, _)| vector(list));
    let Some((leaf, _)) = leaf else { return false };
    x509_parser::parse_x509_certificate(leaf).is_ok_and(|(_, leaf)| leaf.public_key().raw == spki)
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
