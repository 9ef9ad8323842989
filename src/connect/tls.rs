//! TLS to a gate that is known by its key.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::identity::Identity;
use crate::policy::fingerprint::Fingerprint;
use crate::varlink;

/// Which of the gate's two languages is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// The stream of `token.sock`.
    Varlink,
    /// HTTP/1.1.
    Http,
}

impl Language {
    fn alpn(self) -> Vec<u8> {
        match self {
            Self::Varlink => varlink::ALPN.to_vec(),
            Self::Http => b"http/1.1".to_vec(),
        }
    }
}

/// Accepts the one key whose fingerprint the invitation gave. Names and dates say nothing beside it: the certificate of a gate may
/// be self-signed, and the clock of an application server wrong.
#[derive(Debug)]
struct Pinned {
    gate: Fingerprint,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if Fingerprint::of(&certificate.subject_public_key_info()) == self.gate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// TLS 1.3 to the gate of that key; without an identity: to be introduced.
///
/// # Errors
/// The library refuses the identity's key.
pub(super) fn config(
    gate: Fingerprint,
    identity: Option<&Identity>,
    language: Language,
) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Pinned { gate, algorithms: provider.signature_verification_algorithms };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned));
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![language.alpn()];
    // Each connection proves both keys anew: a withdrawn certificate lives in no ticket.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}
