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
//! | `fold` | the views on the disk, written in batches |
//! | `recovery`, `restored`, `startup` | a start: log, edge and views held against each other; what survived; what it tells |
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
pub mod counter;
mod destruction;
mod draft;
mod epochs;
mod escrow;
pub mod export;
mod fold;
mod guards;
mod instance;
mod key_file;
mod keyed;
mod keys;
mod line;
mod lock;
mod lost;
mod memories;
mod notes;
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

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::traces::digest::Digest;
use crate::traces::entry::event::{Configuration, Mandate};
use crate::traces::entry::key::LookupKey;
use crate::vihf::instant::Instant;
use counter::Intents;
use lock::Lock;
use notes::Notes;
use reserve::{Reserve, Room};
use secrets::Secrets;
use store::Store;
use thread::{Job, Thread};
use writer::Writer;

/// Name of the database in the ledger's folder.
const FILE: &str = "ledger.sqlite";

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

/// The ledger, open; entries go in order through one thread.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    jobs: Option<Sender<Job>>,
    notes: Arc<Notes>,
    size: Arc<AtomicU64>,
    health: Arc<AtomicU8>,
    room: Room,
    /// What the counter is to have reached.
    intent: Mutex<u64>,
    instance: Mutex<LedgerInstance>,
    thread: Option<JoinHandle<()>>,
    _lock: Lock,
}

impl Ledger {
    /// Opens the ledger in `folder`, makes it if there is none, and writes the entry of this start with what came into force
    /// since the last one; nonces are remembered for `window_ms`.
    ///
    /// After `Ok` the start is on the disk and no other process writes this ledger. What a crash left is repaired (a batch is
    /// there or not, views are made anew); what cannot be repaired is told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(
        folder: &Path,
        start: impl Into<Startup>,
        window_ms: u64,
        now: Instant,
    ) -> Result<(Self, Restored), StoreError> {
        Self::start(folder, start.into(), window_ms, Some(now), Guards::default())
    }

    /// The same under guards; the clock learns how new the newest entry is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_guarded(
        folder: &Path,
        start: impl Into<Startup>,
        window_ms: u64,
        guards: Guards,
    ) -> Result<(Self, Restored), StoreError> {
        Self::start(folder, start.into(), window_ms, None, guards)
    }

    fn start(
        folder: &Path,
        start: Startup,
        window_ms: u64,
        now: Option<Instant>,
        guards: Guards,
    ) -> Result<(Self, Restored), StoreError> {
        let lock = Lock::take(folder)?;
        let secrets = Secrets::open(folder)?;
        let file = folder.join(FILE);
        let was_begun = begun::is_marked(folder);
        // Judged before SQLite makes a new file in its place: nonces and traces would be gone, and nothing would tell.
        if was_begun && !file.exists() {
            return Err(StoreError::Broken("its database is gone"));
        }
        let store = Store::open(&file)?;
        let edge = store.edge()?.0;
        let is_empty = edge.frontier.size() == 0;
        if was_begun && is_empty {
            return Err(StoreError::Broken("its database is empty"));
        }
        // Before anything is forgotten by it: what a clock that is not believed calls over is not.
        if let Some(clock) = &guards.clock {
            clock.not_before((!is_empty).then_some(edge.time));
        }
        let now = now.unwrap_or_else(|| guards.now());
        let mut writer = Writer::new(store, secrets, window_ms, now)?;
        let restored = writer.restore(now)?;
        let instance = Mutex::new(writer.store.instance()?);
        writer.start(start, now)?;
        begun::mark(folder)?;
        // Beside the writer, as an officer would look at it.
        Reader::open(folder)?.recheck()?;
        let (jobs, queue) = mpsc::channel();
        let (size, health, notes) = (writer.size(), writer.health(), Arc::new(Notes::default()));
        let reserve = Reserve::new(folder, guards.reserve_len);
        let (room, intent) = (reserve.room(), Mutex::new(writer.intent()?));
        let thread = Thread::new(writer, Arc::clone(&notes), guards, reserve);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || thread.run(&queue))
            .map_err(StoreError::System)?;
        let ledger = Self {
            folder: folder.to_owned(),
            jobs: Some(jobs),
            notes,
            size,
            health,
            room,
            intent,
            instance,
            thread: Some(thread),
            _lock: lock,
        };
        Ok((ledger, restored))
    }

    /// Entries on the disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Why the last commit failed, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<NotRecorded> {
        trouble::of(self.health.load(Ordering::Acquire))
    }

    /// Writes one line and waits until it is on the disk.
    ///
    /// # Errors
    /// [`NotRecorded`]: nothing of the line is in the ledger, but for [`NotRecorded::Broken`], where nobody knows.
    pub async fn write(&self, line: Line) -> Result<Written, NotRecorded> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Line(line, reply))?;
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

    /// Hands on the answers of each commit together until the ledger is dropped: for the runtime of those who wait for them.
    /// Until it runs, and when it no longer does, each is woken by the writer's thread.
    pub fn hand_answers(&self) -> impl Future<Output = ()> + Send + 'static {
        let (answers, handing) = answers::Answers::together();
        // A thread that is gone gives no answers.
        let _ = self.send(Job::Answers(answers));
        handing.run()
    }

    /// Tells that another configuration or convention is in force from now on, by whose order if by one's. The next start
    /// tells it again only if it is not the same any more.
    ///
    /// An order that brings it into force has [`Line::configuration`] in its own commit instead.
    ///
    /// # Errors
    /// As [`Ledger::write`]: what was in force stays in force.
    pub async fn tell_configuration(
        &self,
        configuration: Digest,
        convention: Digest,
        mandate: Option<Mandate>,
    ) -> Result<Written, NotRecorded> {
        self.write(Line::configuration(Configuration { configuration, convention, mandate })).await
    }

    /// Leaves a line for the next commit without waiting for it, and for later ones while the disk refuses: what a crash loses
    /// of these is told at the next start.
    pub fn note(&self, line: Line) {
        if self.notes.add(line) {
            // A thread that is gone has left its trouble behind.
            let _ = self.send(Job::Notes);
        }
    }

    /// Writes what was noted, as far as the disk takes it: before a stop, so that the last checkpoint covers it.
    pub async fn settle(&self) {
        let (reply, answer) = oneshot::channel();
        if self.send(Job::Settle(reply)).is_ok() {
            let _ = answer.await;
        }
    }

    /// What the ledger is now: everything of it is on the disk.
    ///
    /// # Errors
    /// [`NotRecorded::Broken`]: the writer is gone.
    pub async fn snapshot(&self) -> Result<Snapshot, NotRecorded> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Snapshot(reply))?;
        answer.await.map_err(|_| NotRecorded::Broken)
    }

    /// Whether there is room for something new: an assertion, a session. What is under way is written on the reserve.
    #[must_use]
    pub fn admits(&self) -> bool {
        !self.room.is_short()
    }

    /// Bytes free on the ledger's disk, as of some seconds ago.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.room.free()
    }

    /// The counter's number that an order made durable ([`Line::counter`]).
    pub fn follow(&self, intent: u64) {
        *self.intent.lock().unwrap_or_else(PoisonError::into_inner) = intent;
    }

    /// Which ledger this is, in which life.
    #[must_use]
    pub fn instance(&self) -> LedgerInstance {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes up the generation that an order began ([`Line::counter`]), once that is on the disk.
    ///
    /// # Errors
    /// [`StoreError`]: nothing may be signed, under whichever name.
    pub fn renew(&self) -> Result<(), StoreError> {
        let instance = self.reader()?.instance()?;
        *self.instance.lock().unwrap_or_else(PoisonError::into_inner) = instance;
        Ok(())
    }

    /// Remembers up to when proofs of login may have been spent in a part that was lost; a crash leaves it [`Lost::Open`].
    ///
    /// # Errors
    /// [`NotRecorded`]: it is as it was.
    pub async fn lost_until(&self, at: Instant) -> Result<(), NotRecorded> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::LostUntil(at, reply))?;
        answer.await.unwrap_or(Err(NotRecorded::Broken))
    }

    /// Keeps the note of a signed checkpoint of `size` entries, and waits until it is on the disk.
    ///
    /// Trusts that the note was verified.
    ///
    /// # Errors
    /// [`NotRecorded`]; the entries are as they were.
    pub async fn keep_checkpoint(&self, size: u64, note: String) -> Result<(), NotRecorded> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Checkpoint(size, note, reply))?;
        answer.await.unwrap_or(Err(NotRecorded::Broken))
    }

    /// What people are looked up by; the same for the ledger's whole life, beyond purges and restorations.
    ///
    /// # Errors
    /// [`StoreError`]: the keys cannot be read.
    pub fn lookup_key(&self) -> Result<LookupKey, StoreError> {
        Ok(Secrets::read(&self.folder)?.lookup)
    }

    /// Who may ask for a destruction.
    ///
    /// # Errors
    /// [`NotRecorded::Broken`]: the writer is gone.
    pub fn purger(&self) -> Result<Purger, NotRecorded> {
        let jobs = self.jobs.clone().ok_or(NotRecorded::Broken)?;
        Ok(Purger { folder: self.folder.clone(), jobs })
    }

    /// Opens it to be read beside the writer; for a thread that may wait for the disk.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.folder)
    }

    fn send(&self, job: Job) -> Result<(), NotRecorded> {
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(NotRecorded::Broken)
    }
}

/// For a thread that may wait for the disk.
impl Intents for &Ledger {
    fn intent(&self) -> u64 {
        *self.intent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn intend(&mut self, intent: u64) -> Result<(), NotRecorded> {
        let mut known = self.intent.lock().unwrap_or_else(PoisonError::into_inner);
        let (reply, answer) = oneshot::channel();
        self.send(Job::Intend(intent, reply))?;
        answer.blocking_recv().unwrap_or(Err(NotRecorded::Broken))?;
        *known = intent;
        Ok(())
    }
}

impl Drop for Ledger {
    /// Ends in good order: what was queued is committed, then the entry of the stop.
    fn drop(&mut self) {
        // Others may hold a sender too.
        let _ = self.send(Job::Stop);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
