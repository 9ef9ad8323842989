//! The Merkle tree of RFC 9162 §2.1 over the leaves of the ledger.

pub mod frontier;
pub mod prove;
#[cfg(test)]
pub(crate) mod tests;
pub mod tile;
pub mod verify;

use super::digest::Digest;

/// Hash of a leaf's bytes (RFC 9162 §2.1.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::of(&[&[0x00], leaf])
}

/// Hash of an inner node (RFC 9162 §2.1.1).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// Root of the tree without leaves (RFC 9162 §2.1.1).
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// A complete subtree: the leaves from `index << level` to before `(index + 1) << level`. It never changes once it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Height above the leaves, 0 for a leaf.
    pub level: u8,
    /// Its place from the left on its level.
    pub index: u64,
    /// Its hash.
    pub hash: Digest,
}

/// The store of complete subtrees, as [`frontier::Frontier::append`] gave them.
///
/// A proof reads at most two nodes for each level: point reads of the key (level, index).
pub trait Nodes {
    /// Why a node cannot be read; one that was appended and is absent is an error too.
    type Error;

    /// The hash of one complete subtree.
    ///
    /// # Errors
    /// The store's own.
    fn node(&self, level: u8, index: u64) -> Result<Digest, Self::Error>;
}
