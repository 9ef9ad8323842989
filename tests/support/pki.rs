//! A certification authority shaped like IGC-Santé's organisation branch (`vihf.md` §6).
//!
//! The CA keys are random and exist in memory only.

use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData,
    RsaKeySize, SerialNumber, SignatureAlgorithm,
};
use time::{Duration, OffsetDateTime};

/// Certificate policy of the IGC-Santé test branch (`vihf.md` §6).
pub const TEST_POLICY: &str = "1.2.250.1.213.1.7.2.1.1.1.1";

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
            CaKeys::Rsa2048 => {
                KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)
            }
            CaKeys::Rsa4096 => {
                KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096)
            }
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
    /// Makes the root and the intermediate `… ORGANISATIONS`, valid from yesterday for ten years.
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
        wanted
            .params()
            .signed_by(&PublicKey::parse(spki_der), &self.intermediate)
            .unwrap()
            .pem()
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
    params.not_before = now() - Duration::days(1);
    params.not_after = now() + Duration::days(3652);
    params.serial_number = Some(serial());
    params
}

/// A seal certificate (offer ORG_SIGN): right by default, each method spoils or varies one property.
#[derive(Clone, Debug)]
pub struct SealCertificate {
    department: String,
    organisation: String,
    structure: String,
    common_name: String,
    key_usages: Vec<KeyUsagePurpose>,
    extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
    policy: Option<String>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    private_key_usage_period: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl SealCertificate {
    /// A right ORG_SIGN certificate of that Struct_IdNat, valid from yesterday for three years.
    pub fn of(structure: &str) -> SealCertificate {
        let not_before = now() - Duration::days(1);
        SealCertificate {
            department: "Rhône (69)".into(),
            organisation: "CENTRE HOSPITALIER DE DEMONSTRATION".into(),
            structure: structure.into(),
            common_name: "SCEAU DEMONSTRATION".into(),
            key_usages: vec![
                KeyUsagePurpose::DigitalSignature,
                KeyUsagePurpose::ContentCommitment,
            ],
            extended_key_usages: vec![ExtendedKeyUsagePurpose::EmailProtection],
            policy: Some(TEST_POLICY.into()),
            not_before,
            not_after: not_before + Duration::days(3 * 365),
            private_key_usage_period: None,
        }
    }

    /// `O` of the subject: any text.
    pub fn organisation(mut self, name: &str) -> Self {
        self.organisation = name.into();
        self
    }

    /// `CN` of the subject: any text.
    pub fn common_name(mut self, name: &str) -> Self {
        self.common_name = name.into();
        self
    }

    /// `OU` of the subject: names another structure.
    pub fn structure(mut self, structure: &str) -> Self {
        self.structure = structure.into();
        self
    }

    /// The other offer, ORG_AUTH_CLI: digitalSignature alone, clientAuth.
    pub fn authentication(mut self) -> Self {
        self.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        self.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self
    }

    /// Exactly these key usages; none leaves the extension out.
    pub fn key_usages(mut self, usages: &[KeyUsagePurpose]) -> Self {
        self.key_usages = usages.to_vec();
        self
    }

    /// Exactly these extended key usages; none leaves the extension out.
    pub fn extended_key_usages(mut self, usages: &[ExtendedKeyUsagePurpose]) -> Self {
        self.extended_key_usages = usages.to_vec();
        self
    }

    /// Another certificate policy (dotted OID), or none.
    pub fn policy(mut self, oid: Option<&str>) -> Self {
        self.policy = oid.map(Into::into);
        self
    }

    /// Ended yesterday, after three years.
    pub fn expired(mut self) -> Self {
        self.not_after = now() - Duration::days(1);
        self.not_before = self.not_after - Duration::days(3 * 365);
        self
    }

    /// Begins tomorrow.
    pub fn not_yet_valid(mut self) -> Self {
        self.not_before = now() + Duration::days(1);
        self.not_after = self.not_before + Duration::days(3 * 365);
        self
    }

    /// Ends that long from now.
    pub fn expires_in(mut self, left: Duration) -> Self {
        self.not_after = now() + left;
        self.not_before = self.not_after - Duration::days(3 * 365);
        self
    }

    /// Three years of key use and one month more of certificate life (`vihf.md` §6).
    pub fn private_key_usage_period(mut self) -> Self {
        self.private_key_usage_period = Some((self.not_before, self.not_after));
        self.not_after += Duration::days(30);
        self
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let mut dn = DistinguishedName::new();
        dn.push(DnType::CountryName, country());
        dn.push(DnType::StateOrProvinceName, self.department.as_str());
        dn.push(DnType::OrganizationName, self.organisation.as_str());
        dn.push(DnType::OrganizationalUnitName, self.structure.as_str());
        dn.push(DnType::CommonName, self.common_name.as_str());
        params.distinguished_name = dn;
        // The only choice for which rcgen writes a SubjectKeyIdentifier.
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = self.key_usages.clone();
        params.extended_key_usages = self.extended_key_usages.clone();
        params.not_before = self.not_before;
        params.not_after = self.not_after;
        params.serial_number = Some(serial());
        params
            .custom_extensions
            .extend(self.policy.as_deref().map(policies));
        if let Some((from, to)) = self.private_key_usage_period {
            let times = [
                tlv(0x80, generalized_time(from).as_bytes()),
                tlv(0x81, generalized_time(to).as_bytes()),
            ];
            params
                .custom_extensions
                .push(CustomExtension::from_oid_content(
                    &[2, 5, 29, 16],
                    tlv(0x30, &times.concat()),
                ));
        }
        params
    }
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
        let curve = spki
            .algorithm
            .parameters
            .as_ref()
            .and_then(|p| p.as_oid().ok())
            .map(|oid| oid.to_id_string());
        let algorithm = match (
            spki.algorithm.algorithm.to_id_string().as_str(),
            curve.as_deref(),
        ) {
            ("1.2.840.113549.1.1.1", _) => &rcgen::PKCS_RSA_SHA256,
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => &rcgen::PKCS_ECDSA_P256_SHA256,
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => &rcgen::PKCS_ECDSA_P384_SHA384,
            other => panic!("a key of an unknown kind: {other:?}"),
        };
        PublicKey {
            algorithm,
            bits: spki.subject_public_key.data.to_vec(),
        }
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

fn country() -> DnValue {
    DnValue::PrintableString("FR".try_into().unwrap())
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::now())
        .replace_nanosecond(0)
        .unwrap()
}

/// Random: a key certified twice must not get one serial number twice.
fn serial() -> SerialNumber {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes[0] = (bytes[0] & 0x7f) | 1;
    SerialNumber::from_slice(&bytes)
}

/// certificatePolicies (RFC 5280 §4.2.1.4) with one policy.
fn policies(oid: &str) -> CustomExtension {
    let content = tlv(0x30, &tlv(0x30, &tlv(0x06, &oid_content(oid))));
    CustomExtension::from_oid_content(&[2, 5, 29, 32], content)
}

fn oid_content(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u32> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut out = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let digits = (0..5)
            .rev()
            .map(|n| (arc >> (7 * n)) & 0x7f)
            .skip_while(|digit| *digit == 0);
        let mut digits: Vec<u8> = digits.map(|digit| digit as u8 | 0x80).collect();
        match digits.last_mut() {
            Some(last) => *last &= 0x7f,
            None => digits.push(0),
        }
        out.extend(digits);
    }
    out
}

fn generalized_time(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    let day =
        date.year() * 10_000 + i32::from(u8::from(date.month())) * 100 + i32::from(date.day());
    format!(
        "{day:08}{:02}{:02}{:02}Z",
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// One DER element shorter than 128 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128);
    [&[tag, content.len() as u8], content].concat()
}
