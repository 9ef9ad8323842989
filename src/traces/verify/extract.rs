//! The judgement of an extract: some entries, each with its proof.

use super::Verdict;
use super::finding::Finding;
use crate::traces::chain::{Complete, complete};
use crate::traces::checkpoint::SignedCheckpoint;
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::map::proof::MapProof;
use crate::traces::merkle::{leaf_hash, verify};
use crate::traces::note::key::VerifierKey;

/// One entry of an extract.
#[derive(Clone, Debug)]
pub struct Row {
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// Inclusion proof in the tree of the extract's checkpoint.
    pub proof: Vec<Digest>,
}

/// Some entries of a ledger; nothing of it is trusted.
#[derive(Clone, Debug)]
pub struct Extract {
    /// The entries, in any order.
    pub rows: Vec<Row>,
    /// The signed checkpoint that the proofs lead to.
    pub note: String,
    /// For all entries of one practitioner: the keyed hash, and what the map says of it. An extract of one patient has
    /// none: each entry is proven, that there are no others is not.
    pub practitioner: Option<(Digest, MapProof)>,
}

/// The officer's kept checkpoint, and the proof that the extract's extends it.
#[derive(Clone, Debug)]
pub struct Since {
    /// What the officer kept.
    pub kept: SignedCheckpoint,
    /// Consistency proof from it to the extract's checkpoint.
    pub proof: Vec<Digest>,
}

impl Extract {
    /// Judges the extract; also gives how much of the practitioner's chain is proven complete.
    ///
    /// Trusts `keys`, the audit keys of the ledger `origin`, and the officer's checkpoint.
    #[must_use]
    pub fn judge(&self, origin: &str, keys: &[VerifierKey], since: Option<&Since>) -> (Verdict, Option<Complete>) {
        let mut verdict = Verdict { since_checked: since.is_some(), ..Verdict::default() };
        let signed = match SignedCheckpoint::open(&self.note, origin, keys) {
            Ok(signed) => signed,
            Err(cause) => {
                verdict.add(Finding::CheckpointForged { cause: cause.to_string() });
                return (verdict, None);
            }
        };
        if let Some(since) = since {
            judge_since(since, &signed, &mut verdict);
        }
        let entries = self.included(&signed, &mut verdict);
        let complete = self.practitioner.as_ref().and_then(|(practitioner, proof)| {
            complete(&entries, practitioner, proof, &signed)
                .map_err(|incomplete| verdict.add(Finding::Incomplete(incomplete)))
                .ok()
        });
        (verdict, complete)
    }

    /// The entries that are in the ledger, the newest first.
    fn included(&self, signed: &SignedCheckpoint, verdict: &mut Verdict) -> Vec<Entry> {
        let checkpoint = signed.checkpoint();
        let mut entries = Vec::new();
        for (row, at) in self.rows.iter().zip(0..) {
            verdict.entries += 1;
            match Entry::decode(&row.leaf) {
                Err(cause) => verdict.add(Finding::Unreadable { at, cause: cause.to_string() }),
                Ok(entry) => {
                    let leaf = leaf_hash(&row.leaf);
                    if verify::inclusion(&leaf, entry.index, checkpoint.size, &row.proof, &checkpoint.root) {
                        verdict.covered += 1;
                        entries.push(entry);
                    } else {
                        verdict.add(Finding::NotIncluded { index: entry.index });
                    }
                }
            }
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.index));
        entries
    }
}

fn judge_since(since: &Since, signed: &SignedCheckpoint, verdict: &mut Verdict) {
    let (kept, now) = (since.kept.checkpoint(), signed.checkpoint());
    if now.size < kept.size {
        verdict.add(Finding::RolledBack { entries: now.size, kept: kept.size });
    } else if !verify::consistency(kept.size, now.size, &since.proof, &kept.root, &now.root) {
        verdict.add(Finding::Forked { size: kept.size });
    }
}
