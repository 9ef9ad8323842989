//! The declaration of a restoration: the entry by which a ledger made from its backup says that it is a new generation.

use super::digest::Digest;

/// The register that the declaration is told as.
pub const REGISTER: &str = "generation";

/// What a restored ledger's first own entry says: which generation begins, and what it was restored from.
///
/// The entry has the SHA-256 of a text that everybody who holds the entries before it can make again: it cannot be carried to
/// another place, nor into another ledger.
#[must_use]
pub fn content(generation: u64, entries: u64, root: &Digest) -> Digest {
    let root = root.to_base64();
    let text = format!("{{\"generation\":{generation},\"entries\":{entries},\"root\":\"{root}\"}}");
    Digest::of(&[text.as_bytes()])
}
