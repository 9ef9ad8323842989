//! The Merkle map practitioner → head of the chain: what makes a practitioner's export complete.
//!
//! A binary tree over the 256 bits of the keyed hash, most significant first, in which a subtree with one key is that key's
//! leaf, wherever it stands. So a proof has about log2(n) hashes, and its verification is one loop.
//!
//! | subtree | hash |
//! |---|---|
//! | without key | 32 zero bytes |
//! | with one key | SHA-256(`0x02`, key (32), last (8, big endian), count (8, big endian)) |
//! | with more | SHA-256(`0x03`, left, right) |
//!
//! The tags differ from those of RFC 9162, so that no hash of one tree can stand in the other.

pub mod cell;
pub mod proof;
#[cfg(test)]
pub(crate) mod tests;
pub mod tree;
pub mod update;

use super::digest::Digest;
use super::entry::Head;

/// Bits of a key: the depth that no branch reaches.
pub const DEPTH_MAX: usize = 256;

/// Hash of a subtree without keys.
pub const EMPTY: Digest = Digest::new([0; Digest::LEN]);

/// Hash of a subtree with one key.
#[must_use]
pub fn leaf_hash(key: &Digest, head: Head) -> Digest {
    Digest::of(&[&[0x02], key.as_bytes(), &head.last.to_be_bytes(), &head.count.to_be_bytes()])
}

/// Hash of a subtree with more than one key.
#[must_use]
pub fn branch_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[0x03], left.as_bytes(), right.as_bytes()])
}

/// Bit `depth` of a key, from the most significant: the side that the key takes below that depth.
fn bit(key: &Digest, depth: usize) -> bool {
    key.as_bytes().get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// How many leading bits two keys share; [`DEPTH_MAX`] if they are one.
fn shared(one: &Digest, other: &Digest) -> usize {
    (0..DEPTH_MAX).find(|&depth| bit(one, depth) != bit(other, depth)).unwrap_or(DEPTH_MAX)
}
