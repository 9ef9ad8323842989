//! A reader shows one moment, exactly, whether folded or not.

use super::*;
use crate::traces::entry::event::Event;
use crate::traces::map::tree::Tree;
use crate::traces::merkle::{leaf_hash, prove, verify};

#[test]
fn proofs_from_tiles_and_the_unfolded_tail_verify() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    fill(&ledger, 4700);
    let reader = ledger.reader().unwrap();
    let size = reader.edge().frontier.size();
    let (_, folded) = reader.store().edge().unwrap();
    assert!(folded.size >= 4096 && folded.size < size, "{folded:?} of {size}");
    let (tree, root) = (reader.tree(), reader.edge().frontier.root());
    assert_eq!(prove::root(&tree, size).unwrap(), root);
    let sizes = [1, 2, 255, 256, 257, 4095, 4096, 4097, folded.size - 1, folded.size, folded.size + 1, size];
    for (step, at) in sizes.into_iter().enumerate() {
        let then = prove::root(&tree, at).unwrap();
        let proof = prove::consistency(&tree, at, size).unwrap();
        assert!(verify::consistency(at, size, &proof, &then, &root), "{at}");
        for index in [0, at / 3, at / 2, at - 1, (at * 7919 + step as u64) % at] {
            let leaf = leaf_hash(&reader.leaf(index).unwrap());
            let proof = prove::inclusion(&tree, index, at).unwrap();
            assert!(verify::inclusion(&leaf, index, at, &proof, &then), "{index} of {at}");
            assert!(!verify::inclusion(&leaf, index, at, &proof, &leaf_hash(b"")), "{index} of {at}");
        }
    }
}

#[test]
fn heads_and_people_are_exact_at_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    fill(&ledger, 4500);
    let reader = ledger.reader().unwrap();
    let all = entries(&reader);
    let size = all.len() as u64;
    let (_, folded) = reader.store().edge().unwrap();
    assert!(folded.size < size, "{folded:?}");
    assert_eq!(reader.heads().unwrap(), heads(&all, size));
    for at in [0, 1, 5, PEOPLE.into(), 300, folded.size - 2, folded.size, folded.size + 2, size - 1] {
        assert_eq!(reader.heads_at(at).unwrap(), heads(&all, at), "{at}");
    }
    let patient = match sample::issued(0, 1) {
        Event::Issued(issued) => reader.lookup_key().patient(&issued.patient.unwrap()),
        _ => unreachable!(),
    };
    let theirs = all.iter().filter(|entry| entry.event.patient().is_some()).map(|entry| entry.index);
    assert_eq!(reader.of_patient(&patient).unwrap(), theirs.collect::<Vec<_>>());
    for n in 0..PEOPLE {
        let lookup = reader.lookup_key().practitioner(&sample::practitioner(n));
        let chain: Vec<_> = reader.of_practitioner(&lookup).unwrap().map(|entry| entry.unwrap().0).collect();
        let expected = all.iter().rev().filter(|e| e.link.is_some_and(|link| link.practitioner == lookup));
        assert!(chain.iter().eq(expected), "{n}");
        let key = reader.data_key(&lookup).unwrap().unwrap();
        let named = chain.iter().find_map(|entry| entry.practitioner(&key).unwrap()).unwrap();
        assert_eq!(named.as_str(), sample::practitioner(n).as_str());
    }
    let nobody = reader.lookup_key().practitioner(&sample::practitioner(99));
    assert!(
        reader.of_practitioner(&nobody).unwrap().next().is_none() && reader.data_key(&nobody).unwrap().is_none()
    );
}

#[test]
fn a_reader_does_not_see_what_is_written_later_and_a_snapshot_is_of_its_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    fill(&ledger, 100);
    let before = ledger.reader().unwrap();
    let size = before.edge().frontier.size();
    fill(&ledger, 4400);
    assert!(ledger.size() > size && before.leaf(size).is_err());
    assert_eq!(before.heads().unwrap(), heads(&entries(&before), size));
    let now = ledger.reader().unwrap();
    let snapshot = block(ledger.snapshot()).unwrap();
    assert_eq!((snapshot.size, snapshot.root), (now.edge().frontier.size(), now.edge().frontier.root()));
    assert_eq!(snapshot.time, now.edge().time);
    let mut map: Tree = now.heads().unwrap().into_iter().collect();
    assert_eq!(snapshot.map, map.root());
    // What a checkpoint of before was made of can be made again.
    let mut then: Tree = now.heads_at(size).unwrap().into_iter().collect();
    let mut kept: Tree = before.heads().unwrap().into_iter().collect();
    assert!(then.root() == kept.root() && then.root() != snapshot.map);
}
