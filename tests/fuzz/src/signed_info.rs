//! What a signer recognises as a `SignedInfo` is byte for byte what the product writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::vihf::signature::{
    PREFIX_LIST_LEN_MAX, SIGNED_INFO_LEN_MAX, SignatureAlgorithm, is_assertion_id, is_prefix_list, recognise,
    signed_info,
};

const ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::EcdsaSha384];

/// The input as a text to recognise; then as the values of a `SignedInfo` with one byte changed.
pub fn holds(input: &[u8]) {
    is_ours_if_recognised(input);
    let Some((choice, rest)) = input.split_first_chunk::<4>() else { return };
    let algorithm = ALGORITHMS[usize::from(choice[0]) % ALGORITHMS.len()];
    let Some((digest, rest)) = rest.split_first_chunk::<32>() else { return };
    let text = String::from_utf8_lossy(rest);
    let (id, list) = text.split_once('\n').map_or((&*text, None), |(id, list)| (id, Some(list)));
    let written = signed_info(algorithm, id, digest, list);
    let is_right = is_assertion_id(id) && list.is_none_or(is_prefix_list) && written.len() <= SIGNED_INFO_LEN_MAX;
    assert_eq!(recognise(written.as_bytes()), is_right.then_some(algorithm), "{written}");
    let mut changed = written.into_bytes();
    let at = usize::from(u16::from_le_bytes([choice[1], choice[2]])) % changed.len();
    changed[at] ^= choice[3];
    is_ours_if_recognised(&changed);
}

/// What is recognised can be written again from its own values, found by other means than the product's.
fn is_ours_if_recognised(bytes: &[u8]) {
    let Some(algorithm) = recognise(bytes) else { return };
    assert!(bytes.len() <= SIGNED_INFO_LEN_MAX);
    let text = std::str::from_utf8(bytes).expect("what is recognised is text");
    let between = |from: &str, to: &str| {
        let (_, rest) = text.split_once(from)?;
        Some(rest.split_once(to)?.0)
    };
    let id = between("URI=\"#", "\"").expect("a reference");
    let digest = between("<ds:DigestValue>", "</ds:DigestValue>").expect("a digest");
    let digest: [u8; 32] = STANDARD.decode(digest).expect("base64").try_into().expect("of SHA-256");
    let list = between("PrefixList=\"", "\"");
    assert!(is_assertion_id(id), "{id}");
    assert!(list.is_none_or(|list| list.len() <= PREFIX_LIST_LEN_MAX && is_prefix_list(list)), "{list:?}");
    assert_eq!(signed_info(algorithm, id, &digest, list), text);
}
