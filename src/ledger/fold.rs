//! The fold: the views brought up to the log, in one sorted transaction, aside from the way of a token.
//!
//! Views are derived: a fold that a crash takes back costs the next start a replay of what it held, so it is not waited for
//! (`synchronous=NORMAL`); the next commit of an entry makes it durable with itself, WAL being one sequence.

use rusqlite::{Transaction, TransactionBehavior, params};

use super::store::{Store, StoreError, row_id};
use super::views::{Tail, Views};
use crate::traces::digest::Digest;
use crate::traces::merkle::tile;
use crate::vihf::instant::Instant;

/// Entries after which views are folded: the sorted batch is then some ten times cheaper than row by row, and a start that
/// replays as many still takes a blink.
pub(super) const FOLD_ENTRIES: usize = 4096;
/// Entries that may wait for a fold that the disk refuses, before entries are refused too: bounds memory (about 13 MB) and start.
pub(super) const TAIL_MAX: usize = 1 << 16;

impl Store {
    /// Writes what the entries behind the last fold change; forgets nonces and sessions whose time has passed at `now`.
    ///
    /// `window_ms`: how long their nonces are to be remembered. After `Ok` the tail is empty, and sooner or later durable.
    ///
    /// # Errors
    /// [`StoreError`]; file and `views` are as they were.
    pub(super) fn fold(&mut self, views: &mut Views, window_ms: u64, now: Instant) -> Result<(), StoreError> {
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        let folded = self.write_views(views, window_ms, now);
        // Entries are waited for again, whatever became of the fold.
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        views.tiles = folded?;
        views.settle();
        views.tail = Tail::default();
        Ok(())
    }

    /// A crash before the end of the last statement leaves the views of the fold before; after it, these or those.
    fn write_views(&mut self, views: &Views, window_ms: u64, now: Instant) -> Result<tile::Edge, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tail = &views.tail;
        let tiles = tiles(&transaction, &views.tiles, &tail.hashes)?;
        heads(&transaction, tail)?;
        nonces(&transaction, tail, window_ms)?;
        patients(&transaction, tail)?;
        pending(&transaction, views)?;
        transaction.execute("DELETE FROM nonces WHERE until_ms <= ?1", [now.ms()])?;
        transaction.execute("DELETE FROM sessions WHERE ends_ms <= ?1", [now.ms()])?;
        transaction.execute("UPDATE edge SET folded = ?1", [row_id(tiles.size())?])?;
        transaction.commit()?;
        Ok(tiles)
    }
}

/// New tiles, full and growing; gives the tree's edge behind them.
fn tiles(transaction: &Transaction<'_>, edge: &tile::Edge, hashes: &[Digest]) -> Result<tile::Edge, StoreError> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO tiles VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET hashes = excluded.hashes",
    )?;
    let (mut edge, mut changed) = (edge.clone(), Vec::new());
    hashes.iter().for_each(|hash| edge.append(*hash, |tile| changed.push(tile)));
    changed.extend(edge.growing());
    for tile in &changed {
        upsert.execute(params![tile.level, row_id(tile.index)?, tile.to_bytes()])?;
    }
    Ok(edge)
}

fn heads(transaction: &Transaction<'_>, tail: &Tail) -> Result<(), StoreError> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO heads VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last = excluded.last, count = excluded.count",
    )?;
    let mut heads: Vec<_> = tail.heads.iter().collect();
    heads.sort_unstable_by_key(|(practitioner, _)| **practitioner);
    for (practitioner, head) in heads {
        upsert.execute(params![practitioner.as_bytes(), row_id(head.last)?, row_id(head.count)?])?;
    }
    Ok(())
}

/// One page for each application: its marks end to end, remembered as long as the newest of them must be.
fn nonces(transaction: &Transaction<'_>, tail: &Tail, window_ms: u64) -> Result<(), StoreError> {
    let Some(newest) = tail.time else { return Ok(()) };
    let until = newest.plus_ms(window_ms);
    let mut insert =
        transaction.prepare_cached("INSERT INTO nonces (application, until_ms, marks) VALUES (?1, ?2, ?3)")?;
    for (application, marks) in &tail.nonces {
        let marks: Vec<u8> = marks.iter().flat_map(|mark| *mark.as_bytes()).collect();
        insert.execute(params![application.as_str(), until.ms(), marks])?;
    }
    Ok(())
}

fn patients(transaction: &Transaction<'_>, tail: &Tail) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached("INSERT INTO patients VALUES (?1, ?2)")?;
    let mut patients = tail.patients.clone();
    patients.sort_unstable();
    for (key, index) in patients {
        insert.execute([row_id(key)?, row_id(index)?])?;
    }
    Ok(())
}

/// The few assertions that are under way, written anew.
fn pending(transaction: &Transaction<'_>, views: &Views) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM pending", [])?;
    let mut insert = transaction.prepare_cached("INSERT INTO pending VALUES (?1, ?2, ?3)")?;
    for (of, pending) in &views.pending {
        insert.execute(params![row_id(*of)?, pending.chain.as_bytes(), pending.expires.ms()])?;
    }
    Ok(())
}
