//! The ledger's durable store: no trace, no token.
//!
//! | file | noun |
//! |---|---|
//! | `store`, `batch` | the SQLite file and its transactions: rows in, rows out |
//! | `secrets` | the ledger's keys: what identities are looked up and encrypted by |
//! | `writer` | the thread that commits: whatever waits goes into one commit |
//! | `draft` | the entries of one commit: identities sealed, chains linked, leaves hashed |
//! | `line` | one thing to be written, and the proof that it was |
//!
//! What is promised: an entry that was answered for is on the disk (WAL, `synchronous=FULL`), its nonce in the same
//! commit; a crash leaves a prefix of what was written, never a part of an entry.

mod batch;
mod draft;
mod line;
mod secrets;
mod store;
mod writer;

pub use line::{Kept, Line, Nonce, Recorded, Written};
pub use store::StoreError;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::traces::entry::event::Event;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;
use secrets::Secrets;
use store::Store;
use writer::{Job, Writer};

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

/// What the ledger knew when it was opened.
#[derive(Debug, Default)]
pub struct Restored {
    /// Nonces whose window is still open: Unix user, mark, end of the window.
    pub nonces: Vec<Nonce>,
    /// Sessions that had not ended.
    pub sessions: Vec<Kept>,
}

/// The ledger, open; entries go in order through one thread.
#[derive(Debug)]
pub struct Ledger {
    jobs: Option<Sender<Job>>,
    size: Arc<AtomicU64>,
    health: Arc<AtomicU8>,
    thread: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Opens the ledger in `folder`, makes it if there is none, and writes the entry of this start.
    ///
    /// After `Ok` the start is on the disk. What a crash left is repaired by SQLite (a batch is there or not); what cannot be
    /// repaired is told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(
        folder: &Path,
        start: Event<PsIdNat, Patient>,
        now: Instant,
    ) -> Result<(Self, Restored), StoreError> {
        let secrets = Secrets::open(folder)?;
        let store = Store::open(&folder.join("ledger.sqlite"))?;
        let mut writer = Writer::new(store, secrets)?;
        let restored = writer.restore(now)?;
        writer.start(start, now)?;
        let (jobs, queue) = mpsc::channel();
        let (size, health) = (writer.size(), writer.health());
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(StoreError::System)?;
        Ok((Self { jobs: Some(jobs), size, health, thread: Some(thread) }, restored))
    }

    /// Entries on the disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Why the last commit failed, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<NotRecorded> {
        writer::trouble(self.health.load(Ordering::Acquire))
    }

    /// Writes one line and waits until it is on the disk.
    ///
    /// # Errors
    /// [`NotRecorded`]: nothing of the line is in the ledger, but for [`NotRecorded::Broken`], where nobody knows.
    pub async fn write(&self, line: Line) -> Result<Written, NotRecorded> {
        let (reply, answer) = oneshot::channel();
        self.send(Job { line, reply: Some(reply) })?;
        answer.await.unwrap_or(Err(NotRecorded::Broken))
    }

    /// Writes the trace of `payload` and gives the proof that it is on the disk.
    ///
    /// # Errors
    /// As [`Ledger::write`]; the payload is gone.
    pub async fn record<T>(&self, line: Line, payload: T) -> Result<Recorded<T>, NotRecorded> {
        let written = self.write(line).await?;
        Ok(Recorded::new(payload, written))
    }

    /// Queues a line for the next commit without waiting for it: what a crash loses of these is told at the next start.
    pub fn note(&self, line: Line) {
        // A thread that is gone has left its trouble behind.
        let _ = self.send(Job { line, reply: None });
    }

    fn send(&self, job: Job) -> Result<(), NotRecorded> {
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(NotRecorded::Broken)
    }
}

impl Drop for Ledger {
    /// Ends in good order: what was queued is committed, then the entry of the stop.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
