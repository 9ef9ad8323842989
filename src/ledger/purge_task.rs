//! What a purge asks of the thread that commits, and what it is told.

use std::sync::mpsc::Sender;

use super::NotRecorded;
use super::line::{Line, Written};
use super::purge::Purge;
use super::purge_rows::{Counts, Marked};
use super::store::StoreError;
use super::writer::Writer;
use crate::vihf::instant::Instant;

/// Why nobody was destroyed.
#[derive(Debug, thiserror::Error)]
pub enum NotPurged {
    /// Another destruction is not complete.
    #[error("une destruction est déjà en cours ; attendez qu'elle se termine")]
    UnderWay,
    /// The order was not recorded, or the ledger cannot be written.
    #[error("le journal ne peut pas être écrit ; rien n'a été détruit")]
    NotRecorded(#[from] NotRecorded),
    /// The ledger could not be read.
    #[error("rien n'a été détruit : {0}")]
    Read(#[from] StoreError),
}

/// A destruction: whoever it names is destroyed once it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Whom it destroyed.
    pub counts: Counts,
    /// The order's entry.
    pub written: Written,
    /// The epoch of what stays: escrows of earlier epochs are to be destroyed.
    pub epoch: u64,
}

/// One thing to do between two commits.
pub(super) enum Task {
    /// Begin to mark on what is known of the first `size` entries.
    Begin { size: u64, reply: Sender<Result<(), NotPurged>> },
    /// Mark people.
    Mark { people: Vec<Marked>, reply: Sender<Result<(), NotPurged>> },
    /// Look at some of the entries since; whether none is left.
    CatchUp { reply: Sender<Result<bool, NotPurged>> },
    /// Record the order and destroy; `ended` is told at the end of it.
    Decide { line: Box<Line>, reply: Sender<Result<Destroyed, NotPurged>>, ended: Sender<()> },
}

impl Writer {
    /// Does one task at `now`, the guarded clock's. Who no longer waits for its answer has gone: what was done stands.
    pub(super) fn obey(&mut self, task: Task, now: Instant) {
        if self.trouble() == Some(NotRecorded::Broken) {
            return task.refuse(NotRecorded::Broken.into());
        }
        let size = self.edge.frontier.size();
        match task {
            Task::Begin { size, reply } => {
                let begun = self.purge.begin(&self.store.connection, size);
                let _ =
                    reply.send(self.done(begun).and_then(|begun| begun.then_some(()).ok_or(NotPurged::UnderWay)));
            }
            Task::Mark { people, reply } => {
                let marked = self.purge.mark(&mut self.store.connection, &people);
                let _ = reply.send(self.done(marked));
            }
            Task::CatchUp { reply } => {
                let looked = self.purge.catch_up(&mut self.store.connection, size);
                let _ = reply.send(self.done(looked));
            }
            Task::Decide { line, reply, ended } => {
                let decided = self.decide(*line, now);
                if self.purge.is_under_way() && decided.is_ok() {
                    self.purged = Some(ended);
                } else {
                    let _ = ended.send(());
                }
                let _ = reply.send(decided);
            }
        }
    }

    /// Writes the order with the decision. Nobody was named since the last look: this thread alone writes.
    fn decide(&mut self, line: Line, now: Instant) -> Result<Destroyed, NotPurged> {
        let size = self.edge.frontier.size();
        let caught_up = self.purge.catch_up(&mut self.store.connection, size);
        if !self.done(caught_up)? {
            return Err(NotPurged::UnderWay);
        }
        let counts = Purge::count(&self.store.connection);
        let counts = self.done(counts)?;
        let nobody = counts == Counts::default();
        // A crash from here to the commit leaves an epoch under which little is: nothing is destroyed.
        let begun = if nobody { Ok(()) } else { self.secrets.epochs.begin() };
        self.purge.decides = !nobody;
        let written = begun.and_then(|()| self.commit(vec![line], now, false));
        self.purge.decides = false;
        // From here on it is decided, whatever happens.
        match self.done(written) {
            Ok(written) => {
                let written = written.into_iter().next().ok_or(NotRecorded::Broken)?;
                if nobody {
                    let ended = self.purge.abandon(&self.store.connection, &self.secrets);
                    self.done(ended)?;
                } else {
                    // No key of the doomed stays in memory.
                    self.keys.clear();
                    self.purge.decided();
                }
                Ok(Destroyed { counts, written, epoch: self.secrets.epochs.current() })
            }
            Err(cause) => {
                let ended = self.purge.abandon(&self.store.connection, &self.secrets);
                let _ = self.done(ended);
                Err(cause)
            }
        }
    }

    /// Whether a step of a destruction can be made now; a disk in trouble is asked again by the sweep.
    pub(super) fn purge_goes_on(&self) -> bool {
        self.purge.is_under_way() && self.trouble().is_none()
    }

    /// Makes a step, and tells who waits when it was the last.
    pub(super) fn purge_step(&mut self) {
        let stepped = self.purge.step(&mut self.store.connection, &mut self.secrets);
        if self.done(stepped).is_ok() && !self.purge.is_under_way() {
            tracing::info!(
                epoch = self.secrets.epochs.current(),
                "a destruction is complete; the old wrapping key is erased"
            );
            if let Some(ended) = self.purged.take() {
                let _ = ended.send(());
            }
        }
    }

    /// Takes note of the disk's trouble.
    fn done<T>(&self, result: Result<T, StoreError>) -> Result<T, NotPurged> {
        result.map_err(|error| {
            let class = error.class();
            self.told(Err(class));
            class.into()
        })
    }
}

impl Task {
    fn refuse(self, cause: NotPurged) {
        match self {
            Self::Begin { reply, .. } | Self::Mark { reply, .. } => drop(reply.send(Err(cause))),
            Self::CatchUp { reply } => drop(reply.send(Err(cause))),
            Self::Decide { reply, .. } => drop(reply.send(Err(cause))),
        }
    }
}
