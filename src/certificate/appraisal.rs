//! May this certificate seal for this structure, now, with this key? (vihf.md §6)

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::*;

use super::{KeyUse, SealCertificate, rfc2253};
use crate::vihf::identity::{Form, StructIdNat};
use crate::vihf::instant::Instant;

/// Why a certificate may not seal; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The certificate was made for another key.
    #[error("le certificat n'est pas celui de la clé du jeton ; importez le certificat émis pour cette clé")]
    OtherKey,
    /// An authentication certificate, or no key usage at all.
    #[error(
        "le certificat n'est pas un certificat de cachet : keyUsage doit contenir digitalSignature et nonRepudiation ; \
         utilisez le certificat ORG_SIGN, non ORG_AUTH_CLI"
    )]
    KeyUsage,
    /// A seal certificate, or no client authentication.
    #[error(
        "le certificat n'est pas un certificat d'authentification : keyUsage doit contenir digitalSignature sans \
         nonRepudiation, et extendedKeyUsage clientAuth ; utilisez le certificat ORG_AUTH_CLI, non ORG_SIGN"
    )]
    NotAuthentication,
    /// The subject is not that of the structure's other certificate (vihf.md §6).
    #[error(
        "le sujet du certificat ({found}) n'est pas celui de l'autre certificat ({wanted}) ; demandez un certificat \
         de même sujet, avec une demande faite par --same-subject-as"
    )]
    OtherSubject {
        /// Subject of the other certificate or request.
        wanted: String,
        /// What this certificate holds.
        found: String,
    },
    /// The structure is not in the subject.
    #[error(
        "l'OU du certificat ({found}) n'est pas la structure déclarée {structure} ; corrigez [[seal]] ou demandez un certificat pour cette structure"
    )]
    Structure {
        /// Declared structure.
        structure: String,
        /// What the subject holds.
        found: String,
    },
    /// Before its validity.
    #[error("le certificat n'est pas encore valide (à partir du {not_before}) ; vérifiez l'horloge")]
    NotYetValid {
        /// First instant of validity.
        not_before: Instant,
    },
    /// After its validity.
    #[error("le certificat est échu depuis le {not_after} ; installez le certificat renouvelé")]
    Expired {
        /// Last instant of validity.
        not_after: Instant,
    },
    /// No path to a given anchor.
    #[error(
        "aucune chaîne valide ne mène du certificat aux ancres [trust] anchors ({cause}) ; donnez la racine et les intermédiaires IGC-Santé"
    )]
    Chain {
        /// What the path building found.
        cause: String,
    },
    /// No anchor is configured.
    #[error("[trust] anchors est vide ; donnez le certificat racine de l'IGC-Santé")]
    NoAnchor,
    /// The required policy is not in the certificate.
    #[error(
        "le certificat ne porte pas la politique {required} ; vérifiez [trust] policy_oid ou demandez un certificat de cette offre"
    )]
    Policy {
        /// Configured policy.
        required: String,
    },
    /// Issued by a test authority.
    #[error(
        "le certificat est émis par une autorité de test ({authority}) ; en production, utilisez un certificat de l'IGC-Santé réelle"
    )]
    TestAuthority {
        /// Name of the authority.
        authority: String,
    },
}

impl Refusal {
    /// Stable name of the rule that the certificate breaks.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::OtherKey => "certificate-other-key",
            Self::KeyUsage => "certificate-key-usage",
            Self::NotAuthentication => "certificate-not-authentication",
            Self::OtherSubject { .. } => "certificate-other-subject",
            Self::Structure { .. } => "certificate-structure",
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::Expired { .. } => "certificate-expired",
            Self::Chain { .. } => "certificate-chain",
            Self::NoAnchor => "certificate-no-anchor",
            Self::Policy { .. } => "certificate-policy",
            Self::TestAuthority { .. } => "certificate-test-authority",
        }
    }

    /// Whether time alone heals or made it: another certificate of the same structure may be in its time.
    #[must_use]
    pub fn is_of_time(&self) -> bool {
        matches!(self, Self::NotYetValid { .. } | Self::Expired { .. })
    }
}

/// Authorities that may vouch for a certificate, DER.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Self-signed roots.
    pub anchors: Vec<CertificateDer<'static>>,
    /// Authorities between.
    pub intermediates: Vec<CertificateDer<'static>>,
}

/// What a certificate is held against.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Declared structure that it seals for.
    pub structure: &'a str,
    /// Who may vouch for it.
    pub trust: &'a Trust,
    /// Required policy OID; empty: not checked.
    pub policy_oid: &'a str,
    /// Production takes no test authority and no missing anchor.
    pub production: bool,
}

/// Every reason why the certificate may not seal at `now`; empty: it may.
///
/// The key of the token is compared elsewhere, when a signer tells it ([`Refusal::OtherKey`]).
#[must_use]
pub fn appraise(certificate: &SealCertificate, needs: &Requirements<'_>, now: Instant) -> Vec<Refusal> {
    appraise_for(KeyUse::Seal, certificate, needs, now)
}

/// Every reason why the certificate may not be used so at `now`; empty: it may. Keys and subjects are compared elsewhere.
#[must_use]
pub fn appraise_for(
    key_use: KeyUse,
    certificate: &SealCertificate,
    needs: &Requirements<'_>,
    now: Instant,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let Ok((_, x509)) = X509Certificate::from_der(&certificate.der) else {
        return vec![Refusal::Chain { cause: "X.509".to_owned() }];
    };
    if !key_use.admits(&x509) {
        refusals.push(match key_use {
            KeyUse::Seal => Refusal::KeyUsage,
            KeyUse::Authentication => Refusal::NotAuthentication,
        });
    }
    // Its own structure, and no other beside it.
    let units = &certificate.organizational_units;
    let foreign = |ou: &String| ou != needs.structure && StructIdNat::parse(ou, Form::Test).is_ok();
    if !units.iter().any(|ou| ou == needs.structure) || units.iter().any(foreign) {
        let found = certificate.organizational_units.join(", ");
        refusals.push(Refusal::Structure { structure: needs.structure.to_owned(), found });
    }
    if now < certificate.not_before {
        refusals.push(Refusal::NotYetValid { not_before: certificate.not_before });
    }
    if now >= certificate.not_before && !certificate.is_valid_at(now) {
        refusals.push(Refusal::Expired { not_after: certificate.not_after });
    }
    if !needs.policy_oid.is_empty() && !has_policy(&x509, needs.policy_oid) {
        refusals.push(Refusal::Policy { required: needs.policy_oid.to_owned() });
    }
    // The path is judged at an instant of the certificate's own validity, so that an expired one is told once, above.
    let at = now.max(certificate.not_before).min(certificate.not_after);
    // A certificate of the other offer is told so once, above: its chain is judged as what it is.
    let judged_as = if key_use.admits(&x509) { key_use } else { KeyUse::shown(&x509) };
    match path(&certificate.der, needs.trust, at, Usage::For(judged_as)) {
        _ if needs.trust.anchors.is_empty() => {
            if needs.production {
                refusals.push(Refusal::NoAnchor);
            }
        }
        // An authentication certificate is told once, by its key usage.
        Err(cause) if cause == OTHER_PURPOSE && refusals.contains(&Refusal::KeyUsage) => {}
        Err(cause) => refusals.push(Refusal::Chain { cause: cause.to_owned() }),
        Ok(authorities) => {
            let test = authorities.into_iter().find(|name| is_test_name(name));
            if let Some(authority) = test.filter(|_| needs.production) {
                refusals.push(Refusal::TestAuthority { authority });
            }
        }
    }
    refusals
}

fn has_policy(x509: &X509Certificate<'_>, required: &str) -> bool {
    x509.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => {
            policies.iter().any(|policy| policy.policy_id.to_id_string() == required)
        }
        _ => false,
    })
}

/// The extended key usage that a path must admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// That of this use, where the certificate restricts its usage.
    For(KeyUse),
    /// Whatever the certificate is for: its usage is judged elsewhere.
    Any,
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, iter: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        match self {
            Self::For(key_use) => KeyUsage::required_if_present(key_use.extended()).validate(iter),
            Self::Any => Ok(()),
        }
    }
}

/// What path building says of a certificate that is for something else.
const OTHER_PURPOSE: &str = "son usage étendu de clé n'est pas celui d'un cachet";

/// What path building found, for people.
fn describe(error: webpki::Error) -> &'static str {
    match error {
        webpki::Error::RequiredEkuNotFoundContext(_) => OTHER_PURPOSE,
        webpki::Error::UnknownIssuer => "aucune autorité donnée ne l'a émis",
        webpki::Error::CertExpired { .. } => "une autorité est échue",
        webpki::Error::CertNotValidYet { .. } => "une autorité n'est pas encore valide",
        webpki::Error::CaUsedAsEndEntity => "c'est le certificat d'une autorité",
        webpki::Error::InvalidSignatureForPublicKey => "la signature d'un certificat de la chaîne est fausse",
        _ => "un certificat de la chaîne est incorrect",
    }
}

/// Names of the authorities on a valid path from the certificate to an anchor.
///
/// `at` is the instant of judgement. The last name is the anchor's.
///
/// # Errors
/// What the path building found.
pub(crate) fn path(
    certificate: &CertificateDer<'_>,
    trust: &Trust,
    at: Instant,
    usage: Usage,
) -> Result<Vec<String>, &'static str> {
    let anchors: Vec<TrustAnchor<'_>> =
        trust.anchors.iter().map(anchor_from_trusted_cert).collect::<Result<_, _>>().map_err(describe)?;
    let at = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at.ms()).unwrap_or_default()));
    let leaf = EndEntityCert::try_from(certificate).map_err(describe)?;
    let verified = leaf
        .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &trust.intermediates, at, usage, None, None)
        .map_err(describe)?;
    let mut names: Vec<String> =
        verified.intermediate_certificates().filter_map(|cert| subject(&cert.der())).collect();
    let anchor = anchors.iter().position(|anchor| anchor == verified.anchor());
    names.extend(anchor.and_then(|at| trust.anchors.get(at)).and_then(|der| subject(der)));
    Ok(names)
}

fn subject(der: &[u8]) -> Option<String> {
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    // A name that cannot be written must not hide that it is a test's.
    Some(rfc2253(x509.subject()).unwrap_or_else(|| x509.subject().to_string()))
}

/// Test authorities of IGC-Santé carry the word TEST in their names (vihf.md §6).
pub(crate) fn is_test_name(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("test"))
}
