//! One transaction: what goes to the disk together.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::line::{Beside, Nonce};
use super::store::{Edge, StoreError, number, row_id};
use crate::traces::digest::Digest;
use crate::traces::entry::{Entry, Head};
use crate::traces::merkle::Node;
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

    /// The end of a practitioner's chain.
    pub(super) fn head(&self, practitioner: &Digest) -> Result<Option<Head>, StoreError> {
        let mut row = self.transaction.prepare_cached("SELECT last, count FROM heads WHERE practitioner = ?1")?;
        let head = row.query_row([practitioner.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        head.map(|(last, count): (i64, i64)| Ok(Head { last: number(last)?, count: number(count)? })).transpose()
    }

    /// The data key of somebody: its number and wrapped form.
    pub(super) fn data_key(&self, lookup: &Digest) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let mut row = self.transaction.prepare_cached("SELECT id, wrapped FROM data_keys WHERE lookup = ?1")?;
        let key = row.query_row([lookup.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        key.map(|(id, wrapped): (i64, Vec<u8>)| Ok((number(id)?, wrapped))).transpose()
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

    /// Writes an entry, the subtrees that it completes, and its practitioner's new head.
    pub(super) fn append(&self, entry: &Entry, leaf: &[u8], nodes: &[Node]) -> Result<(), StoreError> {
        let mut insert = self.transaction.prepare_cached("INSERT INTO entries VALUES (?1, ?2)")?;
        insert.execute(params![row_id(entry.index)?, leaf])?;
        let mut insert = self.transaction.prepare_cached("INSERT INTO nodes VALUES (?1, ?2, ?3)")?;
        for node in nodes {
            insert.execute(params![node.level, row_id(node.index)?, node.hash.as_bytes()])?;
        }
        if let Some(link) = entry.link {
            let head = link.head(entry.index);
            let mut upsert = self.transaction.prepare_cached(
                "INSERT INTO heads VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last = excluded.last, count = excluded.count",
            )?;
            upsert.execute(params![link.practitioner.as_bytes(), row_id(head.last)?, row_id(head.count)?])?;
        }
        Ok(())
    }

    /// Marks a nonce as used.
    pub(super) fn nonce(&self, nonce: &Nonce) -> Result<(), StoreError> {
        // One that is there already is of a window that has passed: the memory of open ones refused it before.
        let mut insert = self.transaction.prepare_cached("INSERT OR REPLACE INTO nonces VALUES (?1, ?2, ?3)")?;
        insert.execute(params![nonce.mark.as_bytes(), nonce.uid, nonce.until.ms()])?;
        Ok(())
    }

    /// Writes what goes with an entry.
    pub(super) fn beside(&self, index: u64, chain: Option<Digest>, beside: &Beside) -> Result<(), StoreError> {
        let chain = chain.unwrap_or_default();
        match beside {
            Beside::Nothing => {}
            Beside::Pending { expires } => {
                let mut insert = self.transaction.prepare_cached("INSERT INTO pending VALUES (?1, ?2, ?3)")?;
                insert.execute(params![row_id(index)?, chain.as_bytes(), expires.ms()])?;
            }
            Beside::SessionBegins { secret, uid, ends, body } => {
                let mut insert =
                    self.transaction.prepare_cached("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
                let (secret, chain) = (secret.as_bytes(), chain.as_bytes());
                insert.execute(params![secret, uid, row_id(index)?, chain, ends.ms(), body])?;
            }
            Beside::SessionEnds { secret } => {
                let mut delete = self.transaction.prepare_cached("DELETE FROM sessions WHERE secret = ?1")?;
                delete.execute([secret.as_bytes()])?;
            }
            Beside::Settled { of } => {
                let mut delete = self.transaction.prepare_cached("DELETE FROM pending WHERE idx = ?1")?;
                delete.execute([row_id(*of)?])?;
            }
        }
        Ok(())
    }

    /// Forgets nonces whose window has passed and sessions that have ended.
    pub(super) fn forget(&self, now: Instant) -> Result<(), StoreError> {
        self.transaction.execute("DELETE FROM nonces WHERE until_ms <= ?1", [now.ms()])?;
        self.transaction.execute("DELETE FROM sessions WHERE ends_ms <= ?1", [now.ms()])?;
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
