//! The checkpoints that a ledger is held against, in the order of their sizes.

use super::Verdict;
use super::finding::Finding;
use crate::traces::checkpoint::{Checkpoint, SignedCheckpoint};

/// Trusted checkpoints that are still ahead, the nearest last.
#[derive(Debug)]
pub(super) struct Points {
    ahead: Vec<(Checkpoint, Whose)>,
}

/// Who kept a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// The ledger itself.
    Ledger,
    /// The officer.
    Officer,
}

impl Points {
    /// Orders them; two of one size that differ are a fork, whatever the entries.
    pub(super) fn new(own: Vec<SignedCheckpoint>, kept: Option<SignedCheckpoint>, verdict: &mut Verdict) -> Self {
        let own = own.into_iter().map(|signed| (signed.checkpoint().clone(), Whose::Ledger));
        let kept = kept.map(|signed| (signed.checkpoint().clone(), Whose::Officer));
        let mut ahead: Vec<_> = own.chain(kept).collect();
        ahead.sort_by_key(|(checkpoint, whose)| std::cmp::Reverse((checkpoint.size, *whose)));
        for pair in ahead.windows(2) {
            if let [(one, _), (other, _)] = pair
                && one.size == other.size
                && one != other
                // Two generations are two histories, of which each says so itself.
                && one.origin() == other.origin()
            {
                verdict.add(Finding::Forked { size: one.size });
            }
        }
        Self { ahead }
    }

    /// The next checkpoint of this size; those that a gap left behind are forgotten.
    pub(super) fn at(&mut self, size: u64) -> Option<(Checkpoint, Whose)> {
        while self.ahead.pop_if(|(checkpoint, _)| checkpoint.size < size).is_some() {}
        self.ahead.pop_if(|(checkpoint, _)| checkpoint.size == size)
    }

    /// The largest one that the entries did not reach.
    pub(super) fn beyond(&self) -> Option<&(Checkpoint, Whose)> {
        self.ahead.first()
    }

    /// Whether the officer's own is among those not reached.
    pub(super) fn officers_beyond(&self) -> Option<&Checkpoint> {
        self.ahead.iter().find(|(_, whose)| *whose == Whose::Officer).map(|(checkpoint, _)| checkpoint)
    }
}
