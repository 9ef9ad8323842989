//! Public areas of TPM keys (TPMT_PUBLIC): their names, and what a TPM promises of them.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use tpm2_protocol::TpmUnmarshal as _;
use tpm2_protocol::data::{
    TpmAlgId, TpmEccCurve, TpmaObject, TpmsEccParms, TpmsRsaParms, TpmtPublic, TpmuAsymScheme, TpmuPublicId,
    TpmuPublicParms,
};
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;

use crate::traces::digest::Digest;
use crate::traces::note::key::P256_SPKI;

/// Bytes of a coordinate, or of one number of a signature, on P-256.
pub(super) const P256_LEN: usize = 32;
/// Exponent of an RSA key whose public area says 0 (part 2, TPMS_RSA_PARMS).
const DEFAULT_EXPONENT: u32 = 65_537;

/// A public area that was read. Whether such a key is in a TPM, a certification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    name: Vec<u8>,
    attributes: TpmaObject,
    pub(super) material: Material,
}

/// The key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Material {
    /// A point of P-256.
    P256(Box<P256>),
    /// RSA, as it is used; parameters of storage keys for MakeCredential.
    Rsa { modulus: Vec<u8>, exponent: u32, parameters: Box<TpmsRsaParms> },
    /// A key of another kind.
    Other,
}

/// A P-256 key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P256 {
    /// 0x04, x, y (SEC 1 §2.3.3).
    point: [u8; 1 + 2 * P256_LEN],
    pub(super) parameters: TpmsEccParms,
}

/// Why a key is not what it must be; French, for an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a TPMT_PUBLIC, or more than one.
    #[error("sa partie publique n'est pas lisible (TPMT_PUBLIC)")]
    Unreadable,
    /// Named by another hash than SHA-256.
    #[error("son nom n'est pas une empreinte SHA-256")]
    NameAlgorithm,
    /// Another curve or kind.
    #[error("ce n'est pas une clé ECDSA P-256 avec SHA-256")]
    NotP256,
    /// It may be elsewhere than in this TPM.
    #[error("elle n'est pas attachée à ce TPM (fixedTPM, fixedParent, sensitiveDataOrigin)")]
    NotFixed,
    /// It signs what its user says, or decrypts.
    #[error(
        "ce n'est pas une clé d'attestation : une telle clé ne signe que ce que le TPM atteste (restricted, sign)"
    )]
    NotAttestation,
    /// It does not sign.
    #[error("ce n'est pas une clé de signature")]
    NotSigning,
}

impl Public {
    /// Reads a TPMT_PUBLIC whose name is of SHA-256.
    ///
    /// # Errors
    /// [`KeyFault::Unreadable`], [`KeyFault::NameAlgorithm`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFault> {
        let (public, rest) = TpmtPublic::unmarshal(bytes).map_err(|_| KeyFault::Unreadable)?;
        if !rest.is_empty() {
            return Err(KeyFault::Unreadable);
        }
        if public.name_alg != TpmAlgId::Sha256 {
            return Err(KeyFault::NameAlgorithm);
        }
        let material = match (public.parameters, public.unique) {
            (TpmuPublicParms::Ecc(parameters), TpmuPublicId::Ecc(point))
                if parameters.curve_id == TpmEccCurve::NistP256 =>
            {
                match (padded(&point.x), padded(&point.y)) {
                    (Some(x), Some(y)) => Material::P256(Box::new(P256 { point: point_of(&x, &y), parameters })),
                    _ => return Err(KeyFault::Unreadable),
                }
            }
            (TpmuPublicParms::Rsa(parameters), TpmuPublicId::Rsa(modulus)) => Material::Rsa {
                modulus: modulus.to_vec(),
                exponent: match u32::from(parameters.exponent) {
                    0 => DEFAULT_EXPONENT,
                    other => other,
                },
                parameters: Box::new(parameters),
            },
            _ => Material::Other,
        };
        // Part 1 §16: the name is the algorithm's number and the hash of the public area.
        let name = [&[0x00, 0x0B], Digest::of(&[bytes]).as_bytes().as_slice()].concat();
        Ok(Self { name, attributes: public.object_attributes, material })
    }

    /// Its name: what a TPM calls the key with all that it promises of it.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    fn has(&self, attribute: TpmaObject) -> bool {
        self.attributes.contains(attribute)
    }

    fn is_fixed(&self) -> bool {
        self.has(TpmaObject::FIXED_TPM)
            && self.has(TpmaObject::FIXED_PARENT)
            && self.has(TpmaObject::SENSITIVE_DATA_ORIGIN)
    }

    /// The key, if a TPM signs with it nothing but what that TPM itself attests.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn attestation_key(&self) -> Result<&P256, KeyFault> {
        let Material::P256(key) = &self.material else { return Err(KeyFault::NotP256) };
        let ecdsa = key.parameters.scheme.scheme == TpmAlgId::Ecdsa
            && matches!(&key.parameters.scheme.details, TpmuAsymScheme::Hash(hash) if hash.hash_alg == TpmAlgId::Sha256);
        if !ecdsa {
            return Err(KeyFault::NotP256);
        }
        if !self.is_fixed() {
            return Err(KeyFault::NotFixed);
        }
        let attests = self.has(TpmaObject::RESTRICTED)
            && self.has(TpmaObject::SIGN_ENCRYPT)
            && !self.has(TpmaObject::DECRYPT);
        if attests { Ok(key) } else { Err(KeyFault::NotAttestation) }
    }

    /// Whether it is a key for signatures that was made in its TPM and cannot leave it.
    ///
    /// # Errors
    /// [`KeyFault::NotFixed`], [`KeyFault::NotSigning`].
    pub fn signs_in_place(&self) -> Result<(), KeyFault> {
        if !self.has(TpmaObject::SIGN_ENCRYPT) || self.has(TpmaObject::RESTRICTED) {
            return Err(KeyFault::NotSigning);
        }
        if self.is_fixed() { Ok(()) } else { Err(KeyFault::NotFixed) }
    }

    /// Whether it is the key of a certificate or of a verifier key (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub fn is_key_of(&self, spki: &[u8]) -> bool {
        match &self.material {
            Material::P256(key) => key.spki() == spki,
            Material::Rsa { modulus, exponent, .. } => match SubjectPublicKeyInfo::from_der(spki) {
                Ok(([], key)) => match key.parsed() {
                    Ok(PublicKey::RSA(rsa)) => {
                        let digits = |number: &[u8]| {
                            number.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<_>>()
                        };
                        digits(rsa.modulus) == digits(modulus)
                            && rsa.try_exponent().ok() == Some(u64::from(*exponent))
                    }
                    _ => false,
                },
                _ => false,
            },
            Material::Other => false,
        }
    }
}

impl P256 {
    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        [P256_SPKI.as_slice(), &self.point].concat()
    }

    /// The point, uncompressed.
    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }

    /// The first coordinate.
    pub(super) fn x(&self) -> &[u8] {
        self.point.get(1..=P256_LEN).unwrap_or_default()
    }

    /// Whether it signed `message`: ECDSA with SHA-256, `r` and `s` of 32 bytes each.
    pub(super) fn verifies(&self, message: &[u8], r: &[u8; P256_LEN], s: &[u8; P256_LEN]) -> bool {
        let signature = [r.as_slice(), s].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point).verify(message, &signature).is_ok()
    }
}

/// A number of at most 32 bytes with its leading zeros, which a TPM may leave out.
pub(super) fn padded(number: &[u8]) -> Option<[u8; P256_LEN]> {
    let mut all = [0; P256_LEN];
    let zeros = P256_LEN.checked_sub(number.len())?;
    all.get_mut(zeros..)?.copy_from_slice(number);
    Some(all)
}

fn point_of(x: &[u8; P256_LEN], y: &[u8; P256_LEN]) -> [u8; 1 + 2 * P256_LEN] {
    let mut point = [0x04; 1 + 2 * P256_LEN];
    for (to, from) in point.iter_mut().skip(1).zip(x.iter().chain(y)) {
        *to = *from;
    }
    point
}

impl fmt::Display for Public {
    /// Its name in lower-case hexadecimal, as `tpm2_readpublic` shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
