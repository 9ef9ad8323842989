//! The open ledger: what others ask of its thread, and what they may know without asking.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::counter::Intents;
use super::destruction::Purger;
use super::instance::Instance as LedgerInstance;
use super::line::{Line, Recorded, Written};
use super::lock::Lock;
use super::notes::Notes;
use super::reader::Reader;
use super::reserve::Room;
use super::secrets::Secrets;
use super::store::StoreError;
use super::thread::Job;
use super::{NotRecorded, Snapshot, answers, trouble};
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Configuration, Mandate};
use crate::traces::entry::key::LookupKey;
use crate::vihf::instant::Instant;

/// The ledger, open; entries go in order through one thread.
#[derive(Debug)]
pub struct Ledger {
    pub(super) folder: PathBuf,
    pub(super) jobs: Option<Sender<Job>>,
    pub(super) notes: Arc<Notes>,
    pub(super) size: Arc<AtomicU64>,
    pub(super) health: Arc<AtomicU8>,
    pub(super) room: Room,
    /// What the counter is to have reached.
    pub(super) intent: Mutex<u64>,
    pub(super) instance: Mutex<LedgerInstance>,
    pub(super) thread: Option<JoinHandle<()>>,
    pub(super) _lock: Lock,
}

impl Ledger {
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

    /// Remembers up to when proofs of login may have been spent in a part that was lost; a crash leaves it [`super::Lost::Open`].
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
