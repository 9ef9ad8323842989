//! A ledger like the daemon's, to be spoilt in every way: each is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archives;
mod entries;
mod histories;
mod receipts;
mod restorations;

use std::collections::BTreeMap;
use std::convert::Infallible;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::judge::Judge;
use super::outcomes::DISPOSITION_DELAY_MS_MAX;
use super::*;
use crate::traces::chain::{Complete, Incomplete};
use crate::traces::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::traces::digest::Digest;
use crate::traces::entry::clear::{Clear, DataKeys};
use crate::traces::entry::event::*;
use crate::traces::entry::identity::Iv;
use crate::traces::entry::key::DataKey;
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

const ORIGIN: &str = "example.fr/journal/1";

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

/// Each practitioner's own data key.
fn practitioner_secret(of: Option<Digest>) -> (u64, [u8; 32]) {
    let n = (1..9).find(|n| of == Some(lookup(*n))).unwrap_or_default();
    (10 + u64::from(n), [n as u8; 32])
}

fn practitioner_key(of: Option<Digest>) -> DataKey {
    let (id, key) = practitioner_secret(of);
    DataKey::new(id, key)
}

fn patient_key() -> DataKey {
    DataKey::new(2, [30; 32])
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
        let (who, whose) = (practitioner_key(practitioner), patient_key());
        let iv = |field| Iv([self.seed, field, index as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let keys = DataKeys { practitioner: Some((&who, iv(1))), patient: Some((&whose, iv(2))) };
        let clear = Clear { time: Instant::from_ms(self.now), boot: self.boot, event };
        let lookups = clear.lookups(&sample::lookup_key());
        let entry = clear.seal(index, link, lookups, keys).unwrap();
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
        self.unsigned_as(ORIGIN)
    }

    fn unsigned_as(&self, origin: &str) -> Checkpoint {
        let root = grown(&self.hashes()).0.root();
        let map = Stored::default().set(self.heads.clone());
        Checkpoint::new(origin, self.leaves.len() as u64, root, map).unwrap()
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
}
