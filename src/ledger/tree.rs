//! The Merkle tree of a snapshot: tiles for what is folded, leaves for the rest.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::reader::Reader;
use super::store::StoreError;
use crate::traces::digest::Digest;
use crate::traces::merkle::tile::{HEIGHT, Tile, WIDTH};
use crate::traces::merkle::{Nodes, leaf_hash, node_hash};

/// Tiles in memory: 8 kB each, and neighbouring proofs ask for the same ones.
const TILES_MAX: usize = 256;

/// What the proofs of `traces::merkle` are made from, up to the snapshot's size.
#[derive(Debug)]
pub struct LeafTree<'r> {
    reader: &'r Reader,
    /// Leaves before this index are in the tiles.
    folded: u64,
    tiles: RefCell<HashMap<(u8, u64), Rc<Tile>>>,
    /// Hashes of the leaves behind the tiles.
    tail: OnceCell<Vec<Digest>>,
}

impl<'r> LeafTree<'r> {
    pub(super) fn new(reader: &'r Reader, folded: u64) -> Self {
        Self { reader, folded, tiles: RefCell::default(), tail: OnceCell::new() }
    }

    fn tile(&self, level: u8, index: u64) -> Result<Rc<Tile>, StoreError> {
        if let Some(tile) = self.tiles.borrow().get(&(level, index)) {
            return Ok(Rc::clone(tile));
        }
        let tile = self.reader.store().tile(level, index)?.ok_or(StoreError::Broken("a tile is missing"))?;
        let tile = Rc::new(tile);
        let mut tiles = self.tiles.borrow_mut();
        if tiles.len() >= TILES_MAX {
            tiles.clear();
        }
        tiles.insert((level, index), Rc::clone(&tile));
        Ok(tile)
    }

    fn behind(&self, index: u64) -> Result<Digest, StoreError> {
        let hashes = match self.tail.get() {
            Some(hashes) => hashes,
            None => {
                let mut hashes = Vec::new();
                self.reader.leaves(self.folded..self.reader.edge().frontier.size(), |_, leaf| {
                    hashes.push(leaf_hash(leaf));
                    Ok::<_, StoreError>(())
                })?;
                self.tail.get_or_init(|| hashes)
            }
        };
        let at = index.checked_sub(self.folded).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| hashes.get(at).copied()).ok_or(StoreError::Broken("a leaf beyond the snapshot"))
    }
}

impl Nodes for LeafTree<'_> {
    type Error = StoreError;

    fn node(&self, level: u8, index: u64) -> Result<Digest, StoreError> {
        let end = index.checked_add(1).and_then(|next| next.checked_shl(u32::from(level)));
        if end.is_some_and(|end| end <= self.folded) {
            let (tile, first) = (level / HEIGHT, index << (level % HEIGHT));
            let tile = self.tile(tile, first / WIDTH as u64)?;
            return tile.node(level, index).ok_or(StoreError::Broken("a tile is not the tree's"));
        }
        match level.checked_sub(1) {
            None => self.behind(index),
            Some(below) => Ok(node_hash(&self.node(below, index << 1)?, &self.node(below, index << 1 | 1)?)),
        }
    }
}
