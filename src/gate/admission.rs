//! What a client's certificate must be: registered, within its validity, and of a given authority where one is configured.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::clients::Clients;
use crate::policy::fingerprint::Fingerprint;
use crate::vihf::instant::Instant;

/// Longest certificate that is read in bytes.
const CERTIFICATE_LEN_MAX: usize = 16 * 1024;

/// What a certificate says of itself.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its public key.
    pub fingerprint: Fingerprint,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    not_before: Instant,
    not_after: Instant,
}

impl Shown {
    /// Reads a certificate; nothing of it is believed yet. None: it is none.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        if der.len() > CERTIFICATE_LEN_MAX {
            return None;
        }
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        // The key that is registered must be the one that the handshake proves: two readers must not find two. What TLS cannot
        // read (a certificate of version 1) is none here either.
        let proved = CertificateDer::from(der);
        let proved = EndEntityCert::try_from(&proved).ok()?.subject_public_key_info();
        if *proved != *certificate.public_key().raw {
            return None;
        }
        let instant = |seconds: i64| Instant::from_ms(seconds.saturating_mul(1_000));
        let public_key = certificate.public_key().raw.to_vec();
        rest.is_empty().then(|| Self {
            fingerprint: Fingerprint::of(&public_key),
            public_key,
            not_before: instant(certificate.validity().not_before.timestamp()),
            not_after: instant(certificate.validity().not_after.timestamp()),
        })
    }

    /// Whether its validity is now.
    #[must_use]
    pub fn is_valid_at(&self, now: Instant) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// How long it is still valid, in milliseconds.
    pub(super) fn left_ms(&self, now: Instant) -> u64 {
        u64::try_from(self.not_after.ms_since(now)).unwrap_or(0)
    }
}

/// The judge of client certificates in a handshake.
#[derive(Debug)]
pub(super) struct Admission {
    clients: Clients,
    /// Paths and revocation lists; none: registration alone counts.
    authorities: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Admission {
    pub(super) fn new(
        clients: Clients,
        authorities: Option<Arc<dyn ClientCertVerifier>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { clients, authorities, provider }
    }
}

impl ClientCertVerifier for Admission {
    /// While somebody is invited, a client without certificate may come in and propose one.
    fn client_auth_mandatory(&self) -> bool {
        !self.clients.now().enrolment
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Strangers learn of no authority.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let refused = |why| Err(Error::InvalidCertificate(why));
        let Some(shown) = Shown::read(end_entity) else { return refused(CertificateError::BadEncoding) };
        if !self.clients.now().certificates.contains(&shown.fingerprint) {
            return refused(CertificateError::UnknownIssuer);
        }
        let now_ms = i64::try_from(now.as_secs().saturating_mul(1_000)).unwrap_or(i64::MAX);
        if !shown.is_valid_at(Instant::from_ms(now_ms)) {
            return refused(CertificateError::Expired);
        }
        match &self.authorities {
            Some(authorities) => authorities.verify_client_cert(end_entity, intermediates, now),
            None => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
