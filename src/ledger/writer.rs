//! The writer's state and its one way to the disk: lines become entries, all of a batch or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::draft::{Draft, Drafted, Known};
use super::fold::TAIL_MAX;
use super::instance::Instance as LedgerInstance;
use super::keys::Keys;
use super::line::{Line, Written};
use super::lost::Lost;
use super::purge::Purge;
use super::registers;
use super::restored::Restored;
use super::secrets::{Ivs, Secrets};
use super::startup::Startup;
use super::store::{Edge, Store, StoreError, copy_log};
use super::trouble;
use super::views::Views;
use super::{NotRecorded, Snapshot};
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// The writer's state: what is committed.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) secrets: Secrets,
    pub(super) edge: Edge,
    pub(super) views: Views,
    pub(super) keys: Keys,
    pub(super) purge: Purge,
    /// Who waits for the end of a destruction.
    pub(super) purged: Option<std::sync::mpsc::Sender<()>>,
    ivs: Ivs,
    /// How long nonces are remembered, in milliseconds.
    window_ms: u64,
    size: Arc<AtomicU64>,
    health: Arc<AtomicU8>,
}

impl Writer {
    /// Takes up the log where it ended.
    ///
    /// # Errors
    /// As [`Store::recover`].
    pub(super) fn new(
        mut store: Store,
        secrets: Secrets,
        window_ms: u64,
        now: Instant,
    ) -> Result<Self, StoreError> {
        if store.wrapped_ends()?.iter().any(|wrapped| !secrets.epochs.knows(wrapped)) {
            return Err(StoreError::KeyErased);
        }
        let (edge, views) = store.recover(now)?;
        let purge = Purge::resume(&store.connection, &secrets)?;
        let size = Arc::new(AtomicU64::new(edge.frontier.size()));
        let (keys, ivs, health) = (Keys::default(), Ivs::new(), Arc::new(AtomicU8::new(0)));
        Ok(Self { store, secrets, edge, views, keys, purge, purged: None, ivs, window_ms, size, health })
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
        let issued = self.store.reportable(&self.edge, &self.views)?;
        Ok(Restored {
            nonces: self.store.nonces(now)?,
            sessions,
            issued,
            instance: LedgerInstance::read(&self.store.connection)?,
            lost: Lost::read(&self.store.connection)?,
            orders: registers::orders(&self.store.connection)?,
            registers: registers::all(&self.store.connection, &self.secrets)?,
        })
    }

    /// Opens a boot generation with the entry of a start, and what it tells.
    pub(super) fn start(&mut self, startup: impl Into<Startup>, now: Instant) -> Result<(), StoreError> {
        let lines =
            startup.into().lines(&self.store.connection, &self.secrets.lookup, self.edge.frontier.size() == 0)?;
        self.edge.boot += 1;
        let written = self.commit(lines, now, true);
        if written.is_err() {
            self.edge.boot -= 1;
        }
        written.map(|_| ())
    }

    /// The number that the counter is to have reached.
    pub(super) fn intent(&self) -> Result<u64, StoreError> {
        self.store.intent()
    }

    /// Makes another one durable.
    ///
    /// A crash leaves the old one or the new one: [`super::counter`] goes on from both.
    pub(super) fn intend(&mut self, intent: u64) -> Result<(), NotRecorded> {
        if self.trouble() == Some(NotRecorded::Broken) {
            return Err(NotRecorded::Broken);
        }
        let written = (|| {
            let batch = self.store.batch()?;
            batch.intend(intent)?;
            batch.commit(&self.edge)
        })();
        let written = written.map_err(|error| error.class());
        self.told(written);
        written
    }

    /// Remembers up to when proofs may have been spent in what was lost: a commit of its own.
    pub(super) fn lost_until(&self, at: Instant) -> Result<(), NotRecorded> {
        if self.trouble() == Some(NotRecorded::Broken) {
            return Err(NotRecorded::Broken);
        }
        Lost::Until(at).keep(&self.store.connection).map_err(|error| error.class())
    }

    /// What the ledger is at this moment.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        let Edge { frontier, time, .. } = &self.edge;
        Snapshot { size: frontier.size(), root: frontier.root(), map: self.views.map_root(), time: *time }
    }

    pub(super) fn trouble(&self) -> Option<NotRecorded> {
        trouble::of(self.health.load(Ordering::Acquire))
    }

    /// Remembers how the last attempt went; tells of changes.
    pub(super) fn told(&self, result: Result<(), NotRecorded>) {
        let health = trouble::health(result);
        let before = self.health.swap(health, Ordering::AcqRel);
        if before != health {
            match trouble::of(health) {
                None => tracing::info!("the ledger is written again"),
                Some(cause) => tracing::error!(%cause, "the ledger was not written"),
            }
        }
    }

    /// Commits lines, and remembers how it went. What the disk holds after a failure in doubt is in doubt for good: nothing
    /// follows it.
    pub(super) fn write(&mut self, lines: Vec<Line>, now: Instant) -> Result<Vec<Written>, NotRecorded> {
        if self.trouble() == Some(NotRecorded::Broken) {
            return Err(NotRecorded::Broken);
        }
        let written = self.commit(lines, now, false).map_err(|error| error.class());
        self.told(written.as_ref().map(|_| ()).map_err(|cause| *cause));
        written
    }

    /// Keeps the note of a signed checkpoint.
    pub(super) fn keep_checkpoint(&self, size: u64, note: &str) -> Result<(), NotRecorded> {
        if self.trouble() == Some(NotRecorded::Broken) {
            return Err(NotRecorded::Broken);
        }
        let kept = self.store.keep_checkpoint(size, note).map_err(|error| error.class());
        if let Err(cause) = kept {
            self.told(Err(cause));
        }
        kept
    }

    /// Brings the views up to the log, if anything is to be written or forgotten.
    pub(super) fn fold(&mut self, now: Instant) {
        if self.trouble() == Some(NotRecorded::Broken) {
            return;
        }
        let folded = (|| {
            if self.views.tail.is_empty() && !self.store.is_stale(now)? {
                return Ok(());
            }
            self.store.fold(&mut self.views, self.window_ms, now)
        })();
        if let Err(error) = folded.map_err(|error: StoreError| error.class()) {
            self.told(Err(error));
        }
    }

    /// Copies the little of the log that was written while the rest was copied, so that the next commit begins it anew: between
    /// two commits there is a moment without one.
    pub(super) fn finish_log(&self) {
        // What is not copied is in the log, durable: [`super::copying`] tells of a disk that refuses, and tries again.
        let _ = copy_log(&self.store.connection);
    }

    /// Writes lines in their order, all or none.
    ///
    /// A crash before the end of the last statement leaves none of them; after it, all. Nothing in memory changes before.
    pub(super) fn commit(
        &mut self,
        lines: Vec<Line>,
        now: Instant,
        first: bool,
    ) -> Result<Vec<Written>, StoreError> {
        if self.views.tail.len() >= TAIL_MAX {
            self.store.fold(&mut self.views, self.window_ms, now)?;
        }
        let edge = Edge { time: now.max(self.edge.time), ..self.edge.clone() };
        let index = edge.frontier.size();
        let batch = self.store.batch()?;
        if first {
            batch.window(self.window_ms)?;
        }
        let known = Known { secrets: &self.secrets, keys: &self.keys, views: &self.views, now };
        let mut draft = Draft::new(edge, lines.len(), &batch, known, &mut self.ivs);
        let written = lines.into_iter().map(|line| draft.write(line)).collect::<Result<_, _>>()?;
        let drafted = draft.end();
        batch.entries(index, drafted.leaves())?;
        if self.purge.decides {
            batch.destroy()?;
        }
        batch.commit(&drafted.edge)?;
        let Drafted { edge, changes, keys, .. } = drafted;
        self.edge = edge;
        self.keys.extend(keys);
        changes.into_iter().for_each(|change| self.views.take(change));
        self.size.store(self.edge.frontier.size(), Ordering::Release);
        Ok(written)
    }

    /// Assertions without disposition whose life was over by `now`.
    pub(super) fn expired(&self, now: Instant) -> Vec<(u64, Digest)> {
        self.views.expired(now)
    }
}
