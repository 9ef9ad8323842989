//! The key whose signatures approve states of the machine: an RSA key of the image's builder, or of the establishment.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::key_bits::RsaKeyBits;
use tss_esapi::structures::{
    Public, PublicBuilder, PublicKeyRsa, PublicRsaParametersBuilder, RsaExponent, RsaScheme,
    SymmetricDefinitionObject,
};
use tss_esapi::traits::Marshall as _;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::error::of_library;
use super::{TpmError, policy};
use crate::traces::digest::Digest;

/// TPM_ALG_SHA256, the first bytes of a name.
const SHA256: [u8; 2] = [0x00, 0x0b];
/// The only exponent that TPMs know.
const EXPONENT: u64 = 65_537;

/// Why a text is no approver's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApproverError {
    /// Not one public key in PEM.
    #[error("ce n'est pas une clé publique en PEM ; donnez la sortie de openssl rsa -pubout")]
    Pem,
    /// Another kind.
    #[error(
        "ce n'est pas une clé RSA de 2048, 3072 ou 4096 bits, d'exposant 65537 ; les approbations sont signées en RSA"
    )]
    Kind,
}

/// The public key.
#[derive(Clone, Debug)]
pub struct Approver {
    /// PKCS#1.
    key: Vec<u8>,
    pub(super) public: Public,
    /// Its name in the TPM's words.
    name: Vec<u8>,
}

impl Approver {
    /// Reads a PEM text.
    ///
    /// # Errors
    /// [`ApproverError`].
    pub fn from_pem(pem: &str) -> Result<Self, ApproverError> {
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| ApproverError::Pem)?;
        let (rest, spki) = SubjectPublicKeyInfo::from_der(&spki).map_err(|_| ApproverError::Pem)?;
        let Ok(PublicKey::RSA(rsa)) = spki.parsed() else { return Err(ApproverError::Kind) };
        if !rest.is_empty() || rsa.try_exponent() != Ok(EXPONENT) {
            return Err(ApproverError::Kind);
        }
        // DER writes a zero before a high bit; the TPM wants the number alone.
        let modulus = rsa.modulus.strip_prefix(&[0]).unwrap_or(rsa.modulus);
        let public = template(modulus).map_err(|_| ApproverError::Kind)?;
        let marshalled = public.marshall().map_err(|_| ApproverError::Kind)?;
        let name = [&SHA256[..], Digest::of(&[&marshalled]).as_bytes()].concat();
        Ok(Self { key: spki.subject_public_key.data.to_vec(), public, name })
    }

    /// Its name in the TPM's words: hash algorithm and digest of the public area.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// SHA-256 of the key as PKCS#1: `pkfp` of systemd-measure.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&[&self.key])
    }

    /// Whether it signed that policy for these PCRs, ascending (RSASSA-PKCS1-v1_5 with SHA-256 over [`policy::to_sign`]).
    #[must_use]
    pub fn has_signed(&self, policy: &Digest, pcrs: &[u8], signature: &[u8]) -> bool {
        let signed = policy::to_sign(policy, pcrs);
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key).verify(&signed, signature).is_ok()
    }
}

fn template(modulus: &[u8]) -> Result<Public, TpmError> {
    let bits = match modulus.len() {
        256 => RsaKeyBits::Rsa2048,
        384 => RsaKeyBits::Rsa3072,
        512 => RsaKeyBits::Rsa4096,
        _ => return Err(TpmError::Library("no RSA key of a usual length".to_owned())),
    };
    let build = || {
        let attributes =
            ObjectAttributesBuilder::new().with_user_with_auth(true).with_sign_encrypt(true).build()?;
        let parameters = PublicRsaParametersBuilder::new()
            .with_symmetric(SymmetricDefinitionObject::Null)
            .with_scheme(RsaScheme::Null)
            .with_key_bits(bits)
            // 0 stands for 65537.
            .with_exponent(RsaExponent::default())
            .with_is_signing_key(true)
            .with_is_decryption_key(false)
            .with_restricted(false)
            .build()?;
        PublicBuilder::new()
            .with_public_algorithm(PublicAlgorithm::Rsa)
            .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
            .with_object_attributes(attributes)
            .with_rsa_parameters(parameters)
            .with_rsa_unique_identifier(PublicKeyRsa::try_from(modulus)?)
            .build()
    };
    build().map_err(of_library)
}
