//! Certificate requests (PKCS#10, RFC 2986) over a key that stays in its token.

use std::cell::RefCell;

use rcgen::string::{BmpString, Ia5String, PrintableString, TeletexString, UniversalString};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, KeyUsagePurpose,
    PublicKeyData, SigningKey,
};
use x509_parser::der_parser::asn1_rs::{Tag, ToDer as _};
use x509_parser::prelude::*;

use super::{KeyUse, OtherSubject, Subject};
use crate::vihf::signature::SignatureAlgorithm;

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError<E> {
    /// The signature was not made.
    #[error("{0}")]
    Signature(E),
    /// The other's subject cannot be written again byte for byte.
    #[error(
        "le sujet de l'autre certificat ({0}) n'a pas la forme de l'IGC-Santé (C, ST, O, OU et CN, une fois chacun) et ne peut pas être repris à l'identique ; demandez à l'autorité un certificat de cette forme"
    )]
    Subject(String),
    /// A public key or a name that the library does not encode.
    #[error("la demande ne peut pas être encodée ({0}) ; vérifiez le type de la clé")]
    Encoding(String),
}

/// What the request's subject shall be.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// The layout of IGC-Santé.
    Layout(&'a Subject),
    /// The other certificate's or request's, byte for byte.
    Same(&'a OtherSubject),
}

impl<'a> From<&'a Subject> for Wanted<'a> {
    fn from(subject: &'a Subject) -> Self {
        Self::Layout(subject)
    }
}

impl<'a> From<&'a OtherSubject> for Wanted<'a> {
    fn from(other: &'a OtherSubject) -> Self {
        Self::Same(other)
    }
}

/// A key as rcgen wants it; the signer's own error is kept aside, since rcgen's has no room for it.
struct RemoteKey<F, E> {
    algorithm: SignatureAlgorithm,
    bits: Vec<u8>,
    sign: F,
    failure: RefCell<Option<E>>,
}

impl<F, E> PublicKeyData for RemoteKey<F, E> {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.algorithm {
            SignatureAlgorithm::RsaSha256 => &rcgen::PKCS_RSA_SHA256,
            SignatureAlgorithm::EcdsaSha256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            SignatureAlgorithm::EcdsaSha384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }
}

impl<F: Fn(&[u8]) -> Result<Vec<u8>, E>, E> SigningKey for RemoteKey<F, E> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = (self.sign)(message).map_err(|cause| {
            *self.failure.borrow_mut() = Some(cause);
            rcgen::Error::RemoteKeyError
        })?;
        match self.algorithm {
            SignatureAlgorithm::RsaSha256 => Ok(signature),
            _ => ecdsa_der(&signature).ok_or(rcgen::Error::RemoteKeyError),
        }
    }
}

/// Writes and has signed a request for `spki` (DER), with the key usages of `key_use`; PEM.
///
/// `sign` gives RSA PKCS#1 v1.5 or raw r‖s over the bytes it gets, and is trusted to have verified it. After `Ok` the
/// subject has the wanted bytes.
///
/// # Errors
/// [`RequestError`].
pub fn request<'a, E>(
    subject: impl Into<Wanted<'a>>,
    key_use: KeyUse,
    algorithm: SignatureAlgorithm,
    spki: &[u8],
    sign: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, RequestError<E>> {
    let subject = subject.into();
    let encoding = |cause: &dyn std::fmt::Display| RequestError::Encoding(cause.to_string());
    let (_, public) = SubjectPublicKeyInfo::from_der(spki).map_err(|e| encoding(&e))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = match subject {
        Wanted::Layout(subject) => layout(subject).map_err(|e| encoding(&e))?,
        Wanted::Same(other) => same(other).ok_or_else(|| RequestError::Subject(other.text().to_owned()))?,
    };
    (params.key_usages, params.extended_key_usages) = match key_use {
        KeyUse::Seal => (
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
            vec![ExtendedKeyUsagePurpose::EmailProtection],
        ),
        KeyUse::Authentication => {
            (vec![KeyUsagePurpose::DigitalSignature], vec![ExtendedKeyUsagePurpose::ClientAuth])
        }
    };
    let bits = public.subject_public_key.data.to_vec();
    let key = RemoteKey { algorithm, bits, sign, failure: RefCell::new(None) };
    let request = params.serialize_request(&key).map_err(|cause| match key.failure.take() {
        Some(cause) => RequestError::Signature(cause),
        None => encoding(&cause),
    })?;
    let (_, written) = X509CertificationRequest::from_der(request.der()).map_err(|e| encoding(&e))?;
    let written = &written.certification_request_info;
    if let Wanted::Same(other) = subject
        && written.subject.as_raw() != other.der()
    {
        return Err(RequestError::Subject(other.text().to_owned()));
    }
    if written.subject_pki.raw != spki {
        return Err(encoding(&"SubjectPublicKeyInfo"));
    }
    request.pem().map_err(|e| encoding(&e))
}

/// In that order; `C` is a PrintableString (X.520 §6.3.1), the others UTF8String.
fn layout(subject: &Subject) -> Result<DistinguishedName, rcgen::Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, DnValue::PrintableString("FR".try_into()?));
    name.push(DnType::StateOrProvinceName, subject.department.as_str());
    name.push(DnType::OrganizationName, subject.organisation.as_str());
    name.push(DnType::OrganizationalUnitName, subject.structure.as_str());
    name.push(DnType::CommonName, subject.application.as_str());
    Ok(name)
}

/// The other's attributes with their string types; whether the bytes agree is compared once they are written.
fn same(other: &OtherSubject) -> Option<DistinguishedName> {
    let (_, parsed) = X509Name::from_der(other.der()).ok()?;
    let mut name = DistinguishedName::new();
    for attribute in parsed.iter_attributes() {
        let oid: Vec<u64> = attribute.attr_type().iter()?.collect();
        let kind = match oid.as_slice() {
            [2, 5, 4, 3] => DnType::CommonName,
            [2, 5, 4, 6] => DnType::CountryName,
            [2, 5, 4, 8] => DnType::StateOrProvinceName,
            [2, 5, 4, 10] => DnType::OrganizationName,
            [2, 5, 4, 11] => DnType::OrganizationalUnitName,
            _ => DnType::CustomDnType(oid),
        };
        let (value, bytes) = (attribute.attr_value(), attribute.attr_value().data.to_vec());
        let value = match value.tag() {
            Tag::Utf8String => DnValue::Utf8String(String::from_utf8(bytes).ok()?),
            Tag::PrintableString => {
                DnValue::PrintableString(PrintableString::try_from(std::str::from_utf8(&bytes).ok()?).ok()?)
            }
            Tag::Ia5String => DnValue::Ia5String(Ia5String::try_from(std::str::from_utf8(&bytes).ok()?).ok()?),
            Tag::T61String => {
                DnValue::TeletexString(TeletexString::try_from(std::str::from_utf8(&bytes).ok()?).ok()?)
            }
            Tag::BmpString => DnValue::BmpString(BmpString::from_utf16be(bytes).ok()?),
            Tag::UniversalString => DnValue::UniversalString(UniversalString::from_utf32be(bytes).ok()?),
            _ => return None,
        };
        name.push(kind, value);
    }
    Some(name)
}

/// Raw r‖s to `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
fn ecdsa_der(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2)?;
    let mut content = Vec::new();
    for half in [r, s] {
        let significant = half.get(half.iter().position(|b| *b != 0)?..)?;
        // A leading one bit would make it negative.
        let padded = [if significant.first()? & 0x80 == 0 { &[][..] } else { &[0] }, significant].concat();
        content.extend(asn1_rs::Integer::new(&padded).to_der_vec().ok()?);
    }
    asn1_rs::Sequence::new(content.into()).to_der_vec().ok()
}

/// SubjectPublicKeyInfo of a request, DER; None: the text is none.
#[must_use]
pub fn request_public_key(pem: &[u8]) -> Option<Vec<u8>> {
    let (_, pem) = parse_x509_pem(pem).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
    Some(request.certification_request_info.subject_pki.raw.to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn raw_ecdsa_becomes_der() {
        let half = |first: &[u8]| [first, &vec![1; 32 - first.len()]].concat();
        for (first, len) in [(&[0x7f][..], 32), (&[0x80], 33), (&[0, 0x80], 32), (&[0, 0, 0x7f], 30)] {
            let der = ecdsa_der(&[half(first), half(first)].concat()).unwrap();
            assert_eq!((der[0], usize::from(der[1])), (0x30, 2 * (len + 2)), "{first:?}");
            assert_eq!((der[2], usize::from(der[3])), (0x02, len), "{first:?}");
            assert!(der[4] < 0x80 && (der[4] != 0 || der[5] >= 0x80), "{first:?}");
        }
        assert_eq!(ecdsa_der(&[0; 64]), None);
    }
}
