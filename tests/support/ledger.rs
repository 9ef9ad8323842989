//! The ledger of an establishment, read from its file by the side of the daemon that writes it.

use std::collections::HashMap;

use rusqlite::{Connection, OpenFlags};
use sceau::traces::digest::Digest;
use sceau::traces::entry::Entry;
use sceau::traces::entry::kind::Kind;
use sceau::traces::merkle::frontier::Frontier;
use sceau::traces::merkle::{Nodes, empty_root, leaf_hash};

use super::establishment::Establishment;

/// Every entry on the disk, in order.
pub fn entries(of: &Establishment) -> Vec<Entry> {
    leaves(of).iter().map(|leaf| Entry::decode(leaf).unwrap()).collect()
}

/// Every leaf on the disk, in order.
pub fn leaves(of: &Establishment) -> Vec<Vec<u8>> {
    let path = of.folder.join("ledger/ledger.sqlite");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = connection.prepare("SELECT leaf FROM entries ORDER BY idx").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Assertions that were recorded before they were sealed.
pub fn issued(of: &Establishment) -> usize {
    entries(of).iter().filter(|entry| entry.event.kind() == Kind::Issued).count()
}

/// Checkpoints that are kept, the oldest first: size and note.
pub fn checkpoints(of: &Establishment) -> Vec<(u64, String)> {
    let path = of.folder.join("ledger/ledger.sqlite");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = connection.prepare("SELECT size, note FROM checkpoints ORDER BY size").unwrap();
    let kept = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).unwrap().map(Result::unwrap);
    kept.map(|(size, note)| (u64::try_from(size).unwrap(), note)).collect()
}

/// The tree over leaves: complete subtrees, and the root at each size.
#[derive(Default)]
pub struct Tree {
    nodes: HashMap<(u8, u64), Digest>,
    roots: Vec<Digest>,
}

impl Tree {
    /// The tree over these leaves.
    pub fn of(leaves: &[Vec<u8>]) -> Tree {
        let (mut tree, mut frontier) = (Tree { roots: vec![empty_root()], ..Tree::default() }, Frontier::new());
        for leaf in leaves {
            frontier.append(leaf_hash(leaf), |node| {
                tree.nodes.insert((node.level, node.index), node.hash);
            });
            tree.roots.push(frontier.root());
        }
        tree
    }

    /// The root when there were `size` leaves; none if there never were.
    pub fn root(&self, size: u64) -> Option<Digest> {
        self.roots.get(usize::try_from(size).unwrap()).copied()
    }
}

impl Nodes for Tree {
    type Error = ();

    fn node(&self, level: u8, index: u64) -> Result<Digest, ()> {
        self.nodes.get(&(level, index)).copied().ok_or(())
    }
}
