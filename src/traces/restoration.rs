//! The declaration of a generation: the entry by which a ledger that goes on from an older copy, a restored backup or one that
//! its counter contradicted, says so.

use super::digest::Digest;

/// The register that the declaration is told as.
pub const REGISTER: &str = "generation";

/// What the first entry of a new life says: which generation begins, and what it goes on from.
///
/// The entry has the SHA-256 of a text that everybody who holds the entries before it can make again: it cannot be carried to
/// another place, nor into another ledger.
#[must_use]
pub fn content(generation: u64, entries: u64, root: &Digest) -> Digest {
    let root = root.to_base64();
    let text = format!("{{\"generation\":{generation},\"entries\":{entries},\"root\":\"{root}\"}}");
    Digest::of(&[text.as_bytes()])
}
