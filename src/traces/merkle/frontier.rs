//! The right edge of the tree: all that appending and the root need.

use super::{Node, empty_root, node_hash};
use crate::traces::digest::Digest;

/// Peaks of the complete subtrees, the largest first: one for each bit of the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash and gives out every subtree that it completes, the leaf first, for the store.
    ///
    /// O(log n) hashes, 1 on average.
    pub fn append(&mut self, leaf: Digest, mut completed: impl FnMut(Node)) {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        completed(node);
        while node.index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            node = Node { level: node.level + 1, index: node.index >> 1, hash: node_hash(&left, &node.hash) };
            completed(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
    }

    /// The root (RFC 9162 §2.1.1).
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The frontier as bytes: size (8, big endian), peaks (32 each).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        self.peaks.iter().for_each(|peak| bytes.extend_from_slice(peak.as_bytes()));
        bytes
    }

    /// Reads [`Frontier::to_bytes`]; `None` unless there is one peak for each bit of the size.
    ///
    /// Trusts the peaks: compare the root with what is known of it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, peaks) = bytes.split_first_chunk()?;
        let size = u64::from_be_bytes(*size);
        let peaks: Vec<Digest> = peaks.chunks(Digest::LEN).map(Digest::from_slice).collect::<Option<_>>()?;
        (u32::try_from(peaks.len()) == Ok(size.count_ones())).then_some(Self { size, peaks })
    }
}
