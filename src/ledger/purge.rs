//! A destruction from its marks to its end, in steps that are short enough to go between two commits.
//!
//! | stage | on the disk | a crash leaves |
//! |---|---|---|
//! | marking | people are marked, a few hundred a step | marks without decision: forgotten at the next start, nothing is destroyed |
//! | a new epoch | its key file | two epochs; the next start goes on with renewing, nothing is destroyed |
//! | decided | the order's entry and the decision, in one commit | **all of it will be done**: the next start goes on below |
//! | destroying | wrapped keys of the doomed are deleted | the rest is still marked |
//! | renewing | what stays is under the new epoch | what is renewed is so; the old key is still there for the others |
//! | ending | the log is folded in; the old key file is overwritten and removed; the decision is taken back | files to be erased again |
//!
//! Until the old key is erased older copies can still be read; from then on none can, wherever they are.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::purge_rows::{self as rows, Counts, Marked};
use super::registers;
use super::secrets::Secrets;
use super::store::{BUSY_WAIT, StoreError, row_id};
use crate::traces::entry::Entry;

/// Rows of one step: what a token may have to wait for, some milliseconds and one commit.
pub(super) const STEP_ROWS: usize = 256;

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    /// Marks are right for entries below this index.
    Marking {
        upto: u64,
    },
    Destroying,
    /// Data keys up to this number are under the current epoch.
    DataKeys {
        after: u64,
    },
    /// Sessions up to this hash are.
    Sessions {
        after: Vec<u8>,
    },
    /// Registers are not yet.
    Registers,
    Ending,
}

/// The destruction that is under way, if one is.
#[derive(Debug)]
pub(super) struct Purge {
    stage: Stage,
    /// The commit that is under way decides: its entry is the order's.
    pub(super) decides: bool,
}

impl Purge {
    /// Takes up what the last life left.
    pub(super) fn resume(connection: &Connection, secrets: &Secrets) -> Result<Self, StoreError> {
        let stage = if rows::is_decided(connection)? {
            Stage::Destroying
        } else {
            rows::unmark(connection)?;
            if secrets.epochs.is_changing() { Stage::DataKeys { after: 0 } } else { Stage::Idle }
        };
        Ok(Self { stage, decides: false })
    }

    /// Whether [`Purge::step`] has something to do.
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self.stage, Stage::Idle | Stage::Marking { .. })
    }

    /// Begins to mark, on what is known of the first `size` entries; false if another destruction is under way. Marks that
    /// nobody decided on are forgotten.
    pub(super) fn begin(&mut self, connection: &Connection, size: u64) -> Result<bool, StoreError> {
        if self.is_under_way() {
            return Ok(false);
        }
        rows::unmark(connection)?;
        self.stage = Stage::Marking { upto: size };
        Ok(true)
    }

    /// Marks people.
    pub(super) fn mark(&self, connection: &mut Connection, people: &[Marked]) -> Result<(), StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::mark(&transaction, people)?;
        Ok(transaction.commit()?)
    }

    /// Spares who was named in entries since the marks were made, some entries a call; whether all up to `size` are looked at.
    ///
    /// A practitioner may be destroyed only with his patients: if one of these is spared, all practitioners are.
    pub(super) fn catch_up(&mut self, connection: &mut Connection, size: u64) -> Result<bool, StoreError> {
        let Stage::Marking { upto } = &mut self.stage else { return Ok(false) };
        let until = size.min(*upto + STEP_ROWS as u64);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for index in *upto..until {
            let leaf: Vec<u8> = transaction
                .prepare_cached("SELECT leaf FROM entries WHERE idx = ?1")?
                .query_row([row_id(index)?], |row| row.get(0))?;
            let entry = Entry::decode(&leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
            if let Some(link) = entry.link {
                rows::spare(&transaction, &link.practitioner)?;
            }
            if let Some(patient) = entry.event.patient()
                && rows::spare(&transaction, &patient.lookup)?
            {
                rows::spare_practitioners(&transaction)?;
            }
        }
        transaction.commit()?;
        *upto = until;
        Ok(until == size)
    }

    /// Whom the marks name.
    pub(super) fn count(connection: &Connection) -> Result<Counts, StoreError> {
        rows::count(connection)
    }

    /// The decision is on the disk.
    pub(super) fn decided(&mut self) {
        self.stage = Stage::Destroying;
    }

    /// Nothing was decided; an epoch that was begun is gone through with.
    pub(super) fn abandon(&mut self, connection: &Connection, secrets: &Secrets) -> Result<(), StoreError> {
        *self = Self::resume(connection, secrets)?;
        Ok(())
    }

    /// Goes one step on. After `Err` the step was not made and can be made again.
    pub(super) fn step(&mut self, connection: &mut Connection, secrets: &mut Secrets) -> Result<(), StoreError> {
        match &self.stage {
            Stage::Idle | Stage::Marking { .. } => {}
            Stage::Destroying => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let some = rows::destroy_some(&transaction, STEP_ROWS)?;
                transaction.commit()?;
                if some < STEP_ROWS {
                    self.stage = Stage::DataKeys { after: 0 };
                }
            }
            Stage::DataKeys { after } => {
                let last = renew_data_keys(connection, secrets, *after)?;
                self.stage = last.map_or(Stage::Sessions { after: Vec::new() }, |after| Stage::DataKeys { after });
            }
            Stage::Sessions { after } => {
                let last = renew_sessions(connection, secrets, after)?;
                self.stage = last.map_or(Stage::Registers, |after| Stage::Sessions { after });
            }
            Stage::Registers => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                registers::renew(&transaction, secrets)?;
                transaction.commit()?;
                self.stage = Stage::Ending;
            }
            Stage::Ending => {
                fold_log(connection)?;
                secrets.epochs.end_older()?;
                rows::finish(connection)?;
                self.stage = Stage::Idle;
            }
        }
        Ok(())
    }
}

/// Renews the data keys after `after`; the last of them, or None if there was none.
fn renew_data_keys(connection: &mut Connection, secrets: &Secrets, after: u64) -> Result<Option<u64>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let some = rows::data_keys_after(&transaction, after, STEP_ROWS)?;
    for key in &some {
        if let Some(renewed) = secrets.renew_data_key(key.id, &key.person, &key.bytes)? {
            rows::renew_data_key(&transaction, key.id, &renewed)?;
        }
    }
    transaction.commit()?;
    Ok(some.last().map(|key| key.id))
}

/// Renews the sessions after `after`; the last of them, or None if there was none.
fn renew_sessions(
    connection: &mut Connection,
    secrets: &Secrets,
    after: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let some = rows::sessions_after(&transaction, after, STEP_ROWS)?;
    for (secret, body) in &some {
        if let Some(renewed) = secrets.renew_session(secret, body)? {
            rows::renew_session(&transaction, secret, &renewed)?;
        }
    }
    transaction.commit()?;
    Ok(some.into_iter().next_back().map(|(secret, _)| secret))
}

/// Folds the log into the database and cuts it, as far as no reader holds it: what it held is of no use without the old key
/// anyway, so that nobody is waited for.
fn fold_log(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::ZERO)?;
    let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(BUSY_WAIT)?;
    Ok(folded?)
}
