//! The certificates that the appliance's own image trusts for foreign images, and what they signed.

use std::fs;
use std::io;
use std::path::Path;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use cms::cert::x509::der::asn1::ObjectIdentifier;
use cms::cert::x509::der::{Decode as _, Encode as _};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::policy::connectors::RootHash;

/// Certificates that are read of the folder: some vendors, and their next keys.
const CERTIFICATES_MAX: usize = 64;
/// Longest certificate file in bytes.
const CERTIFICATE_LEN_MAX: u64 = 64 * 1024;
/// id-signedData (RFC 5652 §5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// Keys as certificates name them.
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";

/// Whose images are good: the certificates of `verity.d`, the same that systemd holds signatures against.
#[derive(Debug, Default)]
pub struct Vendors(Vec<CertificateDer<'static>>);

impl Vendors {
    /// Reads the certificates (`*.crt`, PEM) of a folder; none if it is not there. A file that is no certificate is nobody.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "crt"));
        paths.sort();
        let certificate = |path: &Path| {
            let metadata = fs::metadata(path).ok().filter(|metadata| metadata.len() <= CERTIFICATE_LEN_MAX)?;
            metadata.is_file().then(|| CertificateDer::from_pem_file(path).ok())?
        };
        Ok(Self(paths.iter().take(CERTIFICATES_MAX).filter_map(|path| certificate(path)).collect()))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether one of them signed that hash: a detached PKCS #7 signature of its hexadecimal text without signed attributes, as
    /// the kernel and systemd take it. Their periods are not looked at, as they do not: the image that trusts them has an age.
    #[must_use]
    pub fn signed(&self, hash: &RootHash, signature: &[u8]) -> bool {
        let Some(signer) = signer(signature) else { return false };
        let text = hash.to_string();
        self.0.iter().any(|certificate| verifies(certificate, &signer, text.as_bytes()))
    }
}

/// The one signer of a detached signature.
fn signer(signature: &[u8]) -> Option<SignerInfo> {
    let info = ContentInfo::from_der(signature).ok()?;
    if info.content_type != SIGNED_DATA {
        return None;
    }
    let data = SignedData::from_der(&info.content.to_der().ok()?).ok()?;
    let [signer] = data.signer_infos.0.as_slice() else { return None };
    let is_detached = data.encap_content_info.econtent.is_none();
    (is_detached && signer.signed_attrs.is_none()).then(|| signer.clone())
}

fn verifies(certificate: &CertificateDer<'_>, signer: &SignerInfo, text: &[u8]) -> bool {
    let Ok((_, x509)) = X509Certificate::from_der(certificate) else { return false };
    let key = x509.public_key();
    let digest = signer.digest_alg.oid;
    let algorithm: &dyn VerificationAlgorithm = match key.algorithm.algorithm.to_id_string().as_str() {
        RSA if digest == SHA256 => &RSA_PKCS1_2048_8192_SHA256,
        RSA if digest == SHA384 => &RSA_PKCS1_2048_8192_SHA384,
        RSA if digest == SHA512 => &RSA_PKCS1_2048_8192_SHA512,
        EC if digest == SHA256 => &ECDSA_P256_SHA256_ASN1,
        EC if digest == SHA384 => &ECDSA_P384_SHA384_ASN1,
        _ => return false,
    };
    let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    key.verify(text, signer.signature.as_bytes()).is_ok()
}
