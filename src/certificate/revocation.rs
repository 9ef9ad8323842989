//! A certificate revocation list (RFC 5280 §5): read, dated, believed by its authority's signature alone.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use webpki::{ALL_VERIFICATION_ALGS, BorrowedCertRevocationList, EndEntityCert};
use x509_parser::prelude::*;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::vihf::instant::Instant;

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    der: CertificateRevocationListDer<'static>,
    /// Name of the authority, DER.
    issuer: Vec<u8>,
    this_update: Instant,
    next_update: Option<Instant>,
}

impl RevocationList {
    /// Reads the lists of a file, PEM or DER; None: there is none, or one that certification paths cannot be held against.
    ///
    /// No signature is verified here: [`RevocationList::is_of`] does.
    #[must_use]
    pub fn read(file: &[u8]) -> Option<Vec<Self>> {
        let pem: Vec<_> = CertificateRevocationListDer::pem_slice_iter(file).collect::<Result<_, _>>().ok()?;
        let lists = if pem.is_empty() { vec![CertificateRevocationListDer::from(file.to_vec())] } else { pem };
        lists.into_iter().map(Self::parse).collect()
    }

    fn parse(der: CertificateRevocationListDer<'static>) -> Option<Self> {
        BorrowedCertRevocationList::from_der(&der).ok()?;
        let (rest, list) = CertificateRevocationList::from_der(&der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let at = |time: ASN1Time| Instant::from_ms(time.timestamp().saturating_mul(1000));
        let (issuer, this_update) = (list.issuer().as_raw().to_vec(), at(list.last_update()));
        let next_update = list.next_update().map(at);
        Some(Self { der, issuer, this_update, next_update })
    }

    /// The list itself.
    #[must_use]
    pub fn der(&self) -> &CertificateRevocationListDer<'static> {
        &self.der
    }

    /// `thisUpdate`.
    #[must_use]
    pub fn this_update(&self) -> Instant {
        self.this_update
    }

    /// `nextUpdate`, which RFC 5280 demands and not every authority gives.
    #[must_use]
    pub fn next_update(&self) -> Option<Instant> {
        self.next_update
    }

    /// Whether both lists are of one authority, by name.
    #[must_use]
    pub fn same_authority(&self, other: &Self) -> bool {
        self.issuer == other.issuer
    }

    /// Whether that authority has signed the list, and may sign lists.
    #[must_use]
    pub fn is_of(&self, authority: &CertificateDer<'_>) -> bool {
        let Ok((_, list)) = CertificateRevocationList::from_der(&self.der) else { return false };
        let Ok((_, x509)) = X509Certificate::from_der(authority) else { return false };
        let may_sign = x509.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign()));
        may_sign
            && x509.subject().as_raw() == self.issuer
            && has_signed(authority, list.tbs_cert_list.as_ref(), &list.signature_value.data)
    }
}

/// The authorities whose lists count: the anchors, and those intermediates that lead to one.
#[must_use]
pub fn list_authorities(
    anchors: &[CertificateDer<'static>],
    intermediates: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    let mut known = anchors.to_vec();
    let mut left: Vec<_> = intermediates.iter().collect();
    loop {
        let before = left.len();
        left.retain(|candidate| {
            let vouched = known.iter().any(|authority| has_issued(authority, candidate));
            if vouched {
                known.push((*candidate).clone());
            }
            !vouched
        });
        if left.len() == before {
            return known;
        }
    }
}

fn has_issued(authority: &CertificateDer<'_>, candidate: &CertificateDer<'_>) -> bool {
    let (Ok((_, issuer)), Ok((_, issued))) =
        (X509Certificate::from_der(authority), X509Certificate::from_der(candidate))
    else {
        return false;
    };
    issued.issuer().as_raw() == issuer.subject().as_raw()
        && issued.is_ca()
        && has_signed(authority, issued.tbs_certificate.as_ref(), &issued.signature_value.data)
}

fn has_signed(authority: &CertificateDer<'_>, signed: &[u8], signature: &[u8]) -> bool {
    EndEntityCert::try_from(authority).is_ok_and(|authority| {
        ALL_VERIFICATION_ALGS
            .iter()
            .any(|algorithm| authority.verify_signature(*algorithm, signed, signature).is_ok())
    })
}

#[cfg(all(test, feature = "appliance"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod,
        KeyPair, KeyUsagePurpose, SerialNumber,
    };

    use super::*;

    fn authority(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = usages.to_vec();
        params
    }

    fn list(of: &CertifiedIssuer<'_, KeyPair>) -> RevocationList {
        let now = ::time::OffsetDateTime::now_utc();
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: now + ::time::Duration::days(1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = params.signed_by(of).unwrap().pem().unwrap();
        RevocationList::read(pem.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn a_list_is_its_authoritys_alone() {
        let signs = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root =
            |name| CertifiedIssuer::self_signed(authority(name, &signs), KeyPair::generate().unwrap()).unwrap();
        let (ours, same_name) = (root("A"), root("A"));
        let below =
            CertifiedIssuer::signed_by(authority("B", &signs), KeyPair::generate().unwrap(), &ours).unwrap();
        // One key and one name under two certificates: what signs a list there has no right to it here.
        let key = KeyPair::generate().unwrap();
        let again = KeyPair::try_from(key.serialize_der()).unwrap();
        let signing = CertifiedIssuer::self_signed(authority("C", &signs), key).unwrap();
        let mute = CertifiedIssuer::self_signed(authority("C", &[KeyUsagePurpose::KeyCertSign]), again).unwrap();
        let der = |of: &CertifiedIssuer<'_, KeyPair>| of.der().clone();
        assert!(list(&ours).is_of(&der(&ours)) && list(&below).is_of(&der(&below)));
        assert!(!list(&same_name).is_of(&der(&ours)), "the name alone proves nothing");
        assert!(list(&signing).is_of(&der(&signing)));
        assert!(!list(&signing).is_of(&der(&mute)), "it may not sign lists");
        assert!(!list(&below).is_of(&der(&ours)));
        // An intermediate counts where an anchor leads to it.
        assert_eq!(list_authorities(&[der(&ours)], &[der(&below), der(&same_name)]), [der(&ours), der(&below)]);
        assert_eq!(list_authorities(&[der(&same_name)], &[der(&below)]), [der(&same_name)]);
    }

    #[test]
    fn what_is_no_list_is_none() {
        let signs = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ours = CertifiedIssuer::self_signed(authority("A", &signs), KeyPair::generate().unwrap()).unwrap();
        let good = list(&ours).der().to_vec();
        assert!(RevocationList::read(&good).is_some());
        for wrong in [&b""[..], b"<html>", &good[..good.len() - 1], &[good.as_slice(), &[0]].concat()] {
            assert_eq!(RevocationList::read(wrong), None);
        }
    }
}
