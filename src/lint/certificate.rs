//! The signing certificate: whose, for what, until when, and who vouches for it (vihf.md §6).

use x509_parser::prelude::*;

use super::finding::{Findings, harmless, quoted};
use super::rule::{Rule, Severity};
use crate::certificate::{Trust, Usage, is_test_name, path, rfc2253, usage_ends};
use crate::vihf::identity::{Form, PsIdNat, StructIdNat};
use crate::vihf::instant::Instant;
use crate::xmldsig::Element;

/// Smallest RSA modulus in bits that may seal.
const RSA_BITS_MIN: usize = 2048;

/// What a report says instead of a professional's name.
const PERSON: &str = "carte d'un professionnel (sujet non répété)";

/// What the certificate told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its subject, RFC 2253; of a professional nothing is repeated.
    pub subject: String,
    /// Its issuer, RFC 2253.
    pub issuer: String,
    /// Last instant of validity.
    pub not_after: Instant,
}

/// The certificate and what it is held against.
pub(super) struct Seal<'a, 'd> {
    pub(super) der: &'a [u8],
    /// Where it stands.
    pub(super) element: Element<'d>,
    pub(super) trust: Option<&'a Trust>,
    pub(super) at: Instant,
    /// Direct mode: the professional's own card signs, no seal and no structure; the professional's identifier.
    pub(super) holder: Option<&'a str>,
}

/// Judges the certificate. Gives what it tells, and whether it comes from a test authority.
pub(super) fn check(seal: &Seal<'_, '_>, findings: &mut Findings) -> Option<(Signer, bool)> {
    let element = seal.element;
    let Ok((_, x509)) = X509Certificate::from_der(seal.der) else { return None };
    if let Some(holder) = seal.holder {
        // Else any certificate of an authority would do without seal, structure and declaration.
        let mut values = x509.subject().iter_attributes().filter_map(|value| value.as_str().ok());
        if !values.any(|value| value == holder) {
            findings.at(
                Rule::CertificateNotCard,
                element,
                "le mode est DIRECTE, et le certificat n'est pas celui du professionnel",
            );
        }
    } else if !is_seal(&x509) {
        findings.at(
            Rule::CertificateNotSeal,
            element,
            "le certificat n'est pas un certificat de cachet : keyUsage ou extKeyUsage l'exclut",
        );
    }
    let not_before = instant(x509.validity().not_before);
    let ends = [Some(instant(x509.validity().not_after)), usage_ends(&x509)];
    let not_after = ends.into_iter().flatten().min().unwrap_or(not_before);
    if seal.at < not_before {
        findings.at(
            Rule::CertificateNotYetValid,
            element,
            format!("le certificat ne vaut qu'à partir du {not_before}"),
        );
    } else if seal.at > not_after.plus_ms(999) {
        findings.at(Rule::CertificateExpired, element, format!("le certificat est échu depuis le {not_after}"));
    }
    let name = |name: &X509Name<'_>| harmless(&rfc2253(name).unwrap_or_else(|| name.to_string()));
    let subject = if is_person(&x509) { PERSON.to_owned() } else { name(x509.subject()) };
    let signer = Signer { subject, issuer: name(x509.issuer()), not_after };
    let test = authorities(seal, &signer, seal.at.max(not_before).min(not_after), findings);
    Some((signer, test))
}

/// Whether the subject is a person: it has a given name, a surname, or a PS_IdNat.
fn is_person(x509: &X509Certificate<'_>) -> bool {
    x509.subject().iter_attributes().any(|attribute| {
        matches!(attribute.attr_type().to_id_string().as_str(), "2.5.4.4" | "2.5.4.42")
            || attribute.as_str().is_ok_and(|value| PsIdNat::parse(value).is_ok())
    })
}

fn instant(at: ASN1Time) -> Instant {
    Instant::from_ms(at.timestamp().saturating_mul(1000))
}

/// Why the key of a certificate may not seal, if it may not.
pub(super) fn unfit_key(x509: &X509Certificate<'_>) -> Option<String> {
    use x509_parser::public_key::PublicKey;
    let curve =
        |key: &SubjectPublicKeyInfo<'_>| Some(key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string());
    match x509.public_key().parsed() {
        Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= RSA_BITS_MIN => None,
        Ok(PublicKey::RSA(rsa)) => Some(format!("la clé est RSA de {} bits", rsa.key_size())),
        Ok(PublicKey::EC(_)) => match curve(x509.public_key()).as_deref() {
            Some("1.2.840.10045.3.1.7" | "1.3.132.0.34" | "1.3.132.0.35") => None,
            _ => Some("la courbe de la clé n'est pas P-256, P-384 ou P-521".to_owned()),
        },
        _ => Some("la clé n'est ni RSA ni EC".to_owned()),
    }
}

/// digitalSignature and nonRepudiation, and no extended usage that is authentication alone.
fn is_seal(x509: &X509Certificate<'_>) -> bool {
    let usage = x509.key_usage().ok().flatten();
    let extended = x509.extended_key_usage().ok().flatten();
    usage.is_some_and(|usage| usage.value.digital_signature() && usage.value.non_repudiation())
        && extended.is_none_or(|extended| {
            let authentication = extended.value.client_auth || extended.value.server_auth;
            extended.value.email_protection || extended.value.any || !authentication
        })
}

/// Follows the chain to a given authority; true: it is one for tests.
fn authorities(seal: &Seal<'_, '_>, signer: &Signer, at: Instant, findings: &mut Findings) -> bool {
    let named_test = is_test_name(&signer.issuer);
    let Some(trust) = seal.trust else {
        if named_test {
            findings.at(Rule::CertificateTest, seal.element, format!("l'autorité est {}", quoted(&signer.issuer)));
        }
        return named_test;
    };
    match path(&seal.der.to_vec().into(), trust, at, Usage::Any) {
        Err(cause) => {
            let message =
                format!("aucune chaîne valide de {} à une autorité donnée ({cause})", quoted(&signer.issuer));
            findings.at(Rule::CertificateUnknownCa, seal.element, message);
            named_test
        }
        Ok(names) => {
            let test = names.iter().find(|name| is_test_name(name));
            if let Some(authority) = test {
                // Whoever gives a test root as authority knows that it is one.
                let excused = names.last().is_some_and(|anchor| is_test_name(anchor));
                let severity = if excused { Severity::Warning } else { Severity::Error };
                let message = format!("l'autorité est de test : {}", quoted(authority));
                findings.excused(Rule::CertificateTest, severity, seal.element, message);
            }
            test.is_some()
        }
    }
}

/// Holds the VIHF's issuer and structure against the certificate.
pub(super) fn agrees(
    der: &[u8],
    issuer: Option<Element<'_>>,
    structure: Option<(Element<'_>, String)>,
    findings: &mut Findings,
) {
    let Ok((_, x509)) = X509Certificate::from_der(der) else { return };
    let subject = rfc2253(x509.subject());
    if let Some(issuer) = issuer
        && subject.as_deref() != Some(issuer.text().as_str())
    {
        let expected = subject.unwrap_or_else(|| x509.subject().to_string());
        let message = if is_person(&x509) {
            "Issuer n'est pas le sujet du certificat".to_owned()
        } else {
            format!("Issuer vaut {} ; le sujet du certificat est {}", quoted(&issuer.text()), quoted(&expected))
        };
        findings.at(Rule::IssuerNotCertificate, issuer, message);
    }
    let Some((element, structure)) = structure else { return };
    let units: Vec<_> = x509.subject().iter_organizational_unit().filter_map(|ou| ou.as_str().ok()).collect();
    let foreign = |ou: &&str| **ou != *structure && StructIdNat::parse(ou, Form::Test).is_ok();
    if !units.contains(&structure.as_str()) || units.iter().any(foreign) {
        // A practice's identifier holds its practitioner's number.
        let of_practice = |id: &str| id.starts_with(['0', '4']);
        let message = if of_practice(&structure) || units.iter().any(|ou| of_practice(ou)) {
            "la structure n'est pas l'OU du certificat".to_owned()
        } else {
            let units = quoted(&units.join(", "));
            format!("la structure {} n'est pas l'OU du certificat ({units})", quoted(&structure))
        };
        findings.at(Rule::CertificateStructure, element, message);
    }
}
