//! The public key of a private key, as `SubjectPublicKeyInfo`, from wherever it can be had.

use std::fs;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::cause::Unusable;
use super::error::TokenError;
use super::key::{PrivateKey, bytes};
use crate::seal::key::{KeyAlgorithm, SpkiSource};

/// Longest certificate file in bytes; a certificate with its chain is a tenth of it.
const CERTIFICATE_FILE_LEN_MAX: u64 = 64 * 1024;

/// DER of an Ed25519 SubjectPublicKeyInfo up to its key (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key in DER and where it was read.
pub(super) type Spki = (Vec<u8>, SpkiSource);

/// What may be the public key, the likeliest first: public objects of the same id, those of the same label, the private
/// object itself, the certificate.
///
/// Trusts none of them: [`verifies`] shows which is the private key's other half. After `Ok` there is at least one.
pub(super) fn candidates(
    session: &Session,
    key: &PrivateKey,
    object: &str,
    certificate: Option<&Path>,
) -> Result<Vec<Spki>, TokenError> {
    let mut found = in_token(session, key, object)?;
    let of_certificate = certificate.map_or(Err("elle n'a pas de certificat".to_owned()), of_certificate);
    match of_certificate {
        Ok(spki) => found.push((spki, SpkiSource::Certificate)),
        Err(cause) if found.is_empty() => {
            let cause = Unusable::NoPublicKey(cause);
            return Err(TokenError::Unusable { object: object.to_owned(), cause });
        }
        // Whether the certificate is good is sceaud's question.
        Err(_) => {}
    }
    Ok(found)
}

/// What the token alone has, in the same order; may be nothing.
pub(super) fn in_token(session: &Session, key: &PrivateKey, object: &str) -> Result<Vec<Spki>, TokenError> {
    let library = |e: Error| TokenError::of(e, object);
    let mut found = Vec::new();
    let same = [key.id.clone().map(Attribute::Id), key.label.clone().map(Attribute::Label)];
    for name in same.into_iter().flatten() {
        for public in session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), name]).map_err(library)? {
            let spki = of_object(session, public, key.algorithm).map_err(library)?;
            found.extend(spki.map(|spki| (spki, SpkiSource::PublicObject)));
        }
    }
    let own = of_object(session, key.handle, key.algorithm).map_err(library)?;
    found.extend(own.map(|spki| (spki, SpkiSource::PrivateObject)));
    Ok(found)
}

pub(super) fn of_object(
    session: &Session,
    object: ObjectHandle,
    algorithm: KeyAlgorithm,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(match algorithm {
        KeyAlgorithm::RsaSha256 => {
            let modulus = bytes(session, object, AttributeType::Modulus)?;
            let exponent = bytes(session, object, AttributeType::PublicExponent)?;
            modulus.zip(exponent).and_then(|(n, e)| of_rsa(&n, &e))
        }
        KeyAlgorithm::EcdsaSha256 | KeyAlgorithm::EcdsaSha384 => {
            match bytes(session, object, AttributeType::EcPoint)? {
                Some(point) => of_point(&point, algorithm),
                None => None,
            }
        }
        KeyAlgorithm::Ed25519 => {
            bytes(session, object, AttributeType::EcPoint)?.and_then(|point| of_edwards(&point))
        }
    })
}

fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let trim =
        |bytes: &[u8]| bytes.iter().position(|b| *b != 0).and_then(|at| bytes.get(at..).map(<[u8]>::to_vec));
    let components = RsaPublicKeyComponents { n: trim(modulus)?, e: trim(exponent)? };
    let der: PublicKeyX509Der<'_> = components.as_der().ok()?;
    Some(der.as_ref().to_vec())
}

/// `CKA_EC_POINT` is a DER OCTET STRING around the point (PKCS#11 §2.3.3); older modules give the bare point.
fn of_point(value: &[u8], algorithm: KeyAlgorithm) -> Option<Vec<u8>> {
    let verification = verification(algorithm);
    let len = match algorithm {
        KeyAlgorithm::EcdsaSha384 => 97,
        _ => 65,
    };
    let point = match value {
        [0x04, inner_len, point @ ..] if usize::from(*inner_len) == point.len() && point.len() == len => point,
        bare if bare.len() == len => bare,
        _ => return None,
    };
    let key = ParsedPublicKey::new(verification, point).ok()?;
    let der: PublicKeyX509Der<'_> = key.as_der().ok()?;
    Some(der.as_ref().to_vec())
}

/// `CKA_EC_POINT` of an Edwards key is a DER OCTET STRING around its 32 bytes (SoftHSM, as PKCS#11 3.0 §2.3.5), or those
/// alone (3.1).
fn of_edwards(value: &[u8]) -> Option<Vec<u8>> {
    let point = match value {
        [0x04, 32, point @ ..] if point.len() == 32 => point,
        bare if bare.len() == 32 => bare,
        _ => return None,
    };
    Some([&ED25519_SPKI, point].concat())
}

fn of_certificate(path: &Path) -> Result<Vec<u8>, String> {
    let said = |cause: &dyn std::fmt::Display| format!("{} : {cause}", path.display());
    let len = fs::metadata(path).map_err(|e| said(&e))?.len();
    if len > CERTIFICATE_FILE_LEN_MAX {
        return Err(said(&format_args!("{len} octets, le maximum est {CERTIFICATE_FILE_LEN_MAX}")));
    }
    let pem = fs::read(path).map_err(|e| said(&e))?;
    let der = CertificateDer::from_pem_slice(&pem).map_err(|e| said(&e))?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(|e| said(&e))?;
    Ok(certificate.public_key().raw.to_vec())
}

fn verification(algorithm: KeyAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        KeyAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
        KeyAlgorithm::EcdsaSha256 => &ECDSA_P256_SHA256_FIXED,
        KeyAlgorithm::EcdsaSha384 => &ECDSA_P384_SHA384_FIXED,
        KeyAlgorithm::Ed25519 => &ED25519,
    }
}

/// Whether `signature` over `message` is of the private half of `spki`.
pub(super) fn verifies(algorithm: KeyAlgorithm, spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(verification(algorithm), spki).verify(message, signature).is_ok()
}
