//! The whole map in memory: heads set at no cost of a hash, hashes computed when a root or a proof is asked for.

use super::proof::MapProof;
use super::{EMPTY, bit, branch_hash, leaf_hash};
use crate::traces::digest::Digest;
use crate::traces::entry::Head;

/// The map practitioner → head. About 200 bytes a practitioner.
#[derive(Debug, Default)]
pub struct Tree {
    root: Node,
    len: usize,
}

/// A subtree; a branch keeps its hash until something below it changes.
#[derive(Debug, Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Digest, Head),
    Branch {
        halves: Box<[Node; 2]>,
        hash: Option<Digest>,
    },
}

impl Tree {
    /// Practitioners in the map.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody is in the map.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The head of a practitioner's chain.
    #[must_use]
    pub fn get(&self, key: &Digest) -> Option<Head> {
        let (mut node, mut depth) = (&self.root, 0);
        loop {
            match node {
                Node::Empty => return None,
                Node::Leaf(other, head) => return (other == key).then_some(*head),
                Node::Branch { halves, .. } => {
                    let [left, right] = &**halves;
                    node = if bit(key, depth) { right } else { left };
                    depth += 1;
                }
            }
        }
    }

    /// Sets the head of a practitioner's chain.
    pub fn set(&mut self, key: Digest, head: Head) {
        let (mut node, mut depth) = (&mut self.root, 0);
        loop {
            match node {
                Node::Empty => {
                    *node = Node::Leaf(key, head);
                    self.len += 1;
                    return;
                }
                Node::Leaf(other, its) if *other == key => {
                    *its = head;
                    return;
                }
                Node::Leaf(other, _) => {
                    // One level down; where both keys part, the loop ends.
                    let side = bit(other, depth);
                    let leaf = std::mem::take(node);
                    let halves = if side { [Node::Empty, leaf] } else { [leaf, Node::Empty] };
                    *node = Node::Branch { halves: Box::new(halves), hash: None };
                }
                Node::Branch { halves, hash } => {
                    *hash = None;
                    let [left, right] = &mut **halves;
                    node = if bit(&key, depth) { right } else { left };
                    depth += 1;
                }
            }
        }
    }

    /// The root: as many hashes as subtrees that changed since it was last asked for.
    pub fn root(&mut self) -> Digest {
        self.root.hash()
    }

    /// Proves what the map says of `key`.
    #[must_use]
    pub fn prove(&mut self, key: &Digest) -> MapProof {
        let mut siblings = Vec::new();
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Empty => return MapProof { siblings, end: None },
                Node::Leaf(other, head) => return MapProof { siblings, end: Some((*other, *head)) },
                Node::Branch { halves, .. } => {
                    let [left, right] = &mut **halves;
                    let (on, off) = if bit(key, siblings.len()) { (right, left) } else { (left, right) };
                    siblings.push(off.hash());
                    node = on;
                }
            }
        }
    }
}

impl FromIterator<(Digest, Head)> for Tree {
    fn from_iter<I: IntoIterator<Item = (Digest, Head)>>(heads: I) -> Self {
        let mut tree = Self::default();
        heads.into_iter().for_each(|(key, head)| tree.set(key, head));
        tree
    }
}

impl Node {
    fn hash(&mut self) -> Digest {
        match self {
            Self::Empty => EMPTY,
            Self::Leaf(key, head) => leaf_hash(key, *head),
            Self::Branch { hash: Some(hash), .. } => *hash,
            Self::Branch { halves, hash } => {
                let [left, right] = &mut **halves;
                let made = branch_hash(&left.hash(), &right.hash());
                *hash = Some(made);
                made
            }
        }
    }
}
