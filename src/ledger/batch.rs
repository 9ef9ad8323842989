//! One transaction: what goes to the disk together.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::instance::{self, Instance};
use super::line::Beside;
use super::lost::Lost;
use super::memories;
use super::purge_rows;
use super::stepped_back;
use super::store::{Edge, StoreError, data_key, number, row_id};
use crate::traces::audit::Generation;
use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// A transaction under way; dropped, nothing of it was.
#[derive(Debug)]
pub(super) struct Batch<'s> {
    transaction: Transaction<'s>,
}

impl<'s> Batch<'s> {
    pub(super) fn of(transaction: Transaction<'s>) -> Self {
        Self { transaction }
    }

    /// The data key of somebody: its number and wrapped form; none of one who is being destroyed.
    pub(super) fn data_key(&self, lookup: &Digest) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        purge_rows::destroy_if_doomed(&self.transaction, lookup)?;
        data_key(&self.transaction, lookup)
    }

    /// The number that the next data key gets; numbers are never used again (AUTOINCREMENT).
    pub(super) fn next_data_key(&self) -> Result<u64, StoreError> {
        let mut row =
            self.transaction.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'data_keys'")?;
        let last: Option<i64> = row.query_row([], |row| row.get(0)).optional()?;
        Ok(number(last.unwrap_or(0))? + 1)
    }

    /// Keeps a data key.
    pub(super) fn keep_data_key(&self, id: u64, lookup: &Digest, wrapped: &[u8]) -> Result<(), StoreError> {
        let mut insert =
            self.transaction.prepare_cached("INSERT INTO data_keys (id, lookup, wrapped) VALUES (?1, ?2, ?3)")?;
        insert.execute(params![row_id(id)?, lookup.as_bytes(), wrapped])?;
        Ok(())
    }

    /// Writes entries, the first at `index`.
    pub(super) fn entries<'l>(
        &self,
        index: u64,
        leaves: impl Iterator<Item = &'l [u8]>,
    ) -> Result<(), StoreError> {
        let mut insert = self.transaction.prepare_cached("INSERT INTO entries VALUES (?1, ?2)")?;
        for (index, leaf) in (index..).zip(leaves) {
            insert.execute(params![row_id(index)?, leaf])?;
        }
        Ok(())
    }

    /// Writes what goes with an entry.
    pub(super) fn beside(&self, index: u64, chain: Option<Digest>, beside: &Beside) -> Result<(), StoreError> {
        let chain = chain.unwrap_or_default();
        match beside {
            // The generation began while it was drafted.
            Beside::Nothing | Beside::Generation => {}
            Beside::SessionBegins { secret, uid, ends, body } => {
                let mut insert =
                    self.transaction.prepare_cached("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
                let (secret, chain) = (secret.as_bytes(), chain.as_bytes());
                insert.execute(params![secret, uid, row_id(index)?, chain, ends.ms(), body])?;
            }
            Beside::Closes { patient, at } => purge_rows::close(&self.transaction, patient, index, at.ms())?,
            Beside::SessionEnds { secret } => {
                let mut delete = self.transaction.prepare_cached("DELETE FROM sessions WHERE secret = ?1")?;
                delete.execute([secret.as_bytes()])?;
            }
            Beside::Intent { intent } => {
                self.intend(*intent)?;
                // The nonces of what an older copy lacks are not known: nothing that they were spent with goes on.
                self.transaction.execute("DELETE FROM sessions", [])?;
                Lost::Open.keep(&self.transaction)?;
            }
            Beside::Ordered { mark, .. } => {
                // One that is there already breaks the commit: the memory of used ones refused it before.
                let mut insert = self.transaction.prepare_cached("INSERT INTO orders VALUES (?1, ?2)")?;
                insert.execute(params![mark.as_bytes(), row_id(index)?])?;
            }
            Beside::Told { name, value } => memories::keep(&self.transaction, name, value)?,
            Beside::Register { name, content } => {
                let mut insert =
                    self.transaction.prepare_cached("INSERT OR REPLACE INTO registers VALUES (?1, ?2, ?3)")?;
                insert.execute(params![name, content, row_id(index)?])?;
            }
        }
        Ok(())
    }

    /// Which ledger this is.
    pub(super) fn instance(&self) -> Result<Instance, StoreError> {
        Instance::read(&self.transaction)
    }

    /// The next generation begins: `root` is that of the tree with its declaration.
    pub(super) fn begin_generation(&self, root: &Digest) -> Result<(), StoreError> {
        instance::draw(&self.transaction)?;
        let number = self.instance()?.generation.number();
        memories::keep(&self.transaction, memories::GENERATION, &Generation::begun(number, root).to_string())
    }

    /// How far time was taken back by one person's word, from here on.
    pub(super) fn stepped_back(&self, event: &Event<PsIdNat, Patient>, by_ms: u64) -> Result<(), StoreError> {
        let before = stepped_back::read(&self.transaction)?;
        let after = stepped_back::after(before, event, by_ms);
        if after == before { Ok(()) } else { stepped_back::keep(&self.transaction, after) }
    }

    /// A new time begins at `at`: sessions end, their ends having been told by the old one, and no nonce is remembered for
    /// longer than it would be if it were used now.
    pub(super) fn begin_time(&self, at: Instant) -> Result<(), StoreError> {
        self.transaction.execute("DELETE FROM sessions", [])?;
        let latest = "UPDATE nonces SET until_ms = min(until_ms, ?1 + (SELECT window_ms FROM edge))";
        self.transaction.execute(latest, [at.ms()])?;
        // A clock that was ahead has had proofs forgotten early that are in their time again.
        Lost::Open.keep(&self.transaction)
    }

    /// What the counter is to have reached.
    pub(super) fn intend(&self, intent: u64) -> Result<(), StoreError> {
        self.transaction.execute("INSERT OR REPLACE INTO counter VALUES (0, ?1)", [row_id(intent)?])?;
        Ok(())
    }

    /// Decides the destruction of whoever is marked.
    pub(super) fn destroy(&self) -> Result<(), StoreError> {
        purge_rows::decide(&self.transaction)
    }

    /// How long the nonces of the entries from here on are to be remembered: what the views need to know and no entry says.
    pub(super) fn window(&self, window_ms: u64) -> Result<(), StoreError> {
        self.transaction.execute("UPDATE edge SET window_ms = ?1", [row_id(window_ms)?])?;
        Ok(())
    }

    /// Ends the batch with the new edge. After `Ok` a power cut loses nothing of it.
    pub(super) fn commit(self, edge: &Edge) -> Result<(), StoreError> {
        {
            let mut update =
                self.transaction.prepare_cached("UPDATE edge SET frontier = ?1, time_ms = ?2, boot = ?3")?;
            update.execute(params![edge.frontier.to_bytes(), edge.time.ms(), row_id(edge.boot)?])?;
        }
        Ok(self.transaction.commit()?)
    }
}
