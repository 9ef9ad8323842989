//! The signature: what it covers, how, and whether it holds (vihf.md §4; SAML 2.0 core §5.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::certificate::unfit_key;
use super::finding::{Findings, quoted};
use super::rule::Rule;
use super::shape::{self, DS, Slot};
use crate::xmldsig::{Document, Element, Fault, verify};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const SHA1_SIGNATURES: [&str; 2] =
    ["http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"];
const SIGNATURES: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
/// Longest PrefixList in bytes: those in use have 20. Canonicalization holds each
/// element against the whole list: a list without limit would take it hours.
const PREFIX_LIST_LEN_MAX: usize = 128;
/// Most elements of an assertion whose signature is computed: a VIHF has some 80; each is held against the PrefixList.
const ELEMENTS_MAX: usize = 2_000;
const SHA1_DIGEST: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const DIGESTS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

const SIGNATURE: &[Slot] =
    &[Slot(DS, "SignedInfo", 1, 1), Slot(DS, "SignatureValue", 1, 1), Slot(DS, "KeyInfo", 1, 1)];
const SIGNED_INFO: &[Slot] = &[
    Slot(DS, "CanonicalizationMethod", 1, 1),
    Slot(DS, "SignatureMethod", 1, 1),
    Slot(DS, "Reference", 1, usize::MAX),
];
const REFERENCE: &[Slot] =
    &[Slot(DS, "Transforms", 0, 1), Slot(DS, "DigestMethod", 1, 1), Slot(DS, "DigestValue", 1, 1)];

/// Judges the assertion's signature; gives the certificate (DER) that came with it.
///
/// The signature is verified only if the document has no other, if it refers to the assertion and to nothing else, and if
/// every transform is one that selects nothing: whatever does not match is told before anything is computed.
pub(super) fn check<'d>(
    document: &'d Document<'_>,
    assertion: Element<'d>,
    findings: &mut Findings,
) -> Option<Vec<u8>> {
    let signature = assertion.child(DS, "Signature")?;
    let before = assertion.children().take_while(|child| *child != signature).count();
    if before > 1 && !findings.has(Rule::SignatureMisplaced) {
        findings.at(Rule::SignatureMisplaced, signature, "Signature ne suit pas directement Issuer");
    }
    // Two elements of one ID: which of them is signed is anybody's guess.
    let mut alone = !findings.has(Rule::IdRepeated);
    for other in document.elements().filter(|element| element.is(DS, "Signature") && *element != signature) {
        alone = false;
        findings.at(
            Rule::SignatureRepeated,
            other,
            "le document porte une autre signature que celle de l'assertion",
        );
    }
    if assertion.elements().nth(ELEMENTS_MAX).is_some() {
        alone = false;
        findings.at(Rule::DocumentLimits, assertion, format!("l'assertion a plus de {ELEMENTS_MAX} éléments"));
    }
    shape::check(signature, SIGNATURE, &[], findings);
    let signed_info = signature.child(DS, "SignedInfo")?;
    let is_plain = signed_info_is_plain(signed_info, assertion, findings);
    encoded(signature.child(DS, "SignatureValue"), findings);
    let certificate = certificate(signature, findings)?;
    let Ok((_, x509)) = X509Certificate::from_der(&certificate) else {
        findings.at(Rule::CertificateUnreadable, signature, "le certificat joint n'est pas un certificat X.509");
        return None;
    };
    if let Some(found) = unfit_key(&x509) {
        findings.at(Rule::CertificateKey, signature, found);
    } else if alone && is_plain {
        match verify(document, signature, assertion, x509.public_key().raw) {
            Ok(()) if is_fixed_length(signature, &x509) => {}
            Ok(()) => findings.at(
                Rule::SignatureValue,
                signature,
                "la valeur ECDSA n'est pas r et s de longueur fixe (RFC 9231 §2.3.6)",
            ),
            Err(Fault::Digest) => {
                findings.at(Rule::SignatureDigest, signature, "le condensat signé n'est pas celui de l'assertion");
            }
            Err(Fault::Value) => findings.at(
                Rule::SignatureValue,
                signature,
                "la signature ne se vérifie pas avec le certificat joint",
            ),
            Err(Fault::Key) => {
                findings.at(Rule::CertificateKey, signature, "la clé du certificat n'est pas d'un type connu")
            }
        }
    }
    Some(certificate)
}

/// Holds algorithms, reference and transforms against what a VIHF has; true: the signature may be computed.
fn signed_info_is_plain(signed_info: Element<'_>, assertion: Element<'_>, findings: &mut Findings) -> bool {
    shape::check(signed_info, SIGNED_INFO, &[], findings);
    let mut sha1 = false;
    let mut plain = true;
    if let Some((at, uri)) = algorithm(signed_info, "CanonicalizationMethod")
        && uri != EXC_C14N
    {
        plain = false;
        findings.at(
            Rule::SignatureCanonicalization,
            at,
            format!("SignedInfo est canonicalisé en {}", quoted(&uri)),
        );
    }
    if let Some((at, uri)) = algorithm(signed_info, "SignatureMethod") {
        sha1 |= SHA1_SIGNATURES.contains(&uri.as_str());
        if !sha1 && !SIGNATURES.contains(&uri.as_str()) {
            plain = false;
            findings.at(Rule::SignatureAlgorithm, at, format!("l'algorithme de signature est {}", quoted(&uri)));
        }
    }
    for name in ["CanonicalizationMethod", "SignatureMethod"] {
        if let Some(method) = signed_info.child(DS, name) {
            shape::only(method, &["Algorithm"], findings);
            if !has_plain_parameters(method) {
                plain = false;
                findings.at(
                    Rule::SignatureCanonicalization,
                    method,
                    format!("{name} porte des paramètres qu'un VIHF n'emploie pas"),
                );
            }
        }
    }
    let references: Vec<_> = signed_info.children().filter(|child| child.is(DS, "Reference")).collect();
    let [reference] = references.as_slice() else {
        let message = format!("la signature a {} références", references.len());
        findings.at(Rule::SignatureReference, signed_info, message);
        return false;
    };
    shape::check(*reference, REFERENCE, &["URI"], findings);
    let expected = assertion.attribute("ID").map(|id| format!("#{id}"));
    if reference.attribute("URI").map(str::to_owned) != expected || expected.is_none() {
        let uri = reference.attribute("URI").unwrap_or_default();
        findings.at(
            Rule::SignatureReference,
            *reference,
            format!("la référence {} n'est pas vers l'ID de l'assertion", quoted(uri)),
        );
        plain = false;
    }
    if let Some((at, uri)) = algorithm(*reference, "DigestMethod") {
        let is_sha1 = uri == SHA1_DIGEST;
        sha1 |= is_sha1;
        if !is_sha1 && !DIGESTS.contains(&uri.as_str()) {
            plain = false;
            findings.at(Rule::SignatureAlgorithm, at, format!("l'algorithme de condensat est {}", quoted(&uri)));
        }
    }
    if sha1 {
        findings.at(Rule::SignatureSha1, signed_info, "la signature ou le condensat est en SHA-1");
    }
    encoded(reference.child(DS, "DigestValue"), findings);
    plain & transforms_are_plain(*reference, findings)
}

/// A method and its algorithm.
fn algorithm<'d>(parent: Element<'d>, name: &str) -> Option<(Element<'d>, String)> {
    let method = parent.child(DS, name)?;
    Some((method, method.attribute("Algorithm").unwrap_or_default().to_owned()))
}

/// `enveloped-signature`, then exclusive canonicalization, perhaps with a PrefixList.
fn transforms_are_plain(reference: Element<'_>, findings: &mut Findings) -> bool {
    let transforms: Vec<_> =
        reference.child(DS, "Transforms").map(|list| list.children().collect()).unwrap_or_default();
    let uris: Vec<_> =
        transforms.iter().map(|transform| transform.attribute("Algorithm").unwrap_or_default()).collect();
    let plain = uris == [ENVELOPED, EXC_C14N]
        && transforms.iter().all(|t| t.is(DS, "Transform") && has_plain_parameters(*t));
    if !plain {
        let message = format!("les transformations sont {}", quoted(&uris.join(", ")));
        findings.at(Rule::SignatureTransforms, reference, message);
    }
    plain
}

/// A method has no parameter, or is exclusive canonicalization with a PrefixList of sensible length.
fn has_plain_parameters(method: Element<'_>) -> bool {
    let children: Vec<_> = method.children().collect();
    match children.as_slice() {
        [] => true,
        [list] => {
            list.is(EXC_C14N, "InclusiveNamespaces")
                && method.attribute("Algorithm") == Some(EXC_C14N)
                && list.attribute("PrefixList").is_none_or(|list| list.len() <= PREFIX_LIST_LEN_MAX)
        }
        _ => false,
    }
}

/// An ECDSA value is r and s, each as long as the curve's order (RFC 9231 §2.3.6): the DER form and padded numbers are
/// others' or a forger's second spelling of one signature.
fn is_fixed_length(signature: Element<'_>, x509: &X509Certificate<'_>) -> bool {
    let Ok(PublicKey::EC(point)) = x509.public_key().parsed() else { return true };
    let value = signature.child(DS, "SignatureValue").and_then(|value| decode(&value.text()));
    value.is_some_and(|value| value.len() == 2 * point.key_size().div_ceil(8))
}

/// The one certificate of KeyInfo, DER.
fn certificate(signature: Element<'_>, findings: &mut Findings) -> Option<Vec<u8>> {
    let key_info = signature.child(DS, "KeyInfo")?;
    let sole =
        |parent: Element<'_>, name: &str| parent.children().count() == 1 && parent.child(DS, name).is_some();
    let data = key_info.child(DS, "X509Data");
    let element = data.and_then(|data| data.child(DS, "X509Certificate"));
    let has_form = sole(key_info, "X509Data") && data.is_some_and(|data| sole(data, "X509Certificate"));
    if !has_form {
        findings.at(Rule::KeyInfo, key_info, "KeyInfo n'est pas fait d'un X509Data et d'un X509Certificate");
    }
    let element = element?;
    for level in [Some(key_info), data, Some(element)].into_iter().flatten() {
        shape::only(level, &[], findings);
        if level != element && !level.text().trim().is_empty() {
            findings.at(Rule::TextUnexpected, level, format!("du texte se trouve entre les éléments de {level}"));
        }
    }
    let Some(der) = decode(&element.text()) else {
        findings.at(Rule::CertificateUnreadable, element, "le certificat joint n'est pas en base64");
        return None;
    };
    encoded(Some(element), findings);
    Some(der)
}

/// Base64 with the line breaks that XML tools put into it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    STANDARD.decode(packed).ok()
}

/// A base64 text must be the one encoding of its bytes, and hold nothing else.
fn encoded(element: Option<Element<'_>>, findings: &mut Findings) {
    let Some(element) = element else { return };
    shape::text(element, &[], findings);
    if decode(&element.text()).is_none() {
        findings.at(Rule::SignatureBase64, element, format!("{element} n'est pas du base64 canonique"));
    }
}
