//! The ledger's durable store: no trace, no token.
//!
//! **The entries are the log; everything else is a view of it.** A commit writes entries, the edge, new data keys, and what
//! cannot be derived (the bodies of sessions). Tiles of the tree, heads of chains, nonces, patients and pending assertions are
//! written by the fold, sorted, aside from the way of a token, and made anew from the entries behind it at a start.
//!
//! | file | noun |
//! |---|---|
//! | `store`, `batch` | the SQLite file and the transaction of a commit |
//! | `secrets`, `epochs`, `key_file`, `keys`, `keyed` | the ledger's keys: what identities are looked up and encrypted by; those in memory |
//! | `retention`, `destruction` | whose term is over; a purge from the side of who ordered it |
//! | `purge`, `purge_rows`, `purge_task` | destruction in steps between two commits: its stages, its rows, what it is asked |
//! | `backup`, `backup_segment`, `backup_state`, `escrow`, `restore` | what leaves for a backup, and the keys that travel apart |
//! | `line`, `notes` | one thing to be written, and the proof that it was; things that nobody waits for |
//! | `draft` | the entries of one commit: identities sealed, chains linked, leaves hashed |
//! | `change`, `views` | what an entry changes in the views; the views in the writer's memory |
//! | `fold`, `copying` | the views on the disk, written in batches; SQLite's log copied into its database |
//! | `recovery`, `restored`, `startup` | a start: log, edge and views held against each other; what survived; what it tells |
//! | `handle`, `opening` | the open ledger; how it is opened |
//! | `writer`, `thread`, `answers` | what is committed; who commits it, and when; who is told |
//! | `reader`, `tree` | a snapshot for who reads beside the writer; its proofs |
//! | `checkpoints` | what was signed of it, kept beside it; receipts |
//! | `lock`, `begun`, `trouble`, `guards` | one writer for each folder; the mark of a first start; its health; its clock and reserve |
//! | [`counter`], `reserve` | what tells it from an older copy; room kept for what is under way |
//! | [`export`] | the ledger as it was at one checkpoint: archives are made from it |
//! | `instance` | which ledger this is: what orders name |
//! | `registers`, `memories` | the registers that orders change, and the orders that are used up; what is remembered in a word |
//! | `lost`, `stepped_back` | which proofs a lost part may have spent; how far time was taken back by one person's word |
//!
//! What is promised: an entry that was answered for is on the disk (WAL, `synchronous=FULL`), and its nonce is in it; a crash
//! leaves a prefix of what was written, never a part of an entry.

mod answers;
pub mod attested;
mod backup;
mod backup_segment;
mod backup_state;
#[cfg(test)]
mod backup_tests;
mod batch;
mod begun;
mod change;
mod checkpoints;
mod copying;
pub mod counter;
mod destruction;
mod draft;
mod epochs;
mod escrow;
pub mod export;
mod fold;
mod guards;
mod handle;
mod instance;
mod key_file;
mod keyed;
mod keys;
mod line;
mod lock;
mod lost;
mod memories;
mod notes;
mod opening;
mod purge;
mod purge_rows;
mod purge_task;
#[cfg(test)]
mod purge_tests;
mod reader;
mod recovery;
mod registers;
mod reserve;
mod restore;
mod restored;
mod retention;
#[cfg(test)]
mod retention_tests;
mod secrets;
mod startup;
mod stepped_back;
mod store;
#[cfg(test)]
mod tests;
mod thread;
mod tree;
mod trouble;
mod views;
mod writer;

pub use backup::{BackedUp, NotBackedUp, SegmentLimits, backup, backup_goes_on, escrow};
pub use backup_segment::SegmentError;
pub use change::SPENT_PROOFS;
pub use destruction::{Decided, Purger, due, known_patients};
pub use escrow::{Escrow, NotAnEscrow};
pub use guards::Guards;
pub use handle::Ledger;
pub use instance::Instance as LedgerInstance;
pub use line::{Line, Recorded, Written};
pub use lost::Lost;
pub use purge_rows::Counts;
pub use purge_task::{Destroyed, NotPurged};
pub use reader::{Chain, Reader};
pub use restore::{Against, NotRestored, RestoredLedger, restore};
pub use restored::{Kept, Reportable, Restored, Spent};
pub use retention::Tally;
pub use startup::{RegisterFile, Startup};
pub use store::{Edge, StoreError};
pub use tree::LeafTree;

use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// Why nothing was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The disk is full; heals when there is room.
    #[error("no space for the ledger")]
    Space,
    /// The ledger cannot be written now, and nothing of it is in doubt: read-only, locked.
    #[error("the ledger cannot be written")]
    Unavailable,
    /// What the disk holds is in doubt: halt.
    #[error("the ledger is broken")]
    Broken,
}

/// What the ledger was at one moment: what a checkpoint is signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Number of entries, all on the disk.
    pub size: u64,
    /// Root of the Merkle tree.
    pub root: Digest,
    /// Root of the Merkle map of heads.
    pub map: Digest,
    /// The newest entry's.
    pub time: Instant,
}
