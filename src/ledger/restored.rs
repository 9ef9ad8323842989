//! What the ledger knew when it was opened.

use crate::traces::digest::Digest;
use crate::traces::entry::word::Word;
use crate::vihf::instant::Instant;

use super::instance::Instance;
use super::line::Written;
use super::lost::Lost;

/// What the ledger knew when it was opened.
#[derive(Debug, Default)]
pub struct Restored {
    /// Nonces whose window is still open.
    pub nonces: Vec<Spent>,
    /// Sessions that had not ended.
    pub sessions: Vec<Kept>,
    /// Assertions that may still be reported on, the oldest first.
    pub issued: Vec<Reportable>,
    /// Which ledger this is.
    pub instance: Instance,
    /// Which proofs of login may have been spent in a part that was lost.
    pub lost: Option<Lost>,
    /// Marks of the orders that were obeyed, or judged in full.
    pub orders: Vec<Digest>,
    /// Content of each register that an order made.
    pub registers: Vec<(String, Vec<u8>)>,
}

/// Nonces of one application that were spent at about the same time, whatever became of their requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The application as its register named it.
    pub application: Word,
    /// From then on no session of their time can live.
    pub until: Instant,
    /// SHA-256 of application and nonce, each.
    pub marks: Vec<Digest>,
}

/// A session that survives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of its secret.
    pub secret: Digest,
    /// Unix user of the application.
    pub uid: u32,
    /// The entry that opened it.
    pub entry: u64,
    /// The practitioner's chain.
    pub chain: Digest,
    /// When it ends.
    pub ends: Instant,
    /// What it was opened with, in the daemon's own form; encrypted on the disk.
    pub body: Vec<u8>,
}

/// An assertion of before a restart that was handed over, or may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reportable {
    /// The application as its register named it.
    pub application: Word,
    /// The assertion's `@ID`.
    pub id: Word,
    /// Its entry and chain.
    pub written: Written,
    /// Whether it left is not known: from then on it counts as expired, and nothing can be said of it any more.
    pub until: Option<Instant>,
}
