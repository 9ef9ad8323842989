//! Seal certificates: right ones by default, spoilt in one property each on demand.

use std::time::SystemTime;

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    KeyUsagePurpose, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::der::{generalized_time, oid_content, tlv};

/// Certificate policy of the IGC-Santé test branch (`vihf.md` §6).
pub const TEST_POLICY: &str = "1.2.250.1.213.1.7.2.1.1.1.1";

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
            key_usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
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

    pub(super) fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let mut dn = DistinguishedName::new();
        dn.push(DnType::CountryName, country());
        dn.push(DnType::StateOrProvinceName, self.department.as_str());
        dn.push(DnType::OrganizationName, self.organisation.as_str());
        dn.push(DnType::OrganizationalUnitName, self.structure.as_str());
        dn.push(DnType::CommonName, self.common_name.as_str());
        params.distinguished_name = dn;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = self.key_usages.clone();
        params.extended_key_usages = self.extended_key_usages.clone();
        params.not_before = self.not_before;
        params.not_after = self.not_after;
        params.serial_number = Some(serial());
        params.custom_extensions.extend(self.policy.as_deref().map(policies));
        if let Some((from, to)) = self.private_key_usage_period {
            let times = [tlv(0x80, generalized_time(from).as_bytes()), tlv(0x81, generalized_time(to).as_bytes())];
            params
                .custom_extensions
                .push(CustomExtension::from_oid_content(&[2, 5, 29, 16], tlv(0x30, &times.concat())));
        }
        params
    }
}

pub(super) fn country() -> DnValue {
    DnValue::PrintableString("FR".try_into().unwrap())
}

pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::now()).replace_nanosecond(0).unwrap()
}

/// Random: a key certified twice must not get one serial number twice.
pub(super) fn serial() -> SerialNumber {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes[0] = (bytes[0] & 0x7f) | 1;
    SerialNumber::from_slice(&bytes)
}

/// certificatePolicies (RFC 5280 §4.2.1.4) with one policy.
pub(super) fn policies(oid: &str) -> CustomExtension {
    let content = tlv(0x30, &tlv(0x30, &tlv(0x06, &oid_content(oid))));
    CustomExtension::from_oid_content(&[2, 5, 29, 32], content)
}
