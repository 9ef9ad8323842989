//! A purge from the side of who ordered it: survey, marks, decision, end. For threads that may wait.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use super::line::Line;
use super::purge::STEP_ROWS;
use super::purge_rows::Marked;
use super::purge_task::{Destroyed, NotPurged, Task};
use super::reader::Reader;
use super::retention::{self, Tally};
use super::thread::Job;
use super::{NotRecorded, StoreError};
use crate::policy::retention::Retention;
use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::instant::Instant;

/// The right to ask the ledger's thread for a destruction; it does not keep the ledger open.
#[derive(Clone, Debug)]
pub struct Purger {
    pub(super) folder: PathBuf,
    pub(super) jobs: Sender<Job>,
}

/// A destruction that is decided, and will be done.
#[derive(Debug)]
pub struct Decided {
    /// Whom it destroys.
    pub destroyed: Destroyed,
    end: Receiver<()>,
}

/// What a purge would destroy at `now`.
///
/// # Errors
/// [`StoreError`].
pub fn due(folder: &Path, retention: &Retention, now: Instant) -> Result<Tally, StoreError> {
    retention::survey(&Reader::open(folder)?, retention, now, |_| Ok::<_, StoreError>(()))
}

/// What those of the patients are looked up by whom the ledger names.
///
/// # Errors
/// [`StoreError`].
pub fn known_patients(folder: &Path, patients: &[Patient]) -> Result<Vec<Digest>, StoreError> {
    let reader = Reader::open(folder)?;
    let mut known = Vec::new();
    for lookup in patients.iter().map(|patient| reader.lookup_key().patient(patient)) {
        if reader.store().data_key(&lookup)?.is_some() {
            known.push(lookup);
        }
    }
    Ok(known)
}

impl Purger {
    /// Decides to destroy everybody whose term is over at `now`, in the commit of `order`.
    ///
    /// Tokens go on: each of them waits for one step at most, some hundred rows and one commit. Trusts `now`, which the order's
    /// signers vouch for. After [`NotPurged::UnderWay`] and [`NotPurged::Read`] nothing was done or recorded. A death in between
    /// does all of it at the next start, if the order's entry is there, or nothing.
    ///
    /// # Errors
    /// [`NotPurged`].
    pub fn decide(&self, retention: &Retention, now: Instant, order: Line) -> Result<Decided, NotPurged> {
        let reader = Reader::open(&self.folder)?;
        let size = reader.edge().frontier.size();
        self.asked(|reply| Task::Begin { size, reply })?;
        let mut people: Vec<Marked> = Vec::with_capacity(STEP_ROWS);
        retention::survey(&reader, retention, now, |marked| {
            people.push(marked);
            if people.len() < STEP_ROWS {
                return Ok(());
            }
            self.asked(|reply| Task::Mark { people: std::mem::take(&mut people), reply })
        })?;
        self.asked(|reply| Task::Mark { people, reply })?;
        // It would keep the log from being cut.
        drop(reader);
        while !self.asked(|reply| Task::CatchUp { reply })? {}
        let (ended, end) = mpsc::channel();
        let destroyed = self.asked(|reply| Task::Decide { line: Box::new(order), reply, ended })?;
        Ok(Decided { destroyed, end })
    }

    fn asked<T>(&self, task: impl FnOnce(Sender<Result<T, NotPurged>>) -> Task) -> Result<T, NotPurged> {
        let (reply, answer) = mpsc::channel();
        let gone = NotPurged::NotRecorded(NotRecorded::Broken);
        self.jobs.send(Job::Purge(task(reply))).map_err(|_| NotPurged::NotRecorded(NotRecorded::Broken))?;
        answer.recv().unwrap_or(Err(gone))
    }
}

impl Decided {
    /// Waits until no older copy of the database can be read for whom it destroys; false if the ledger was closed before:
    /// its next start goes on.
    #[must_use]
    pub fn wait(self) -> bool {
        self.end.recv().is_ok()
    }
}
