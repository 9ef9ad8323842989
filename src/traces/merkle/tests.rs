//! The public test vectors of Certificate Transparency, and every small tree against the recursive definition.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::frontier::Frontier;
use super::*;

/// A store in memory.
#[derive(Default)]
pub(crate) struct Kept(HashMap<(u8, u64), Digest>);

impl Nodes for Kept {
    type Error = Option<Infallible>;

    fn node(&self, level: u8, index: u64) -> Result<Digest, Self::Error> {
        self.0.get(&(level, index)).copied().ok_or(None)
    }
}

pub(crate) fn grown(leaves: &[Digest]) -> (Frontier, Kept) {
    let (mut frontier, mut kept) = (Frontier::new(), Kept::default());
    for leaf in leaves {
        frontier.append(*leaf, |node| assert!(kept.0.insert((node.level, node.index), node.hash).is_none()));
    }
    (frontier, kept)
}

/// MTH, straight from RFC 9162 §2.1.1.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k =
                (1..).map(|i| 1 << i).find(|k| k * 2 >= leaves.len()).filter(|_| leaves.len() > 2).unwrap_or(1);
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

fn numbered(n: u64) -> Vec<Digest> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn hex(text: &str) -> Digest {
    let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect();
    Digest::from_slice(&bytes).unwrap()
}

/// The inputs of the reference implementation's tests, and the root at each size.
const INPUTS: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_public_vectors_hold() {
    let leaves: Vec<Digest> = INPUTS.iter().map(|input| leaf_hash(input)).collect();
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(grown(&leaves[..size]).0.root(), hex(root), "{size}");
    }
    let (_, kept) = grown(&leaves);
    let path = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(prove::inclusion(&kept, 0, 8).unwrap(), path.map(hex));
    assert_eq!(prove::consistency(&kept, 1, 8).unwrap(), path.map(hex));
    let six_to_eight = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(prove::consistency(&kept, 6, 8).unwrap(), six_to_eight.map(hex));
    let two_to_five = [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ];
    assert_eq!(prove::consistency(&kept, 2, 5).unwrap(), two_to_five.map(hex));
}

#[test]
fn every_tree_of_up_to_300_leaves_is_as_defined() {
    let leaves = numbered(300);
    let (_, kept) = grown(&leaves);
    let roots: Vec<Digest> = (0..=300).map(|n| naive_root(&leaves[..n])).collect();
    let mut frontier = Frontier::new();
    for size in 0..=300u64 {
        let root = roots[size as usize];
        assert_eq!(frontier.root(), root, "{size}");
        assert_eq!(prove::root(&kept, size).unwrap(), root);
        assert_eq!(Frontier::from_bytes(&frontier.to_bytes()).unwrap(), frontier);
        for index in 0..size {
            let proof = prove::inclusion(&kept, index, size).unwrap();
            assert!(verify::inclusion(&leaves[index as usize], index, size, &proof, &root), "{index} of {size}");
        }
        for first in 0..=size {
            let proof = prove::consistency(&kept, first, size).unwrap();
            assert!(verify::consistency(first, size, &proof, &roots[first as usize], &root), "{first} to {size}");
        }
        if let Some(leaf) = leaves.get(size as usize) {
            frontier.append(*leaf, |_| ());
        }
    }
    assert_eq!(prove::inclusion(&kept, 5, 5), Err(prove::ProveError::OutOfRange));
    assert_eq!(prove::consistency(&kept, 6, 5), Err(prove::ProveError::OutOfRange));
    assert_eq!(prove::inclusion(&kept, 300, 302), Err(prove::ProveError::Store(None)));
}

/// Every proof that differs from a right one in one bit, or by one hash more or less.
fn spoilt(proof: &[Digest]) -> Vec<Vec<Digest>> {
    let mut all = Vec::new();
    for (at, hash) in proof.iter().enumerate() {
        for bit in 0..256 {
            let mut bytes = *hash.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut other = proof.to_vec();
            other[at] = Digest::new(bytes);
            all.push(other);
        }
        let mut less = proof.to_vec();
        less.remove(at);
        all.push(less);
    }
    all.push([proof, &[Digest::default()]].concat());
    all
}

#[test]
fn every_bit_of_a_proof_counts() {
    let leaves = numbered(21);
    let (_, kept) = grown(&leaves);
    for size in 1..=21 {
        let root = prove::root(&kept, size).unwrap();
        for index in 0..size {
            let leaf = &leaves[index as usize];
            let proof = prove::inclusion(&kept, index, size).unwrap();
            for other in spoilt(&proof) {
                assert!(!verify::inclusion(leaf, index, size, &other, &root), "{index} of {size}");
            }
            assert!(!verify::inclusion(leaf, size, size, &proof, &root));
            let neighbour = leaves[(index as usize + 1) % 21];
            assert!(!verify::inclusion(&neighbour, index, size, &proof, &root));
            let first_root = prove::root(&kept, index).unwrap();
            let proof = prove::consistency(&kept, index, size).unwrap();
            for other in spoilt(&proof) {
                assert!(!verify::consistency(index, size, &other, &first_root, &root), "{index} to {size}");
            }
            assert!(!verify::consistency(index, size, &proof, &root, &first_root));
        }
    }
}

#[test]
fn a_frontier_has_one_peak_for_each_bit_of_its_size() {
    let (frontier, _) = grown(&numbered(6));
    let bytes = frontier.to_bytes();
    for refused in [&bytes[..7], &bytes[..bytes.len() - 1], &bytes[..bytes.len() - 32]] {
        assert_eq!(Frontier::from_bytes(refused), None);
    }
}

proptest! {
    #[test]
    fn arbitrary_proofs_are_refused_without_panic(
        sizes in any::<(u64, u64)>(),
        bytes in prop::collection::vec(any::<[u8; 32]>(), 0..80),
    ) {
        let proof: Vec<Digest> = bytes.into_iter().map(Digest::new).collect();
        let one = leaf_hash(b"one");
        prop_assert_eq!(verify::inclusion(&one, sizes.0, sizes.1, &proof, &Digest::default()), false);
        prop_assert_eq!(verify::consistency(sizes.0, sizes.1, &proof, &one, &Digest::default()), false);
    }
}

#[test]
fn tiles_hold_every_node_of_every_tree_and_its_edge() {
    let (mut edge, mut tiles) = (tile::Edge::default(), HashMap::new());
    let leaves = numbered(66_000);
    let borders = [1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 65_792, 65_793, 66_000];
    let (mut frontier, mut kept) = (Frontier::new(), Kept::default());
    for (size, leaf) in (1..).zip(&leaves) {
        frontier.append(*leaf, |node| assert!(kept.0.insert((node.level, node.index), node.hash).is_none()));
        edge.append(*leaf, |tile| assert!(tiles.insert((tile.level, tile.index), tile).is_none()));
        if !borders.contains(&size) {
            continue;
        }
        let mut stored = tiles.clone();
        stored.extend(edge.growing().map(|tile| ((tile.level, tile.index), tile)));
        for ((level, index), tile) in &stored {
            let have = tile::hashes_at(*level, size) - index * 256;
            assert_eq!(tile.hashes.len() as u64, have.min(256), "tile {level}/{index} at {size}");
            assert_eq!(tile::Tile::from_bytes(*level, *index, &tile.to_bytes()).as_ref(), Some(tile));
        }
        let stored = Stored(stored);
        for ((level, index), hash) in kept.0.iter().filter(|((level, index), _)| level % 8 != 0 || index % 97 == 0)
        {
            assert_eq!(stored.node(*level, *index), Ok(*hash), "node {level}/{index} at {size}");
        }
        assert_eq!(tile::frontier(&stored, size).unwrap().as_ref(), Some(&frontier), "{size}");
        let read = |level, index| Ok::<_, ()>(stored.0.get(&(level, index)).cloned());
        assert_eq!(tile::Edge::load(size, read).unwrap().as_ref(), Some(&edge), "{size}");
        // A growing tile that is not there, or of another tree, is seen.
        if size % 256 != 0 {
            assert_eq!(tile::Edge::load(size, |_, _| Ok::<_, ()>(None)).unwrap(), None);
            assert_eq!(tile::Edge::load(size + 1, read).unwrap(), None);
        }
    }
}

struct Stored(HashMap<(u8, u64), tile::Tile>);

impl Nodes for Stored {
    type Error = (u8, u64);

    fn node(&self, level: u8, index: u64) -> Result<Digest, Self::Error> {
        let (tile, first) = (level / tile::HEIGHT, index << (level % tile::HEIGHT));
        let tile = self.0.get(&(tile, first / tile::WIDTH as u64));
        tile.and_then(|tile| tile.node(level, index)).ok_or((level, index))
    }
}
