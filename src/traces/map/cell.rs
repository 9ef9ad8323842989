//! What the map's store holds: one cell for each subtree that has a key.

use super::{DEPTH_MAX, EMPTY, branch_hash, leaf_hash};
use crate::traces::digest::Digest;
use crate::traces::entry::Head;

/// A subtree's place: the leading bits that its keys share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    depth: usize,
    bits: Digest,
}

impl Prefix {
    /// The whole tree.
    pub const ROOT: Self = Self { depth: 0, bits: EMPTY };

    /// The first `depth` bits of a key.
    #[must_use]
    pub fn of(key: &Digest, depth: usize) -> Self {
        let mut bits = *key.as_bytes();
        for (at, byte) in bits.iter_mut().enumerate() {
            let kept = depth.saturating_sub(8 * at).min(8);
            *byte &= u8::try_from(0xff00_u16 >> kept & 0xff).unwrap_or(0xff);
        }
        Self { depth: depth.min(DEPTH_MAX), bits: Digest::new(bits) }
    }

    /// The key of the store: depth (2, big endian) and the bytes that hold its bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let depth = u16::try_from(self.depth).unwrap_or(u16::MAX).to_be_bytes();
        let bits = self.bits.as_bytes().get(..self.depth.div_ceil(8)).unwrap_or_default();
        [&depth, bits].concat()
    }
}

/// One subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It has one key.
    Leaf {
        /// The practitioner's keyed hash.
        key: Digest,
        /// The end of the practitioner's chain.
        head: Head,
    },
    /// It has more; the hashes of its halves, so that a path reads one cell for each level.
    Branch {
        /// Keys whose next bit is 0.
        left: Digest,
        /// Keys whose next bit is 1.
        right: Digest,
    },
}

impl Cell {
    /// The subtree's hash.
    #[must_use]
    pub fn hash(&self) -> Digest {
        match self {
            Self::Leaf { key, head } => leaf_hash(key, *head),
            Self::Branch { left, right } => branch_hash(left, right),
        }
    }

    /// The value of the store: 48 bytes for a leaf, 64 for a branch.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Leaf { key, head } => {
                [key.as_bytes().as_slice(), &head.last.to_be_bytes(), &head.count.to_be_bytes()].concat()
            }
            Self::Branch { left, right } => [left.as_bytes().as_slice(), right.as_bytes()].concat(),
        }
    }

    /// Reads [`Cell::to_bytes`]; `None` for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_at_checked(Digest::LEN)?;
        let first = Digest::from_slice(first)?;
        if let Some(right) = Digest::from_slice(rest) {
            return Some(Self::Branch { left: first, right });
        }
        let (last, count) = rest.split_first_chunk()?;
        let count = u64::from_be_bytes(count.try_into().ok()?);
        Some(Self::Leaf { key: first, head: Head { last: u64::from_be_bytes(*last), count } })
    }
}

/// The store of cells.
pub trait Cells {
    /// Why a cell cannot be read.
    type Error;

    /// The cell of a subtree; `None` if it has no key.
    ///
    /// # Errors
    /// The store's own.
    fn cell(&self, prefix: &Prefix) -> Result<Option<Cell>, Self::Error>;
}

/// The hash of a subtree that may have no key.
#[must_use]
pub fn hash_of(cell: Option<&Cell>) -> Digest {
    cell.map_or(EMPTY, Cell::hash)
}
