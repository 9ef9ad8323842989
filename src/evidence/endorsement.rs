//! The EK certificate (TCG EK Credential Profile): whether known authorities vouch for it, and for which key.

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::*;

use super::document::Endorsement;
use super::public::Public;
use crate::certificate::{Trust, Usage, path};
use crate::vihf::instant::Instant;

/// Longest certificate in bytes: those of TPMs have under 2 kB.
const CERTIFICATE_LEN_MAX: usize = 8 * 1024;
/// Most certificates that an attester may give between EK and root.
const CHAIN_MAX: usize = 8;
/// tcg-kp-EKCertificate (EK Credential Profile §3.2.16): its key is an EK.
const EK_CERTIFICATE: &str = "2.23.133.8.1";

/// tcg-at-tpmManufacturer (EK Credential Profile §3.2.9): an attribute of the subjectAltName of every EK certificate.
const TPM_MANUFACTURER: &str = "2.23.133.2.1";

/// Why a TPM is not vouched for; French, for an officer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementFault {
    /// No certificate, or more than one.
    #[error("le certificat EK n'est pas lisible (X.509)")]
    Unreadable,
    /// A certificate for something else.
    #[error(
        "le certificat n'est pas celui d'une clé d'endossement (extendedKeyUsage 2.23.133.8.1, ou subjectAltName d'un TPM)"
    )]
    NotEk,
    /// A public area that is not the certificate's.
    #[error("le certificat EK est celui d'une autre clé que l'EK présentée")]
    OtherKey,
    /// No path to the given roots.
    #[error("aucune chaîne ne mène du certificat EK aux racines données ({0})")]
    Chain(&'static str),
}

/// Names of the authorities on the path from the EK certificate to one of the roots, if they vouch for the EK at `at`.
///
/// # Errors
/// [`EndorsementFault`].
pub fn verify(endorsement: &Endorsement, roots: &Trust, at: Instant) -> Result<Vec<String>, EndorsementFault> {
    let spki = ek_spki(endorsement)?;
    let ek = Public::parse(&endorsement.ek_public.0).map_err(|_| EndorsementFault::OtherKey)?;
    if !ek.is_key_of(&spki) {
        return Err(EndorsementFault::OtherKey);
    }
    let mut trust = roots.clone();
    let given = endorsement.ek_chain.iter().take(CHAIN_MAX).filter(|der| der.0.len() <= CERTIFICATE_LEN_MAX);
    trust.intermediates.extend(given.map(|der| CertificateDer::from(der.0.clone())));
    let certificate = CertificateDer::from(endorsement.ek_certificate.0.as_slice());
    path(&certificate, &trust, at, Usage::Any).map_err(EndorsementFault::Chain)
}

/// SubjectPublicKeyInfo of the EK certificate, DER.
///
/// # Errors
/// [`EndorsementFault::Unreadable`], [`EndorsementFault::NotEk`].
pub fn ek_spki(endorsement: &Endorsement) -> Result<Vec<u8>, EndorsementFault> {
    let der = &endorsement.ek_certificate.0;
    if der.len() > CERTIFICATE_LEN_MAX {
        return Err(EndorsementFault::Unreadable);
    }
    let Ok(([], x509)) = X509Certificate::from_der(der) else { return Err(EndorsementFault::Unreadable) };
    match x509.extended_key_usage() {
        // The profile wants it; certificates of early TPMs have none, and are of a TPM by their names alone. A maker's authorities
        // vouch for other things too.
        Ok(None) if names_tpm(&x509) => {}
        Ok(Some(usage)) if usage.value.other.iter().any(|oid| oid.to_id_string() == EK_CERTIFICATE) => {}
        _ => return Err(EndorsementFault::NotEk),
    }
    Ok(x509.public_key().raw.to_vec())
}

/// Whether its subjectAltName names a TPM's maker.
fn names_tpm(x509: &X509Certificate<'_>) -> bool {
    let Ok(Some(names)) = x509.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| match name {
        GeneralName::DirectoryName(name) => {
            name.iter_attributes().any(|attribute| attribute.attr_type().to_id_string() == TPM_MANUFACTURER)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::document::Marshalled;

    /// A certificate with this extended key usage, and this attribute in a name of its subjectAltName.
    fn certificate(usage: Option<&[u64]>, attribute: Option<&[u8]>) -> Endorsement {
        let mut params = rcgen::CertificateParams::default();
        params.extended_key_usages =
            usage.map(|oid| rcgen::ExtendedKeyUsagePurpose::Other(oid.to_vec())).into_iter().collect();
        params.custom_extensions = attribute
            .map(|oid| {
                let der =
                    |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
                let value = der(0x30, &[der(0x06, oid), der(0x0c, b"id:54455354")].concat());
                let name = der(0xa4, &der(0x30, &der(0x31, &value)));
                rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], der(0x30, &name))
            })
            .into_iter()
            .collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        Endorsement {
            ek_certificate: Marshalled(made.der().to_vec()),
            ek_chain: Vec::new(),
            ek_public: Marshalled::default(),
        }
    }

    #[test]
    fn a_certificate_is_of_a_tpm_by_its_usage_or_by_its_names() {
        const EK: &[u64] = &[2, 23, 133, 8, 1];
        const SERVER: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
        let manufacturer: &[u8] = &[0x67, 0x81, 0x05, 0x02, 0x01];
        let organisation: &[u8] = &[0x55, 0x04, 0x0a];
        assert!(ek_spki(&certificate(Some(EK), None)).is_ok());
        assert!(ek_spki(&certificate(None, Some(manufacturer))).is_ok());
        for other in [
            certificate(None, None),
            certificate(None, Some(organisation)),
            certificate(Some(SERVER), Some(manufacturer)),
        ] {
            assert_eq!(ek_spki(&other), Err(EndorsementFault::NotEk));
        }
    }
}
