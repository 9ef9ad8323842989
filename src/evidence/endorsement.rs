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

/// Why a TPM is not vouched for; French, for an officer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementFault {
    /// No certificate, or more than one.
    #[error("le certificat EK n'est pas lisible (X.509)")]
    Unreadable,
    /// A certificate for something else.
    #[error("le certificat n'est pas celui d'une clé d'endossement (extendedKeyUsage 2.23.133.8.1)")]
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
        // The profile wants it; certificates of early TPMs have none.
        Ok(None) => {}
        Ok(Some(usage)) if usage.value.other.iter().any(|oid| oid.to_id_string() == EK_CERTIFICATE) => {}
        _ => return Err(EndorsementFault::NotEk),
    }
    Ok(x509.public_key().raw.to_vec())
}
