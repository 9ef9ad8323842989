//! The thread that commits: whatever has gathered while the disk was busy goes into the next commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant as Moment};

use tokio::sync::oneshot;

use super::draft::Draft;
use super::line::{Line, Written};
use super::secrets::Secrets;
use super::store::{Edge, Store, StoreError};
use super::{NotRecorded, Restored};
use crate::sys::clock;
use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::traces::entry::key::DataKey;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// Most lines of one commit: bounds what a crash can lose of the lazily written, and the wait of the first.
const BATCH_MAX: usize = 256;
/// How long an outcome may wait for a commit that somebody else needs: nobody waits for it, and a crash costs no more than
/// the knowledge whether the assertion left.
const LAZY_MAX: Duration = Duration::from_millis(200);
/// How long a commit waits for company while the ledger is busy: a commit costs as much as the rows of several entries.
const GATHER: Duration = Duration::from_millis(3);
/// Askers of one commit from which the ledger is busy: fewer would lose more by waiting than they share.
const BUSY_MIN: usize = 8;
/// How often expired assertions and passed windows are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Most data keys in memory: at 100 bytes each a few megabytes.
const DATA_KEYS_MAX: usize = 1 << 16;

/// A line and who waits for it.
pub(super) struct Job {
    pub(super) line: Line,
    pub(super) reply: Option<oneshot::Sender<Result<Written, NotRecorded>>>,
}

/// The writer's state: what is committed.
#[derive(Debug)]
pub(super) struct Writer {
    store: Store,
    secrets: Secrets,
    edge: Edge,
    keys: HashMap<Digest, DataKey>,
    size: Arc<AtomicU64>,
    health: Arc<AtomicU8>,
}

impl Writer {
    pub(super) fn new(store: Store, secrets: Secrets) -> Result<Self, StoreError> {
        let edge = store.edge()?;
        let size = Arc::new(AtomicU64::new(edge.frontier.size()));
        Ok(Self { store, secrets, edge, keys: HashMap::new(), size, health: Arc::new(AtomicU8::new(0)) })
    }

    pub(super) fn size(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.size)
    }

    pub(super) fn health(&self) -> Arc<AtomicU8> {
        Arc::clone(&self.health)
    }

    /// What survived the last stop.
    pub(super) fn restore(&self, now: Instant) -> Result<Restored, StoreError> {
        let mut sessions = self.store.sessions(now)?;
        for kept in &mut sessions {
            kept.body = self.secrets.open_session(kept.secret.as_bytes(), &kept.body)?;
        }
        Ok(Restored { nonces: self.store.nonces(now)?, sessions })
    }

    /// Opens a boot generation with the entry of a start.
    pub(super) fn start(&mut self, event: Event<PsIdNat, Patient>, now: Instant) -> Result<(), StoreError> {
        self.edge.boot += 1;
        let written = self.commit(vec![Line::plain(event)], now);
        if written.is_err() {
            self.edge.boot -= 1;
        }
        written.map(|_| ())
    }

    /// Commits until the ledger is dropped; then writes the entry of the stop.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        let mut sweep_at = Moment::now();
        // What waits, since when, and whether anybody waits for it.
        let (mut held, mut commit_at, mut busy) = (Vec::new(), sweep_at, false);
        let mut open = true;
        while open {
            let until = if held.is_empty() { sweep_at } else { commit_at };
            match queue.recv_timeout(until.saturating_duration_since(Moment::now())) {
                Ok(job) => {
                    let urgent = if busy { GATHER } else { Duration::ZERO };
                    let wait = if job.reply.is_some() { urgent } else { LAZY_MAX };
                    let latest = Moment::now() + wait;
                    commit_at = if held.is_empty() { latest } else { commit_at.min(latest) };
                    held.push(job);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
            let due = !open || held.len() >= BATCH_MAX || Moment::now() >= commit_at;
            if due && !held.is_empty() {
                held.extend(queue.try_iter().take(BATCH_MAX.saturating_sub(held.len())));
                busy = held.iter().filter(|job| job.reply.is_some()).count() >= BUSY_MIN;
                self.serve(std::mem::take(&mut held));
            }
            if Moment::now() >= sweep_at {
                sweep_at = Moment::now() + SWEEP_EVERY;
                self.sweep();
            }
        }
        if self.trouble().is_none() {
            let stopped = self.commit(vec![Line::plain(Event::Stop)], clock::now());
            self.told(stopped.map(|_| ()));
        }
    }

    fn trouble(&self) -> Option<NotRecorded> {
        trouble(self.health.load(Ordering::Acquire))
    }

    /// One commit for all jobs, and their answers.
    fn serve(&mut self, jobs: Vec<Job>) {
        let (lines, replies): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.line, job.reply)).unzip();
        // What the disk holds after a failure in doubt is in doubt for good: nothing follows it.
        let written = match self.trouble() {
            Some(NotRecorded::Broken) => Err(NotRecorded::Broken),
            _ => {
                let written = self.commit(lines, clock::now());
                self.told(written.as_ref().map(|_| ()).map_err(|error| error.class()));
                written.map_err(|error| error.class())
            }
        };
        let answers: Vec<_> = match written {
            Ok(written) => written.into_iter().map(Ok).collect(),
            Err(cause) => vec![Err(cause); replies.len()],
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            if let Some(reply) = reply {
                // Who no longer waits has been told otherwise; the entry stands.
                let _ = reply.send(answer);
            }
        }
    }

    /// Tells what became of assertions that nobody told about, and forgets what may be forgotten.
    fn sweep(&mut self) {
        if self.trouble() == Some(NotRecorded::Broken) {
            return;
        }
        let now = clock::now();
        let swept = self.store.expired(now).and_then(|expired| {
            let lines: Vec<_> =
                expired.into_iter().map(|(of, chain)| Line::outcome(of, Outcome::Expired, chain)).collect();
            // A disk that had no room is asked again; one that is well is left alone while nothing is to be written.
            if lines.is_empty() && self.trouble().is_none() && !self.store.is_stale(now)? {
                return Ok(Vec::new());
            }
            self.commit(lines, now)
        });
        self.told(swept.map(|_| ()).map_err(|error| error.class()));
    }

    fn told<E: Into<Trouble>>(&self, result: Result<(), E>) {
        let health = match result {
            Ok(()) => 0,
            Err(cause) => cause.into().0,
        };
        let before = self.health.swap(health, Ordering::AcqRel);
        if before != health {
            match trouble(health) {
                None => tracing::info!("the ledger is written again"),
                Some(cause) => tracing::error!(%cause, "the ledger was not written"),
            }
        }
    }

    /// Writes lines in their order, all or none.
    ///
    /// A crash before the end of the last statement leaves none of them; after it, all. Nothing in memory changes before.
    fn commit(&mut self, lines: Vec<Line>, now: Instant) -> Result<Vec<Written>, StoreError> {
        let edge = Edge { time: now.max(self.edge.time), ..self.edge.clone() };
        let batch = self.store.batch()?;
        if lines.is_empty() {
            batch.forget(now)?;
        }
        let mut draft = Draft::new(edge, &batch, &self.secrets, &self.keys);
        let written = lines.into_iter().map(|line| draft.write(line)).collect::<Result<_, _>>()?;
        let (edge, keys) = draft.end();
        batch.commit(&edge)?;
        self.edge = edge;
        if self.keys.len() + keys.len() > DATA_KEYS_MAX {
            self.keys.clear();
        }
        self.keys.extend(keys);
        self.size.store(self.edge.frontier.size(), Ordering::Release);
        Ok(written)
    }
}

/// The health of the ledger in one byte; 0 is good.
struct Trouble(u8);

impl From<NotRecorded> for Trouble {
    fn from(cause: NotRecorded) -> Self {
        Self(match cause {
            NotRecorded::Space => 1,
            NotRecorded::Unavailable => 2,
            NotRecorded::Broken => 3,
        })
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        error.class().into()
    }
}

/// The trouble of a health.
pub(super) fn trouble(health: u8) -> Option<NotRecorded> {
    match health {
        0 => None,
        1 => Some(NotRecorded::Space),
        2 => Some(NotRecorded::Unavailable),
        _ => Some(NotRecorded::Broken),
    }
}
