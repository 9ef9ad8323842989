//! New heads of chains into the map.

use std::collections::BTreeMap;

use super::cell::{Cell, Cells, Prefix, hash_of};
use super::{EMPTY, bit, shared};
use crate::traces::digest::Digest;
use crate::traces::entry::Head;

/// What a batch of new heads changes. A cell that was there is replaced, none is ever removed.
#[derive(Debug)]
pub struct Update {
    /// The map's new root.
    pub root: Digest,
    /// The cells to write, all in one transaction with what the root will be signed for.
    pub written: BTreeMap<Prefix, Cell>,
}

/// The root of a stored map.
///
/// # Errors
/// The store's own.
pub fn root<C: Cells + ?Sized>(cells: &C) -> Result<Digest, C::Error> {
    Ok(hash_of(cells.cell(&Prefix::ROOT)?.as_ref()))
}

/// Sets the heads of some practitioners: about log2(n) reads and hashes for each. Only a checkpoint needs the root: gather
/// heads until then.
///
/// Writes nothing itself: the map changes when the caller has stored [`Update::written`].
///
/// # Errors
/// The store's own.
pub fn update<C: Cells + ?Sized>(
    cells: &C,
    heads: impl IntoIterator<Item = (Digest, Head)>,
) -> Result<Update, C::Error> {
    let mut batch = Batch { cells, written: BTreeMap::new() };
    for (key, head) in heads {
        batch.set(key, head)?;
    }
    let root = hash_of(batch.read(&Prefix::ROOT)?.as_ref());
    Ok(Update { root, written: batch.written })
}

/// Cells as they will be.
struct Batch<'c, C: ?Sized> {
    cells: &'c C,
    written: BTreeMap<Prefix, Cell>,
}

impl<C: Cells + ?Sized> Batch<'_, C> {
    fn read(&self, prefix: &Prefix) -> Result<Option<Cell>, C::Error> {
        match self.written.get(prefix) {
            Some(cell) => Ok(Some(*cell)),
            None => self.cells.cell(prefix),
        }
    }

    fn write(&mut self, key: &Digest, depth: usize, cell: Cell) -> Digest {
        self.written.insert(Prefix::of(key, depth), cell);
        cell.hash()
    }

    fn set(&mut self, key: Digest, head: Head) -> Result<(), C::Error> {
        // Down to where the key's way ends; at each branch the half that is left aside.
        let mut aside = Vec::new();
        let end = loop {
            match self.read(&Prefix::of(&key, aside.len()))? {
                Some(Cell::Branch { left, right }) => {
                    aside.push(if bit(&key, aside.len()) { left } else { right });
                }
                end => break end,
            }
        };
        if let Some(Cell::Leaf { key: other, head: its }) = end
            && other != key
        {
            // Both go below the last bit that they share; above it, branches with one empty half.
            let parted = shared(&key, &other);
            aside.resize(parted, EMPTY);
            aside.push(self.write(&other, parted + 1, Cell::Leaf { key: other, head: its }));
        }
        // And up again.
        let mut hash = self.write(&key, aside.len(), Cell::Leaf { key, head });
        while let Some(other) = aside.pop() {
            let depth = aside.len();
            let (left, right) = if bit(&key, depth) { (other, hash) } else { (hash, other) };
            hash = self.write(&key, depth, Cell::Branch { left, right });
        }
        Ok(())
    }
}
