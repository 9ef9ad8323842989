//! Tiles of the tree (C2SP tlog-tiles): 256 neighbouring hashes of every eighth level in one piece.
//!
//! Tile `n` of tile level `L` holds the hashes of level `8 L` from index `256 n`. A full one never changes; the last of a level
//! grows. Every other hash is computed from them.

use super::frontier::Frontier;
use super::{Nodes, node_hash};
use crate::traces::digest::Digest;

/// Hashes of a full tile.
pub const WIDTH: usize = 256;
/// Levels of the tree that one tile spans.
pub const HEIGHT: u8 = 8;

/// A tile, full or growing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Tile level, 0 over the leaves.
    pub level: u8,
    /// Its place from the left on its level.
    pub index: u64,
    /// 1 to [`WIDTH`] hashes.
    pub hashes: Vec<Digest>,
}

impl Tile {
    /// The hashes one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// Reads [`Tile::to_bytes`]; `None` for another length.
    #[must_use]
    pub fn from_bytes(level: u8, index: u64, bytes: &[u8]) -> Option<Self> {
        let hashes: Vec<Digest> = bytes.chunks(Digest::LEN).map(Digest::from_slice).collect::<Option<_>>()?;
        (1..=WIDTH).contains(&hashes.len()).then_some(Self { level, index, hashes })
    }

    /// The subtree at `level` (of the tree) and `index`, if all of it is below this tile.
    #[must_use]
    pub fn node(&self, level: u8, index: u64) -> Option<Digest> {
        let above = level.checked_sub(self.level * HEIGHT).filter(|above| *above <= HEIGHT)?;
        let first = (index << above).checked_sub(self.index * WIDTH as u64)?;
        let first = usize::try_from(first).ok()?;
        let hashes = self.hashes.get(first..first.checked_add(1 << above)?)?;
        let mut row = hashes.to_vec();
        while row.len() > 1 {
            row = row.chunks_exact(2).filter_map(|pair| Some(node_hash(pair.first()?, pair.get(1)?))).collect();
        }
        row.first().copied()
    }
}

/// How many hashes the tiles of a level have in a tree of `size`.
#[must_use]
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0)
}

/// The growing tiles at the right edge of the tree, one a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    rows: Vec<Vec<Digest>>,
}

impl Edge {
    /// The edge of a tree of `size`, from its last tiles; `read` gives a stored tile.
    ///
    /// # Errors
    /// `read`'s; `Ok(None)` if a tile is not what a tree of that size has.
    pub fn load<E>(
        size: u64,
        mut read: impl FnMut(u8, u64) -> Result<Option<Tile>, E>,
    ) -> Result<Option<Self>, E> {
        let mut rows = Vec::new();
        let mut level = 0;
        while hashes_at(level, size) > 0 {
            let have = hashes_at(level, size);
            let (index, len) = (have / WIDTH as u64, have % WIDTH as u64);
            let tile = if len == 0 { None } else { read(level, index)? };
            let row = tile.map(|tile| tile.hashes).unwrap_or_default();
            if row.len() as u64 != len {
                return Ok(None);
            }
            rows.push(row);
            level += 1;
        }
        Ok(Some(Self { size, rows }))
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash; gives out every tile that it fills.
    pub fn append(&mut self, leaf: Digest, mut filled: impl FnMut(Tile)) {
        self.size += 1;
        let (mut hash, mut level) = (leaf, 0_u8);
        loop {
            if self.rows.len() <= usize::from(level) {
                self.rows.push(Vec::with_capacity(WIDTH));
            }
            let Some(row) = self.rows.get_mut(usize::from(level)) else { return };
            row.push(hash);
            if row.len() < WIDTH {
                return;
            }
            let index = hashes_at(level, self.size) / WIDTH as u64 - 1;
            let tile = Tile { level, index, hashes: std::mem::take(row) };
            let Some(above) = tile.node((level + 1) * HEIGHT, index) else { return };
            filled(tile);
            (hash, level) = (above, level + 1);
        }
    }

    /// The growing tiles: what a store has to write after an append, beside the filled ones.
    pub fn growing(&self) -> impl Iterator<Item = Tile> + '_ {
        (0_u8..).zip(&self.rows).filter(|(_, row)| !row.is_empty()).map(|(level, row)| Tile {
            level,
            index: hashes_at(level, self.size) / WIDTH as u64,
            hashes: row.clone(),
        })
    }
}

/// The frontier of the tree of `size` from its nodes.
///
/// # Errors
/// The store's own.
pub fn frontier<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Option<Frontier>, N::Error> {
    let mut bytes = size.to_be_bytes().to_vec();
    let mut start = 0;
    for level in (0..64_u8).rev().filter(|level| size >> level & 1 == 1) {
        bytes.extend_from_slice(nodes.node(level, start >> level)?.as_bytes());
        start += 1 << level;
    }
    Ok(Frontier::from_bytes(&bytes))
}
