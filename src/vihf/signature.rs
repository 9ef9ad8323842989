//! XML signature of an assertion: algorithms and the canonical `ds:SignedInfo` (vihf.md §4, XMLDSig core §4.4).
//!
//! `SignedInfo` is written in exclusive canonical form and only that form is recognised: the signer process signs
//! nothing else with a seal key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest `SignedInfo` in bytes: the longest we write is under 1,100.
pub const SIGNED_INFO_LEN_MAX: usize = 2048;
/// Longest PrefixList in bytes: a handful of prefixes.
pub const PREFIX_LIST_LEN_MAX: usize = 64;

/// A signature algorithm, following the key's type; SHA-1 is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256, for RSA 2048 to 4096.
    RsaSha256,
    /// ECDSA P-256 with SHA-256, raw r‖s (64 bytes).
    EcdsaSha256,
    /// ECDSA P-384 with SHA-384, raw r‖s (96 bytes).
    EcdsaSha384,
}

impl SignatureAlgorithm {
    const ALL: [Self; 3] = [Self::RsaSha256, Self::EcdsaSha256, Self::EcdsaSha384];

    /// The algorithm's URI (RFC 9231 §2.3).
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }
}

/// Writes the canonical `SignedInfo` of an assertion.
///
/// `id` is an NCName, `digest` the SHA-256 of the canonical assertion without its signature, `prefix_list` the
/// profile's `InclusiveNamespaces` (none: no element). The text carries its own `xmlns:ds`, as canonicalization
/// of the element alone renders it; inside `ds:Signature` the declaration is dropped by [`within_signature`].
#[must_use]
pub fn signed_info(
    algorithm: SignatureAlgorithm,
    id: &str,
    digest: &[u8; 32],
    prefix_list: Option<&str>,
) -> String {
    let mut out = String::with_capacity(1200);
    for piece in [HEAD, algorithm.uri(), AFTER_METHOD, id, AFTER_ID] {
        out.push_str(piece);
    }
    match prefix_list {
        None => out.push_str(PLAIN_TRANSFORM),
        Some(list) => {
            out.push_str(PREFIXED_TRANSFORM);
            out.push_str(list);
            out.push_str(PREFIXED_TRANSFORM_END);
        }
    }
    out.push_str(AFTER_TRANSFORMS);
    STANDARD.encode_string(digest, &mut out);
    out.push_str(TAIL);
    out
}

/// The same `SignedInfo` as it stands inside `ds:Signature`, where the prefix is already declared.
#[must_use]
pub fn within_signature(signed_info: &str) -> (&'static str, &str) {
    ("<ds:SignedInfo>", signed_info.get(OPENING_LEN..).unwrap_or_default())
}

/// Recognises a canonical `SignedInfo` of an assertion, and nothing else; gives its algorithm.
///
/// The whole text is rebuilt from the recognised values and compared: what is not byte for byte ours is refused.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<SignatureAlgorithm> {
    if bytes.len() > SIGNED_INFO_LEN_MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let rest = text.strip_prefix(HEAD)?;
    let algorithm = SignatureAlgorithm::ALL
        .into_iter()
        .find(|a| rest.strip_prefix(a.uri()).is_some_and(|rest| rest.starts_with(AFTER_METHOD)))?;
    let rest = rest.strip_prefix(algorithm.uri())?.strip_prefix(AFTER_METHOD)?;
    let (id, rest) = rest.split_once('"')?;
    if !is_assertion_id(id) {
        return None;
    }
    let rest = rest.strip_prefix(AFTER_ID.strip_prefix('"')?)?;
    let (prefix_list, rest) = match rest.strip_prefix(PREFIXED_TRANSFORM) {
        Some(rest) => {
            let (list, _) = rest.split_once('"')?;
            let rest = rest.strip_prefix(list)?.strip_prefix(PREFIXED_TRANSFORM_END)?;
            (Some(list), rest)
        }
        None => (None, rest.strip_prefix(PLAIN_TRANSFORM)?),
    };
    if prefix_list.is_some_and(|list| !is_prefix_list(list)) {
        return None;
    }
    let encoded = rest.strip_prefix(AFTER_TRANSFORMS)?.strip_suffix(TAIL)?;
    let digest: [u8; 32] = STANDARD.decode(encoded).ok()?.try_into().ok()?;
    (signed_info(algorithm, id, &digest, prefix_list) == text).then_some(algorithm)
}

/// Whether `id` is one of ours: `_` and a lower-case UUID (an NCName, vihf.md §1).
#[must_use]
pub fn is_assertion_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    bytes.len() == 37
        && bytes.first() == Some(&b'_')
        && bytes.iter().enumerate().skip(1).all(|(at, b)| match at {
            9 | 14 | 19 | 24 => *b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Whether `list` can stand in `InclusiveNamespaces/@PrefixList`: prefixes of letters and `#default`, single spaces.
#[must_use]
pub fn is_prefix_list(list: &str) -> bool {
    !list.is_empty()
        && list.len() <= PREFIX_LIST_LEN_MAX
        && list.split(' ').all(|p| p == "#default" || (!p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase())))
}

const OPENING_LEN: usize = "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">".len();
const HEAD: &str = "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod \
Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"";
const AFTER_METHOD: &str = "\"></ds:SignatureMethod><ds:Reference URI=\"#";
const AFTER_ID: &str = "\"><ds:Transforms><ds:Transform \
Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform \
Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">";
const PLAIN_TRANSFORM: &str = "</ds:Transform>";
const PREFIXED_TRANSFORM: &str =
    "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"";
const PREFIXED_TRANSFORM_END: &str = "\"></ec:InclusiveNamespaces></ds:Transform>";
const AFTER_TRANSFORMS: &str = "</ds:Transforms><ds:DigestMethod \
Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>";
const TAIL: &str = "</ds:DigestValue></ds:Reference></ds:SignedInfo>";

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "_1b4e28ba-2fa1-41d2-883f-0016d3cca427";

    #[test]
    fn recognises_only_what_it_writes() {
        for algorithm in SignatureAlgorithm::ALL {
            for list in [None, Some("ds saml #default xsi")] {
                let text = signed_info(algorithm, ID, &[7; 32], list);
                assert_eq!(recognise(text.as_bytes()), Some(algorithm));
                // Another list of prefixes is another profile's, and as canonical.
                let free = list.map(|list| (text.find(list).unwrap_or_default(), list.len()));
                let is_free = |at: usize| free.is_some_and(|(from, len)| (from..=from + len).contains(&at));
                for at in (0..text.len()).filter(|at| !is_free(*at)) {
                    let mut bytes = text.clone().into_bytes();
                    bytes.remove(at);
                    assert_eq!(recognise(&bytes), None, "a byte less at {at} was recognised");
                    let mut bytes = text.clone().into_bytes();
                    bytes.insert(at, b' ');
                    assert_eq!(recognise(&bytes), None, "a space at {at} was recognised");
                }
            }
        }
    }

    #[test]
    fn an_id_or_a_prefix_list_cannot_carry_markup() {
        for id in ["_1b4e28ba-2fa1-41d2-883f-0016d3cca42\"", "1b4e28ba-2fa1-41d2-883f-0016d3cca427a", ""] {
            assert_eq!(recognise(signed_info(SignatureAlgorithm::RsaSha256, id, &[0; 32], None).as_bytes()), None);
        }
        for list in ["", "a  b", "a\"b", "A"] {
            let text = signed_info(SignatureAlgorithm::RsaSha256, ID, &[0; 32], Some(list));
            assert_eq!(recognise(text.as_bytes()), None);
        }
    }

    #[test]
    fn loses_its_declaration_inside_the_signature() {
        let text = signed_info(SignatureAlgorithm::EcdsaSha256, ID, &[1; 32], None);
        let (open, rest) = within_signature(&text);
        assert!(rest.starts_with("<ds:CanonicalizationMethod ") && open == "<ds:SignedInfo>");
    }
}
