//! Seal certificates: reading them, and judging whether one may seal for a structure. Pure: bytes and instants in.

mod appraisal;
mod key_usage;
mod key_use;
mod name;
#[cfg(feature = "appliance")]
mod request;
mod revocation;
mod subject;

pub use appraisal::{Refusal, Requirements, Trust, appraise, appraise_for};
pub(crate) use appraisal::{Usage, is_test_name, path};
pub(crate) use key_usage::ends as usage_ends;
pub use key_use::KeyUse;
pub use name::rfc2253;
#[cfg(feature = "appliance")]
pub use request::{RequestError, Wanted, request, request_public_key};
pub use revocation::{RevocationList, list_authorities};
pub use subject::{OtherSubject, Subject, SubjectError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::*;

use crate::vihf::instant::Instant;
use crate::vihf::signature::SignatureAlgorithm;

/// Largest certificate in bytes: those of IGC-Santé are under 2 kB.
const CERTIFICATE_LEN_MAX: usize = 16 * 1024;
/// Smallest RSA modulus in bits that may seal.
const RSA_BITS_MIN: usize = 2048;
/// Largest RSA modulus in bits that the outside verifiers take.
const RSA_BITS_MAX: usize = 4096;

/// Why a text is no certificate that could seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No PEM section of a certificate.
    #[error("il ne contient aucun certificat PEM (-----BEGIN CERTIFICATE-----)")]
    Pem,
    /// Not X.509.
    #[error("son contenu n'est pas un certificat X.509")]
    Der,
    /// The subject holds what an assertion cannot carry.
    #[error("son sujet contient un caractère interdit en XML")]
    Subject,
    /// Its validity ends before it begins.
    #[error("sa validité finit avant de commencer")]
    Validity,
    /// A key that we do not sign with.
    #[error("sa clé n'est ni RSA 2048 à 4096, ni P-256, ni P-384")]
    Key,
}

/// A seal certificate, read once; everything the hot path needs is at hand.
#[derive(Clone, Debug)]
pub struct SealCertificate {
    der: CertificateDer<'static>,
    base64: String,
    issuer_field: String,
    organizational_units: Vec<String>,
    algorithm: SignatureAlgorithm,
    spki: Vec<u8>,
    not_before: Instant,
    not_after: Instant,
}

/// SubjectPublicKeyInfo of every certificate of a PEM file, or of the one of a DER file; what is none is left out.
#[must_use]
pub fn public_keys(bytes: &[u8]) -> Vec<Vec<u8>> {
    let key = |der: &[u8]| Some(X509Certificate::from_der(der).ok()?.1.public_key().raw.to_vec());
    let pem: Vec<_> = CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok).collect();
    if pem.is_empty() { key(bytes).into_iter().collect() } else { pem.iter().filter_map(|der| key(der)).collect() }
}

impl SealCertificate {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// [`CertificateError`]; the caller names the file.
    pub fn parse(pem: &[u8]) -> Result<Self, CertificateError> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| CertificateError::Pem)?;
        if der.len() > CERTIFICATE_LEN_MAX {
            return Err(CertificateError::Der);
        }
        let (rest, x509) = X509Certificate::from_der(&der).map_err(|_| CertificateError::Der)?;
        if !rest.is_empty() {
            return Err(CertificateError::Der);
        }
        let issuer_field = rfc2253(x509.subject()).ok_or(CertificateError::Subject)?;
        let organizational_units = x509
            .subject()
            .iter_organizational_unit()
            .filter_map(|ou| ou.as_str().ok())
            .map(str::to_owned)
            .collect();
        let algorithm = algorithm(x509.public_key()).ok_or(CertificateError::Key)?;
        let not_before = instant(x509.validity().not_before);
        // The key may have to stop before its certificate ends (privateKeyUsagePeriod, vihf.md §6).
        let not_after = [Some(instant(x509.validity().not_after)), key_usage::ends(&x509)];
        let not_after = not_after.into_iter().flatten().min().unwrap_or(not_before);
        if not_after < not_before {
            return Err(CertificateError::Validity);
        }
        Ok(Self {
            base64: STANDARD.encode(&der),
            issuer_field,
            organizational_units,
            algorithm,
            spki: x509.public_key().raw.to_vec(),
            not_before,
            not_after,
            der: der.clone(),
        })
    }

    /// The certificate for `ds:X509Certificate`.
    #[must_use]
    pub fn base64(&self) -> &str {
        &self.base64
    }

    /// The subject as `saml:Issuer` has it.
    #[must_use]
    pub fn issuer_field(&self) -> &str {
        &self.issuer_field
    }

    /// The certificate, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The algorithm that its key signs with.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// First instant of validity.
    #[must_use]
    pub fn not_before(&self) -> Instant {
        self.not_before
    }

    /// Last second in which it may seal: of its validity, or of its key's usage period if that ends before.
    #[must_use]
    pub fn not_after(&self) -> Instant {
        self.not_after
    }

    /// Whether `now` lies within the validity.
    #[must_use]
    pub fn is_valid_at(&self, now: Instant) -> bool {
        // The last second of a validity belongs to it (RFC 5280 §4.1.2.5).
        (self.not_before..=self.not_after.plus_ms(999)).contains(&now)
    }

    /// Whole days from `now` to the end of validity; negative afterwards.
    #[must_use]
    pub fn days_left(&self, now: Instant) -> i64 {
        self.not_after.ms_since(now).div_euclid(86_400_000)
    }
}

fn instant(at: ASN1Time) -> Instant {
    Instant::from_ms(at.timestamp().saturating_mul(1000))
}

fn algorithm(key: &SubjectPublicKeyInfo<'_>) -> Option<SignatureAlgorithm> {
    use x509_parser::public_key::PublicKey;
    match key.parsed().ok()? {
        PublicKey::RSA(rsa) => {
            (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&rsa.key_size()).then_some(SignatureAlgorithm::RsaSha256)
        }
        PublicKey::EC(_) => match key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string().as_str() {
            "1.2.840.10045.3.1.7" => Some(SignatureAlgorithm::EcdsaSha256),
            "1.3.132.0.34" => Some(SignatureAlgorithm::EcdsaSha384),
            _ => None,
        },
        _ => None,
    }
}
