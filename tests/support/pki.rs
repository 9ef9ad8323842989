//! A certification authority shaped like IGC-Santé's organisation branch (`vihf.md` §6).
//!
//! The CA keys are random and exist in memory only.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData, RsaKeySize, SignatureAlgorithm,
};
use time::Duration;

use super::certificate::{SealCertificate, country, now, policies, serial};
use super::der::tlv;

/// What the CA names say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaNames {
    /// `TEST AC …` with `OU=IGC-SANTE TEST`, as the test branch.
    Test,
    /// Names that say nothing of tests, so that production mode can be tried.
    Production,
}

/// Keys of the two CAs. A leaf's key is the token's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaKeys {
    /// Made in no time: the tests' choice.
    P256,
    /// RSA 2048.
    Rsa2048,
    /// RSA 4096, as IGC-Santé has it: the demonstration's choice (seconds).
    Rsa4096,
}

impl CaKeys {
    fn generate(self) -> KeyPair {
        match self {
            CaKeys::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            CaKeys::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            CaKeys::Rsa4096 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096),
        }
        .unwrap()
    }
}

/// Root and intermediate of one PKI. Two of the same names are strangers: their keys differ.
pub struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    /// Makes the root and the intermediate `… ORGANISATIONS`, valid from the day before yesterday for ten years.
    pub fn generate(names: CaNames, keys: CaKeys) -> Pki {
        let prefix = if names == CaNames::Test { "TEST " } else { "" };
        let root_name = format!("{prefix}AC RACINE IGC-SANTE ELEMENTAIRE");
        let root = CertifiedIssuer::self_signed(ca(names, &root_name, 1), keys.generate()).unwrap();
        let name = format!("{prefix}AC IGC-SANTE ELEMENTAIRE ORGANISATIONS");
        let mut params = ca(names, &name, 0);
        params.use_authority_key_identifier_extension = true;
        // anyPolicy: what the seal's own policy is, is the leaf's word (RFC 5280 §4.2.1.4).
        params.custom_extensions.push(policies("2.5.29.32.0"));
        let intermediate = CertifiedIssuer::signed_by(params, keys.generate(), &root).unwrap();
        Pki { root, intermediate }
    }

    /// The self-signed root, PEM.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// The intermediate, PEM.
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// Certifies the public key (SubjectPublicKeyInfo, DER) as `wanted` says; returns PEM.
    pub fn issue(&self, wanted: &SealCertificate, spki_der: &[u8]) -> String {
        let key = PublicKey::parse(spki_der);
        let mut params = wanted.params();
        // rcgen writes a SubjectKeyIdentifier only beside basicConstraints, which seal certificates leave out.
        let identifier = tlv(0x04, &params.key_identifier(&key));
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 14], identifier));
        params.signed_by(&key, &self.intermediate).unwrap().pem()
    }
}

fn ca(names: CaNames, common_name: &str, path_len: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CountryName, country());
    dn.push(DnType::OrganizationName, "ASIP-SANTE");
    if names == CaNames::Test {
        dn.push(DnType::OrganizationalUnitName, "IGC-SANTE TEST");
    }
    dn.push(DnType::CommonName, common_name);
    params.distinguished_name = dn;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_len));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // A day before whatever has ended yesterday, also where the clock went on by a second between the two.
    params.not_before = now() - Duration::days(2);
    params.not_after = now() + Duration::days(3652);
    params.serial_number = Some(serial());
    params
}

/// A public key that rcgen shall certify: its algorithm and its subjectPublicKey bits.
struct PublicKey {
    algorithm: &'static SignatureAlgorithm,
    bits: Vec<u8>,
}

impl PublicKey {
    fn parse(spki_der: &[u8]) -> PublicKey {
        use x509_parser::prelude::FromDer;
        let (_, spki) = x509_parser::x509::SubjectPublicKeyInfo::from_der(spki_der).unwrap();
        let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
        let algorithm = match (spki.algorithm.algorithm.to_id_string().as_str(), curve.as_deref()) {
            ("1.2.840.113549.1.1.1", _) => &rcgen::PKCS_RSA_SHA256,
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => &rcgen::PKCS_ECDSA_P256_SHA256,
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => &rcgen::PKCS_ECDSA_P384_SHA384,
            other => panic!("a key of an unknown kind: {other:?}"),
        };
        PublicKey { algorithm, bits: spki.subject_public_key.data.to_vec() }
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}
