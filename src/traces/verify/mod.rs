//! The officer's judgement of a ledger or an archive: entries, proofs and checkpoints in, named findings out.

pub mod archive;
pub mod finding;
mod in_force;
pub mod judge;
mod outcomes;
mod points;
#[cfg(test)]
mod tests;

use self::finding::Finding;
use crate::traces::audit::Generation;
use crate::vihf::instant::Instant;

/// Most findings that are kept. Reason: one alteration may break thousands of links; the first ones tell.
pub const FINDINGS_MAX: usize = 1000;

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Everything amiss, in the order it was met; good if empty.
    pub findings: Vec<Finding>,
    /// Entries that were read.
    pub entries: u64,
    /// Entries that a trusted checkpoint vouches for. Those after it are consistent in themselves, and no more.
    pub covered: u64,
    /// Whether rollback and fork were judged against a checkpoint that the officer kept. If not: say "not checked".
    pub since_checked: bool,
    /// Restorations that a whole ledger declares, the oldest first.
    pub restorations: Vec<Restoration>,
}

/// A restoration, or another going on from an older copy, as its ledger declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// The generation that it began.
    pub generation: Generation,
    /// What it went on from.
    pub from: From,
    /// Index of the declaration: how many entries were restored.
    pub entries: u64,
    /// When it was declared.
    pub at: Instant,
    /// The entry of the order by which two persons acknowledged it.
    pub acknowledged: Option<u64>,
}

/// What a generation goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A backup.
    Backup,
    /// A copy that its counter contradicted, by the order of two (`counter-accept`).
    OlderCopy,
}

impl Verdict {
    /// Whether nothing is amiss.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}
