//! A ledger like the daemon's, and every way to spoil it: each is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::convert::Infallible;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::extract::{Extract, Row, Since};
use super::judge::Judge;
use super::outcomes::DISPOSITION_DELAY_MS_MAX;
use super::*;
use crate::traces::chain::{Complete, Incomplete};
use crate::traces::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::traces::digest::Digest;
use crate::traces::entry::clear::{Clear, DataKeys};
use crate::traces::entry::event::*;
use crate::traces::entry::identity::{DataKey, Iv};
use crate::traces::entry::outcome::Outcome;
use crate::traces::entry::tests as sample;
use crate::traces::entry::{Entry, Head, Link};
use crate::traces::map::proof::MapProof;
use crate::traces::map::tests::Stored;
use crate::traces::merkle::frontier::Frontier;
use crate::traces::merkle::tests::grown;
use crate::traces::merkle::{leaf_hash, prove};
use crate::traces::note::key::VerifierKey;
use crate::traces::receipt::{Receipt, ReceiptError};
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

const ORIGIN: &str = "example.fr/journal";

/// A ledger in memory, written as the daemon writes it.
#[derive(Clone)]
struct Ledger {
    leaves: Vec<Vec<u8>>,
    heads: BTreeMap<Digest, Head>,
    notes: Vec<String>,
    now: i64,
    boot: u64,
    seed: u8,
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn key(seed: u8) -> VerifierKey {
    VerifierKey::ed25519(ORIGIN, pair(seed).public_key().as_ref()).unwrap()
}

fn lookup(n: u32) -> Digest {
    sample::lookup_key().practitioner(&sample::practitioner(n))
}

impl Ledger {
    /// Two practitioners; each session, issue and outcome; a restart; checkpoints at 6, 11 and the end, 16.
    fn new() -> Self {
        let mut ledger = Self {
            leaves: vec![],
            heads: BTreeMap::new(),
            notes: vec![],
            now: 1_800_000_000_000,
            boot: 0,
            seed: 1,
        };
        ledger.start();
        let session = ledger.open(1);
        let first = ledger.issue(1, session);
        let second = ledger.issue(1, session);
        ledger.outcome(1, first, Outcome::Released);
        ledger.outcome(1, second, Outcome::Failed);
        ledger.checkpoint();
        ledger.outcome(1, first, Outcome::Accepted);
        let other = ledger.open(2);
        let third = ledger.issue(2, other);
        ledger.write(Some(lookup(2)), sample::refused(Some(2), 1));
        ledger.write(None, sample::refused(None, 500));
        ledger.checkpoint();
        ledger.start();
        ledger.outcome(2, third, Outcome::Expired);
        let fourth = ledger.issue(1, session);
        ledger.outcome(1, fourth, Outcome::Released);
        ledger.write(None, Event::Stop);
        ledger.checkpoint();
        ledger
    }

    fn write(&mut self, practitioner: Option<Digest>, event: Event<PsIdNat, Patient>) -> u64 {
        let index = self.leaves.len() as u64;
        self.now += 1000;
        let link = practitioner.map(|key| Link::after(key, self.heads.get(&key).copied()));
        let (who, whose) = (DataKey::new(1, [2; 32]), DataKey::new(2, [3; 32]));
        let iv = |field| Iv([self.seed, field, index as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let keys = DataKeys { practitioner: Some((&who, iv(1))), patient: Some((&whose, iv(2))) };
        let clear = Clear { time: Instant::from_ms(self.now), boot: self.boot, event };
        let entry = clear.seal(index, link, &sample::lookup_key(), keys).unwrap();
        if let Some(link) = link {
            self.heads.insert(link.practitioner, link.head(index));
        }
        self.leaves.push(entry.encode().unwrap());
        index
    }

    fn start(&mut self) {
        self.boot += 1;
        self.write(None, sample::start());
    }

    fn open(&mut self, n: u32) -> u64 {
        let opened =
            SessionOpened { setting: sample::setting(n), expires: Instant::from_ms(self.now + 3_600_000) };
        self.write(Some(lookup(n)), Event::SessionOpened(Box::new(opened)))
    }

    fn issue(&mut self, n: u32, session: u64) -> u64 {
        self.write(Some(lookup(n)), sample::issued(n, session))
    }

    fn outcome(&mut self, n: u32, of: u64, outcome: Outcome) {
        self.write(Some(lookup(n)), Event::Outcome(OutcomeOf { of, outcome }));
    }

    fn hashes(&self) -> Vec<Digest> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    fn unsigned(&self) -> Checkpoint {
        let root = grown(&self.hashes()).0.root();
        let map = Stored::default().set(self.heads.clone());
        Checkpoint::new(ORIGIN, self.leaves.len() as u64, root, map).unwrap()
    }

    fn signed(&self) -> SignedCheckpoint {
        let sign = |text: &[u8]| Ok::<_, Infallible>(pair(9).sign(text).as_ref().to_vec());
        self.unsigned().sign(&key(9), sign).unwrap()
    }

    fn checkpoint(&mut self) {
        let note = self.signed().note().to_string();
        self.notes.push(note);
    }

    fn verdict(&self, kept: Option<SignedCheckpoint>) -> Verdict {
        let mut judge = Judge::new(ORIGIN, &[key(9)], self.notes.iter().map(String::as_str), kept);
        self.leaves.iter().for_each(|leaf| judge.take(leaf));
        judge.finish()
    }

    fn rules(&self, kept: Option<SignedCheckpoint>) -> Vec<&'static str> {
        self.verdict(kept).findings.iter().map(Finding::rule).collect()
    }

    /// Re-encodes an entry with a change, as a forger with the format at hand would.
    fn edit(&mut self, index: usize, change: impl FnOnce(&mut Entry)) {
        let mut entry = Entry::decode(&self.leaves[index]).unwrap();
        change(&mut entry);
        self.leaves[index] = entry.encode().unwrap();
    }

    /// Everything of practitioner `n`.
    fn extract(&self, n: u32) -> Extract {
        let (_, nodes) = grown(&self.hashes());
        let size = self.leaves.len() as u64;
        let mut map = Stored::default();
        map.set(self.heads.clone());
        let rows = (0..size)
            .zip(&self.leaves)
            .filter(|(_, leaf)| {
                Entry::decode(leaf).unwrap().link.is_some_and(|link| link.practitioner == lookup(n))
            })
            .map(|(index, leaf)| Row { leaf: leaf.clone(), proof: prove::inclusion(&nodes, index, size).unwrap() })
            .collect();
        let practitioner = Some((lookup(n), MapProof::of(&map, &lookup(n)).unwrap()));
        Extract { rows, note: self.signed().note().to_string(), practitioner }
    }
}

#[test]
fn a_ledger_as_it_was_written_is_good() {
    let ledger = Ledger::new();
    let verdict = ledger.verdict(None);
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.covered, verdict.since_checked), (16, 16, false));
    let mut longer = ledger.clone();
    longer.write(None, Event::Stop);
    let verdict = longer.verdict(Some(ledger.signed()));
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.covered, verdict.since_checked), (17, 16, true));
}

#[test]
fn an_altered_entry_is_named() {
    for index in 0..16 {
        let mut ledger = Ledger::new();
        ledger.edit(index, |entry| entry.time = entry.time.plus_ms(1));
        let (from, to) = match index {
            0..6 => (0, 5),
            6..11 => (6, 10),
            _ => (11, 15),
        };
        assert_eq!(ledger.verdict(None).findings, [Finding::Altered { from, to }], "{index}");
    }
}

#[test]
fn every_byte_of_every_leaf_counts() {
    let ledger = Ledger::new();
    for index in 0..16 {
        for at in 0..ledger.leaves[index].len() {
            let mut spoilt = ledger.clone();
            spoilt.leaves[index][at] ^= 1;
            assert!(!spoilt.verdict(None).is_good(), "{index} {at}");
        }
    }
}

#[test]
fn a_deleted_entry_is_named() {
    for index in 0..15 {
        let mut ledger = Ledger::new();
        ledger.leaves.remove(index);
        let index = index as u64;
        let findings = ledger.verdict(None).findings;
        assert_eq!(findings[0], Finding::Missing { from: index, to: index }, "{index}");
    }
}

#[test]
fn changed_order_is_named() {
    for index in 0..15 {
        let mut ledger = Ledger::new();
        ledger.leaves.swap(index, index + 1);
        assert!(ledger.rules(None).contains(&"entry-out-of-order"), "{index}");
    }
    let mut ledger = Ledger::new();
    ledger.leaves.insert(3, ledger.leaves[2].clone());
    assert_eq!(ledger.rules(None), ["entry-out-of-order"]);
}

#[test]
fn a_cut_end_is_named() {
    let mut ledger = Ledger::new();
    ledger.leaves.truncate(13);
    assert_eq!(ledger.verdict(None).findings, [Finding::Truncated { entries: 13, signed: 16 }]);
    ledger.leaves.clear();
    assert_eq!(ledger.rules(None), ["ledger-truncated"]);
    ledger.notes.clear();
    assert_eq!(ledger.rules(None), ["checkpoint-missing"]);
}

#[test]
fn a_rollback_is_seen_with_a_kept_checkpoint_alone() {
    let kept = Ledger::new().signed();
    let mut old = Ledger::new();
    // An older state as a whole: consistent in itself.
    old.leaves.truncate(11);
    old.notes.truncate(2);
    assert_eq!(old.rules(None), [""; 0]);
    assert_eq!(old.verdict(Some(kept)).findings, [Finding::RolledBack { entries: 11, kept: 16 }]);
}

#[test]
fn a_fork_is_named() {
    let kept = Ledger::new().signed();
    let mut other = Ledger::new();
    other.leaves.truncate(15);
    other.notes.truncate(2);
    other.now += 5;
    other.write(None, Event::Stop);
    other.checkpoint();
    assert_eq!(other.rules(None), [""; 0], "consistent in itself");
    assert_eq!(other.verdict(Some(kept.clone())).findings, [Finding::Forked { size: 16 }]);
    // Grown since, so that no size is the same.
    other.write(None, sample::refused(None, 3));
    other.notes.pop();
    other.checkpoint();
    assert_eq!(other.verdict(Some(kept.clone())).findings, [Finding::Forked { size: 16 }]);
    // Both signed by the ledger itself.
    other.notes.push(kept.note().to_string());
    assert!(other.rules(None).contains(&"entries-altered"));
    let mut two = Ledger::new();
    two.notes.push(Ledger { now: 0, ..two.clone() }.forked_note());
    assert_eq!(two.rules(None)[0], "ledger-forked");
}

impl Ledger {
    /// A checkpoint of the same size over another history.
    fn forked_note(mut self) -> String {
        self.edit(15, |entry| entry.time = entry.time.plus_ms(1));
        self.signed().note().to_string()
    }
}

#[test]
fn spliced_entries_are_named() {
    // The end of another life of the ledger: its indexes go on, its boot generation does not.
    let mut other = Ledger::new();
    other.seed = 2;
    other.leaves.truncate(12);
    other.boot = 9;
    other.heads.insert(lookup(2), Head { last: 8, count: 2 });
    other.outcome(2, 8, Outcome::Expired);
    let mut ledger = Ledger::new();
    ledger.leaves[12] = other.leaves[12].clone();
    let rules = ledger.rules(None);
    assert!(rules.contains(&"ledger-spliced") && rules.contains(&"practitioner-chain-broken"), "{rules:?}");
    // A start that goes back.
    let mut ledger = Ledger::new();
    ledger.edit(11, |entry| entry.boot = 1);
    assert!(ledger.rules(None).contains(&"ledger-spliced"));
    // A ledger without its first start.
    let mut ledger = Ledger::new();
    ledger.edit(0, |entry| *entry = Entry { event: Event::Stop, ..entry.clone() });
    assert!(ledger.rules(None).contains(&"ledger-spliced"));
}

#[test]
fn a_forged_checkpoint_is_named() {
    let ledger = Ledger::new();
    let mut forged = ledger.clone();
    forged.notes[1] = forged.notes[1].replacen("\n11\n", "\n12\n", 1);
    assert_eq!(forged.rules(None), ["checkpoint-forged"]);
    // Another key of the same name; another ledger's.
    let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let sign = |text: &[u8]| Ok::<_, Infallible>(other.sign(text).as_ref().to_vec());
    let note = ledger.unsigned().sign(&key(8), sign).unwrap().note().to_string();
    let forged = Ledger { notes: vec![note], ..ledger.clone() };
    assert_eq!(forged.rules(None), ["checkpoint-forged", "checkpoint-missing"]);
    let error = SignedCheckpoint::open(&ledger.notes[0], "example.fr/autre", &[key(9)]).unwrap_err();
    assert!(matches!(error, CheckpointError::Note(_)));
}

#[test]
fn time_that_goes_back_is_named() {
    let mut ledger = Ledger::new();
    ledger.edit(13, |entry| entry.time = entry.time.minus_ms(3000));
    assert!(ledger.rules(None).contains(&"time-went-back"));
}

#[test]
fn a_map_that_hides_somebody_is_named() {
    let mut ledger = Ledger::new();
    ledger.heads.insert(lookup(1), Head { last: 5, count: 3 });
    ledger.notes.pop();
    ledger.checkpoint();
    assert_eq!(ledger.verdict(None).findings, [Finding::MapAltered { size: 16 }]);
}

/// A ledger re-signed by one who holds the audit key and strips outcomes as he writes.
#[test]
fn an_outcome_that_was_never_written_is_named() {
    let mut ledger = Ledger::new();
    let stripped = ledger.issue(1, 1);
    ledger.checkpoint();
    assert_eq!(ledger.rules(None), [""; 0], "not yet due");
    ledger.now += DISPOSITION_DELAY_MS_MAX as i64;
    // A start first recovers: from then on the outcome has its time again.
    ledger.start();
    ledger.now += DISPOSITION_DELAY_MS_MAX as i64 - 1000;
    ledger.write(None, sample::refused(None, 2));
    ledger.checkpoint();
    assert_eq!(ledger.rules(None), [""; 0]);
    ledger.now += 1000;
    ledger.write(None, sample::refused(None, 2));
    ledger.checkpoint();
    assert_eq!(ledger.verdict(None).findings, [Finding::OutcomeMissing { of: stripped }]);
}

#[test]
fn an_outcome_that_cannot_be_is_named() {
    let good = Ledger::new();
    for (of, outcome) in [
        (2, Outcome::Released),
        (2, Outcome::Failed),
        (3, Outcome::Accepted),
        (8, Outcome::Spent),
        (0, Outcome::Released),
        (0, Outcome::Unused),
    ] {
        let mut ledger = good.clone();
        ledger.outcome(1, of, outcome);
        ledger.checkpoint();
        assert_eq!(ledger.verdict(None).findings, [Finding::OutcomeMisplaced { at: 16, of }], "{of} {outcome:?}");
    }
    for outcome in [Outcome::Accepted, Outcome::Unused, Outcome::Spent] {
        let mut ledger = good.clone();
        ledger.outcome(1, 2, outcome);
        assert_eq!(ledger.rules(None), [""; 0]);
    }
}

#[test]
fn an_extract_of_a_practitioner_is_complete() {
    let ledger = Ledger::new();
    for (n, count) in [(1, 8), (2, 4)] {
        let extract = ledger.extract(n);
        assert_eq!(extract.rows.len() as u64, count);
        let (verdict, complete) = extract.judge(ORIGIN, &[key(9)], None);
        assert!(verdict.is_good(), "{:?}", verdict.findings);
        let head = ledger.heads.get(&lookup(n)).copied();
        assert_eq!(complete, Some(Complete { from_number: 1, head }));
    }
    let (verdict, complete) = ledger.extract(3).judge(ORIGIN, &[key(9)], None);
    assert!(verdict.is_good());
    assert_eq!(complete, Some(Complete { from_number: 0, head: None }));
    // A period: the oldest may be left out, and it is said.
    let mut extract = ledger.extract(1);
    extract.rows.drain(..3);
    let (verdict, complete) = extract.judge(ORIGIN, &[key(9)], None);
    assert!(verdict.is_good());
    assert_eq!(complete.unwrap().from_number, 4);
}

#[test]
fn a_missing_entry_of_an_extract_is_named_at_the_tail_too() {
    let ledger = Ledger::new();
    for missing in 1..8 {
        let mut extract = ledger.extract(1);
        extract.rows.remove(missing);
        let (verdict, complete) = extract.judge(ORIGIN, &[key(9)], None);
        let [Finding::Incomplete(incomplete)] = verdict.findings.as_slice() else { panic!("{missing}") };
        assert_eq!(complete, None);
        let number = missing as u64 + 1;
        match incomplete {
            Incomplete::Gap { number: named, .. } => assert_eq!(*named, number),
            Incomplete::Tail { shown, count } => assert_eq!((*shown, *count, number), (8, 8, 8)),
            other => panic!("{other:?}"),
        }
    }
    let none = Extract { rows: Vec::new(), ..ledger.extract(1) };
    let (verdict, _) = none.judge(ORIGIN, &[key(9)], None);
    assert_eq!(verdict.findings, [Finding::Incomplete(Incomplete::Tail { shown: 1, count: 8 })]);
}

#[test]
fn what_does_not_belong_to_an_extract_is_named() {
    let ledger = Ledger::new();
    let judged = |extract: &Extract| -> Vec<&'static str> {
        extract.judge(ORIGIN, &[key(9)], None).0.findings.iter().map(Finding::rule).collect()
    };
    let mut foreign = ledger.extract(1);
    foreign.rows.push(ledger.extract(2).rows.remove(1));
    assert_eq!(judged(&foreign), ["export-incomplete"]);
    let mut twice = ledger.extract(1);
    twice.rows.push(twice.rows[0].clone());
    assert_eq!(judged(&twice), ["export-incomplete"]);
    let mut altered = ledger.extract(1);
    let mut entry = Entry::decode(&altered.rows[2].leaf).unwrap();
    entry.time = entry.time.plus_ms(1);
    altered.rows[2].leaf = entry.encode().unwrap();
    assert_eq!(judged(&altered), ["entry-not-included", "export-incomplete"]);
    let mut swapped = ledger.extract(1);
    swapped.practitioner = ledger.extract(2).practitioner;
    assert_eq!(judged(&swapped), ["export-incomplete"]);
    let unknown = Extract { practitioner: ledger.extract(3).practitioner, ..ledger.extract(1) };
    assert_eq!(judged(&unknown), ["export-incomplete"]);
    let forged = Extract { note: ledger.notes[1].replace("\n11\n", "\n16\n"), ..ledger.extract(1) };
    assert_eq!(judged(&forged), ["checkpoint-forged"]);
    // The proof of an earlier map hides the newest entries; it does not lead to this checkpoint.
    let mut old = Stored::default();
    old.set([(lookup(1), Head { last: 6, count: 6 }), (lookup(2), ledger.heads[&lookup(2)])]);
    let mut hiding = ledger.extract(1);
    hiding.rows.truncate(6);
    hiding.practitioner = Some((lookup(1), MapProof::of(&old, &lookup(1)).unwrap()));
    let (verdict, _) = hiding.judge(ORIGIN, &[key(9)], None);
    assert_eq!(verdict.findings, [Finding::Incomplete(Incomplete::Map)]);
}

#[test]
fn an_extract_is_held_against_a_kept_checkpoint() {
    let (mut before, now) = (Ledger::new(), Ledger::new());
    before.leaves.truncate(11);
    let kept = SignedCheckpoint::open(&now.notes[1], ORIGIN, &[key(9)]).unwrap();
    let (_, nodes) = grown(&now.hashes());
    let since = Since { kept, proof: prove::consistency(&nodes, 11, 16).unwrap() };
    let (verdict, _) = now.extract(1).judge(ORIGIN, &[key(9)], Some(&since));
    assert!(verdict.is_good() && verdict.since_checked);
    let older = Extract { note: now.notes[0].clone(), ..now.extract(1) };
    let (verdict, _) = older.judge(ORIGIN, &[key(9)], Some(&since));
    assert_eq!(verdict.findings[0], Finding::RolledBack { entries: 6, kept: 11 });
    let unproven = Since { proof: Vec::new(), ..since.clone() };
    let (verdict, _) = now.extract(1).judge(ORIGIN, &[key(9)], Some(&unproven));
    assert_eq!(verdict.findings, [Finding::Forked { size: 11 }]);
    let forked = Since { kept: SignedCheckpoint::open(&forked_at_11(&now), ORIGIN, &[key(9)]).unwrap(), ..since };
    let (verdict, _) = now.extract(1).judge(ORIGIN, &[key(9)], Some(&forked));
    assert_eq!(verdict.findings, [Finding::Forked { size: 11 }]);
}

fn forked_at_11(now: &Ledger) -> String {
    let mut other = now.clone();
    other.leaves.truncate(11);
    other.edit(10, |entry| entry.time = entry.time.plus_ms(1));
    other.signed().note().to_string()
}

#[test]
fn a_receipt_proves_its_entry_and_nothing_else() {
    let ledger = Ledger::new();
    let (frontier, nodes) = grown(&ledger.hashes());
    assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Some(frontier));
    for index in 0..16 {
        let receipt = Receipt {
            leaf: ledger.leaves[index as usize].clone(),
            index,
            proof: prove::inclusion(&nodes, index, 16).unwrap(),
            note: ledger.signed().note().clone(),
        };
        let text = receipt.to_string();
        assert_eq!(Receipt::parse(&text).unwrap(), receipt);
        assert_eq!(receipt.verify(ORIGIN, &[key(9)]).unwrap().index, index);
        let not_included = |receipt: Receipt| {
            assert!(matches!(receipt.verify(ORIGIN, &[key(9)]), Err(ReceiptError::NotIncluded)));
        };
        not_included(Receipt { index: (index + 1) % 16, ..receipt.clone() });
        not_included(Receipt { leaf: ledger.leaves[(index as usize + 1) % 16].clone(), ..receipt.clone() });
        not_included(Receipt { proof: receipt.proof[1..].to_vec(), ..receipt.clone() });
        assert!(receipt.verify(ORIGIN, &[key(8)]).is_err());
        for (from, to) in
            [("@v1", "@v2"), ("extra ", "extra  "), ("index ", "index 0"), ("\n\n", "\n"), ("=\n", "\n")]
        {
            assert!(Receipt::parse(&text.replacen(from, to, 1)).is_err(), "{to:?}");
        }
    }
}

#[test]
fn an_entry_that_claims_a_far_index_costs_no_memory() {
    let mut ledger = Ledger::new();
    ledger.edit(4, |entry| entry.index = u64::MAX);
    ledger.edit(8, |entry| entry.index = u64::MAX - 1);
    assert_eq!(ledger.verdict(None).findings[0], Finding::Missing { from: 4, to: u64::MAX - 1 });
}

#[test]
fn findings_have_their_own_rule_and_french_words() {
    let all = [
        Finding::Unreadable { at: 1, cause: "x".into() },
        Finding::Missing { from: 1, to: 2 },
        Finding::OutOfOrder { at: 1, index: 2 },
        Finding::TimeWentBack { at: 1 },
        Finding::Spliced { at: 1 },
        Finding::ChainBroken { at: 1 },
        Finding::OutcomeMisplaced { at: 1, of: 0 },
        Finding::OutcomeMissing { of: 0 },
        Finding::Altered { from: 0, to: 1 },
        Finding::MapAltered { size: 1 },
        Finding::CheckpointForged { cause: "x".into() },
        Finding::CheckpointMissing,
        Finding::Truncated { entries: 1, signed: 2 },
        Finding::RolledBack { entries: 1, kept: 2 },
        Finding::Forked { size: 1 },
        Finding::NotIncluded { index: 1 },
        Finding::Incomplete(Incomplete::Map),
    ];
    let rules: std::collections::BTreeSet<_> = all.iter().map(Finding::rule).collect();
    assert_eq!(rules.len(), all.len());
    assert!(all.iter().all(|finding| finding.to_string().len() > 30));
}
