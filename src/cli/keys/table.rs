//! Words that the ceremony's tables and commands share: attributes, key types, identifiers, texts made harmless.

use crate::seal::key::KeyAlgorithm;

/// What a token says of an attribute.
pub(super) fn attribute(said: Option<bool>) -> &'static str {
    match said {
        Some(true) => "oui",
        Some(false) => "non",
        None => "le token ne le dit pas",
    }
}

/// `rsa-2048` … `p-384`, `ed25519`; `other` for what is not offered.
pub(super) fn kind_name(kind: Option<(KeyAlgorithm, u16)>) -> String {
    match kind {
        Some((KeyAlgorithm::Ed25519, _)) => "ed25519".to_owned(),
        Some((KeyAlgorithm::RsaSha256, bits)) => format!("rsa-{bits}"),
        Some((_, bits)) => format!("p-{bits}"),
        None => "other".to_owned(),
    }
}

/// Lower-case hexadecimal, as tools show `CKA_ID`.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text without what would move a terminal's cursor or pass for a line of ours: labels come from the token.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
