//! A purge from the side of who ordered it: survey, marks, decision, end. For a thread that may wait.

use std::sync::mpsc::{self, Sender};

use super::line::Line;
use super::purge::STEP_ROWS;
use super::purge_rows::Marked;
use super::purge_task::{Destroyed, NotPurged, Task};
use super::retention::{self, Tally};
use super::thread::Job;
use super::{Ledger, NotRecorded, StoreError};
use crate::policy::retention::Retention;
use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::instant::Instant;

impl Ledger {
    /// What a purge would destroy at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn due(&self, retention: &Retention, now: Instant) -> Result<Tally, StoreError> {
        retention::survey(&self.reader()?, retention, now, |_| Ok::<_, StoreError>(()))
    }

    /// Destroys everybody whose term is over at `now`, on the order whose entry `order` is.
    ///
    /// Tokens go on: each of them waits for one step at most, some hundred rows and one commit. Trusts `now`, which the order's
    /// signers vouch for. After `Ok` no older copy of the database can be read for whom it destroyed; after
    /// [`NotPurged::UnderWay`] and [`NotPurged::Read`] nothing was done or recorded. A death in between does all of it at the
    /// next start, if the order's entry is there, or nothing.
    ///
    /// # Errors
    /// [`NotPurged`].
    pub fn purge(&self, retention: &Retention, now: Instant, order: Line) -> Result<Destroyed, NotPurged> {
        let reader = self.reader()?;
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
        self.asked(|reply| Task::Decide { line: Box::new(order), reply })
    }

    /// What a patient is looked up by, and whether the ledger names him: what an order that closes a DMP needs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn patient(&self, patient: &Patient) -> Result<(Digest, bool), StoreError> {
        let reader = self.reader()?;
        let lookup = reader.lookup_key().patient(patient);
        let known = reader.store().data_key(&lookup)?.is_some();
        Ok((lookup, known))
    }

    fn asked<T>(&self, task: impl FnOnce(Sender<Result<T, NotPurged>>) -> Task) -> Result<T, NotPurged> {
        let (reply, answer) = mpsc::channel();
        self.send(Job::Purge(task(reply)))?;
        answer.recv().unwrap_or(Err(NotPurged::NotRecorded(NotRecorded::Broken)))
    }
}
