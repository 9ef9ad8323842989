//! A server certificate judged as rustls does, and then by the answer on its state that the server staples (RFC 6960).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use der::asn1::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::Stapling;

/// How far a responder's clock may be ahead of ours, in seconds.
const SKEW_S: u64 = 300;
/// id-kp-OCSPSigning (1.3.6.1.5.5.7.3.9), the use of a responder that an authority has delegated to (RFC 6960 §4.2.2.2).
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
/// id-pkix-ocsp-basic.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-sha256; the other hash of a CertID is SHA-1, which names here and protects nothing.
const SHA256_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// The verifier of the relay.
#[derive(Debug)]
pub(super) struct Stapled {
    inner: Arc<WebPkiServerVerifier>,
    anchors: Vec<CertificateDer<'static>>,
    stapling: Stapling,
}

impl Stapled {
    /// Judges first as `inner` does; `anchors` are its authorities.
    pub(super) fn new(
        inner: Arc<WebPkiServerVerifier>,
        anchors: Vec<CertificateDer<'static>>,
        stapling: Stapling,
    ) -> Self {
        Self { inner, anchors, stapling }
    }

    /// Whether the stapled answer says that the certificate is good, now, by its own authority's word.
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        answer: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownRevocationStatus);
        let basic = basic(answer).ok_or_else(|| unknown.clone())?;
        for issuer in intermediates.iter().chain(&self.anchors) {
            if !vouches(issuer, leaf, KeyUsage::server_auth(), now) || !is_signed(&basic, issuer, now) {
                continue;
            }
            let about = basic.tbs_response_data.responses.iter().find(|single| names(single, leaf, issuer));
            let Some(single) = about.filter(|single| is_current(single, now)) else { continue };
            return match single.cert_status {
                CertStatus::Good(_) => Ok(()),
                CertStatus::Revoked(_) => Err(Error::InvalidCertificate(CertificateError::Revoked)),
                CertStatus::Unknown(_) => Err(unknown),
            };
        }
        Err(unknown)
    }
}

/// The basic response of an answer that is one.
fn basic(answer: &[u8]) -> Option<BasicOcspResponse> {
    let response = OcspResponse::from_der(answer).ok()?;
    if response.response_status != OcspResponseStatus::Successful {
        return None;
    }
    let bytes = response.response_bytes.filter(|bytes| bytes.response_type == BASIC)?;
    BasicOcspResponse::from_der(bytes.response.as_bytes()).ok()
}

/// Whether `issuer` itself signed `certificate` for that use: a name alone proves nothing.
fn vouches(issuer: &CertificateDer<'_>, certificate: &CertificateDer<'_>, usage: KeyUsage, now: UnixTime) -> bool {
    let (Ok(anchor), Ok(certificate)) = (anchor_from_trusted_cert(issuer), EndEntityCert::try_from(certificate))
    else {
        return false;
    };
    certificate.verify_for_usage(ALL_VERIFICATION_ALGS, &[anchor], &[], now, usage, None, None).is_ok()
}

/// Whether the answer is signed by the authority, or by whom it has delegated that to.
fn is_signed(basic: &BasicOcspResponse, issuer: &CertificateDer<'_>, now: UnixTime) -> bool {
    let (Ok(signed), Some(signature)) = (basic.tbs_response_data.to_der(), basic.signature.as_bytes()) else {
        return false;
    };
    let by = |signer: &CertificateDer<'_>| {
        EndEntityCert::try_from(signer).is_ok_and(|signer| {
            ALL_VERIFICATION_ALGS
                .iter()
                .any(|algorithm| signer.verify_signature(*algorithm, &signed, signature).is_ok())
        })
    };
    by(issuer)
        || basic.certs.iter().flatten().filter_map(|delegate| delegate.to_der().ok()).any(|delegate| {
            let delegate = CertificateDer::from(delegate);
            vouches(issuer, &delegate, KeyUsage::required(OCSP_SIGNING), now) && by(&delegate)
        })
}

/// Whether the answer is about that certificate of that authority.
fn names(single: &SingleResponse, leaf: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let (Ok((_, leaf)), Ok((_, issuer))) = (X509Certificate::from_der(leaf), X509Certificate::from_der(issuer))
    else {
        return false;
    };
    let algorithm =
        if single.cert_id.hash_algorithm.oid == SHA256_OID { &SHA256 } else { &SHA1_FOR_LEGACY_USE_ONLY };
    let hashes = |bytes: &[u8], hash: &[u8]| digest(algorithm, bytes).as_ref() == hash;
    hashes(issuer.subject().as_raw(), single.cert_id.issuer_name_hash.as_bytes())
        && hashes(&issuer.public_key().subject_public_key.data, single.cert_id.issuer_key_hash.as_bytes())
        && single.cert_id.serial_number.as_bytes() == leaf.raw_serial()
}

/// Whether the answer is of now; one that does not say until when is never.
fn is_current(single: &SingleResponse, now: UnixTime) -> bool {
    let now = now.as_secs();
    let until = single.next_update.as_ref().map(|at| at.0.to_unix_duration().as_secs());
    single.this_update.0.to_unix_duration().as_secs() <= now + SKEW_S && until.is_some_and(|until| now <= until)
}

impl ServerCertVerifier for Stapled {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        match (ocsp_response, self.stapling) {
            ([], Stapling::Optional) => Ok(verified),
            ([], Stapling::Required) => Err(Error::InvalidCertificate(CertificateError::UnknownRevocationStatus)),
            (answer, _) => self.judge(end_entity, intermediates, answer, now).map(|()| verified),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
