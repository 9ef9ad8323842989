//! The map against its definition, whatever the order of updates; proofs that lie are refused.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use proptest::prelude::*;

use super::cell::{Cell, Cells, Prefix};
use super::proof::MapProof;
use super::update::{root, update};
use super::*;

/// A store in memory that keeps bytes, as a database does.
#[derive(Default)]
pub(crate) struct Stored(HashMap<Vec<u8>, Vec<u8>>);

impl Cells for Stored {
    type Error = Infallible;

    fn cell(&self, prefix: &Prefix) -> Result<Option<Cell>, Infallible> {
        Ok(self.0.get(&prefix.to_bytes()).map(|bytes| Cell::from_bytes(bytes).unwrap()))
    }
}

impl Stored {
    pub(crate) fn set(&mut self, heads: impl IntoIterator<Item = (Digest, Head)>) -> Digest {
        let update = update(self, heads).unwrap();
        self.0.extend(update.written.iter().map(|(prefix, cell)| (prefix.to_bytes(), cell.to_bytes())));
        update.root
    }
}

/// The table in the module's documentation, word for word.
fn naive(heads: &BTreeMap<Digest, Head>, depth: usize) -> Digest {
    match heads.len() {
        0 => EMPTY,
        1 => heads.iter().map(|(key, head)| leaf_hash(key, *head)).next().unwrap(),
        _ => {
            let (right, left): (BTreeMap<_, _>, _) = heads.iter().partition(|(key, _)| bit(key, depth));
            branch_hash(&naive(&left, depth + 1), &naive(&right, depth + 1))
        }
    }
}

fn key(n: u64) -> Digest {
    Digest::of(&[&n.to_be_bytes()])
}

fn head(n: u64) -> Head {
    Head { last: n, count: n / 2 + 1 }
}

#[test]
fn a_map_is_known_by_its_golden_root() {
    let mut stored = Stored::default();
    assert_eq!(root(&stored).unwrap(), EMPTY);
    let golden = stored.set((0..5).map(|n| (key(n), head(n))));
    assert_eq!(golden.to_base64(), "+AyBJlTJGsdVHWfD+ji8rL1HGN0IvbKXmVCwx4RaA/0=");
}

#[test]
fn every_key_of_a_map_is_proven_and_every_other_key_proven_absent() {
    let mut stored = Stored::default();
    let mut heads = BTreeMap::new();
    for n in 0..200 {
        let root = stored.set([(key(n), head(n))]);
        heads.insert(key(n), head(n));
        assert_eq!(root, naive(&heads, 0), "{n}");
    }
    let top = root(&stored).unwrap();
    let mut longest = 0;
    for n in 0..400 {
        let proof = MapProof::of(&stored, &key(n)).unwrap();
        longest = longest.max(proof.siblings.len());
        assert_eq!(proof.verify(&key(n), &top), Some((n < 200).then(|| head(n))), "{n}");
        assert_eq!(proof.verify(&key(n), &key(0)), None);
        assert_eq!(MapProof::parse(&proof.to_string()), Some(proof));
    }
    assert!(longest < 24, "{longest}: compressed, not 256");
}

#[test]
fn the_tree_in_memory_is_the_stored_map() {
    let (mut stored, mut tree) = (Stored::default(), tree::Tree::default());
    assert_eq!(tree.root(), EMPTY);
    // Keys that share long prefixes among others; heads set again and again.
    let near = |n: u8| Digest::new([[0xff; 31].as_slice(), &[n]].concat().try_into().unwrap());
    for n in 0..300 {
        let key = if n % 10 == 0 { near(n as u8) } else { key(n % 200) };
        let top = stored.set([(key, head(n))]);
        tree.set(key, head(n));
        assert_eq!(tree.get(&key), Some(head(n)));
        if n % 7 == 0 {
            assert_eq!(tree.root(), top, "{n}");
        }
    }
    assert_eq!(tree.root(), root(&stored).unwrap());
    assert!((200..240).contains(&tree.len()), "{}", tree.len());
    for n in 0..300 {
        assert_eq!(tree.prove(&key(n)), MapProof::of(&stored, &key(n)).unwrap(), "{n}");
        assert_eq!(tree.prove(&near(n as u8)), MapProof::of(&stored, &near(n as u8)).unwrap(), "{n}");
    }
    assert_eq!(tree.get(&key(250)), None);
}

#[test]
fn a_lie_is_refused() {
    let mut stored = Stored::default();
    let top = stored.set((0..50).map(|n| (key(n), head(n))));
    for n in 0..100 {
        let proof = MapProof::of(&stored, &key(n)).unwrap();
        // Not the key's leaf, an older head, fewer entries, nothing there.
        for end in [
            None,
            Some((key(n), head(n + 1))),
            Some((key(n), Head { last: n, count: 1000 })),
            Some((key(n + 1), head(n + 1))),
        ] {
            if end != proof.end {
                assert_eq!(MapProof { end, ..proof.clone() }.verify(&key(n), &top), None, "{n} {end:?}");
            }
        }
        for at in 0..proof.siblings.len() {
            for bit in 0..256 {
                let mut bytes = *proof.siblings[at].as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let mut spoilt = proof.clone();
                spoilt.siblings[at] = Digest::new(bytes);
                assert_eq!(spoilt.verify(&key(n), &top), None);
            }
        }
        for siblings in
            [[proof.siblings.clone(), vec![EMPTY]].concat(), vec![EMPTY; 300], proof.siblings[1..].to_vec()]
        {
            assert_eq!(MapProof { siblings, ..proof.clone() }.verify(&key(n), &top), None);
        }
        // The proof of another key says nothing of this one, unless both end at the same place, absent.
        let other = MapProof::of(&stored, &key(n + 1)).unwrap().verify(&key(n), &top);
        assert!(other.is_none() || other == Some(None) && n >= 50);
    }
}

#[test]
fn keys_that_differ_in_their_last_bit_have_their_place() {
    let (one, other) =
        (Digest::new([0xff; 32]), Digest::new([[0xff; 31].as_slice(), &[0xfe]].concat().try_into().unwrap()));
    let mut stored = Stored::default();
    let top = stored.set([(one, head(1)), (other, head(2))]);
    assert_eq!(top, naive(&BTreeMap::from([(one, head(1)), (other, head(2))]), 0));
    let proof = MapProof::of(&stored, &other).unwrap();
    assert_eq!(proof.siblings.len(), DEPTH_MAX);
    assert_eq!(proof.verify(&other, &top), Some(Some(head(2))));
    assert_eq!(MapProof::parse(&proof.to_string()), Some(proof));
    assert_eq!(Cell::from_bytes(&[0; 47]), None);
}

#[test]
fn a_proof_has_one_text() {
    let leaf = key(1).to_base64();
    let good = format!("sceau-map-proof-v1\nleaf {leaf} 1 2\n{leaf}\n");
    assert!(MapProof::parse(&good).is_some());
    for (from, to) in [
        ("v1", "v2"),
        ("leaf ", "leaf  "),
        (" 2\n", " 02\n"),
        (" 2\n", " 2 \n"),
        (" 2\n", "\n"),
        ("=\n", "=\n\n"),
        (" 1", " +1"),
    ] {
        assert_eq!(MapProof::parse(&good.replacen(from, to, 1)), None, "{to:?}");
    }
    assert_eq!(MapProof::parse(good.trim_end()), None);
    assert_eq!(MapProof::parse(&format!("sceau-map-proof-v1\nempty\n{}", format!("{leaf}\n").repeat(257))), None);
}

proptest! {
    #[test]
    fn the_root_does_not_know_the_order(mut numbers in prop::collection::vec((0..40u8, 0..9u64), 1..60)) {
        // Keys of few bits, so that they share long prefixes.
        let heads = |numbers: &[(u8, u64)]| -> Vec<(Digest, Head)> {
            numbers.iter().map(|(n, last)| (Digest::new([n & 7; 32].map(|b| if n & 8 == 0 { b } else { b ^ n >> 4 })), head(*last))).collect()
        };
        let (mut one, mut steps) = (Stored::default(), Stored::default());
        let at_once = one.set(heads(&numbers));
        let mut last = EMPTY;
        for head in heads(&numbers) {
            last = steps.set([head]);
        }
        prop_assert_eq!(at_once, last);
        let wanted: BTreeMap<Digest, Head> = heads(&numbers).into_iter().collect();
        prop_assert_eq!(at_once, naive(&wanted, 0));
        // Another order of the same final heads.
        numbers.reverse();
        let mut other = Stored::default();
        let order: Vec<_> = heads(&numbers).into_iter().map(|(key, _)| (key, wanted[&key])).collect();
        prop_assert_eq!(other.set(order), at_once);
    }
}
