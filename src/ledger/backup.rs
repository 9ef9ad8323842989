//! A backup: what the ledger has that the folder of earlier segments has not, encrypted for those who may restore.
//!
//! Entries, wrapped data keys, closings and registers; no session, no nonce, no view. Sessions end with their machine, so that an
//! old nonce meets no session; nonces of the entries are found in the entries. The keys travel apart ([`super::escrow`]): once
//! a purge has begun a new epoch and the old escrow is destroyed, no segment opens for whom it destroyed.

use std::io::{self, Write};
use std::ops::Range;

use rusqlite::Connection;

use super::backup_segment::{Header, SegmentWriter, tag_key};
use super::backup_state::State;
use super::epochs::number_of;
use super::escrow::Escrow;
use super::instance::Instance as LedgerInstance;
use super::purge_rows;
use super::reader::Reader;
use super::registers::is_sealed;
use super::store::{StoreError, digest, number, row_id};
use crate::envelope::{Envelope, Recipient};
use crate::traces::digest::Digest;
use crate::traces::merkle::tile;
use crate::vihf::instant::Instant;

/// What a segment brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The ledger's generation.
    pub generation: u64,
    /// The segment's number, from 1.
    pub number: u64,
    /// Its first entry.
    pub from: u64,
    /// Entries that the folder has now.
    pub entries: u64,
    /// Data keys that it brought.
    pub data_keys: u64,
    /// Epoch of the data keys: the escrow that opens them, and no other.
    pub epoch: u64,
    /// Whether there is more for a next segment.
    pub more: bool,
    /// Whether this segment is the first of its epoch: a new escrow is needed, and every earlier one is to be destroyed.
    pub new_epoch: bool,
    /// What the next segment goes on from; kept beside the segments.
    pub state: String,
}

/// Why there is no segment.
#[derive(Debug, thiserror::Error)]
pub enum NotBackedUp {
    /// What the folder was left with is not of this ledger, or of an earlier life of it.
    #[error(
        "l'état de ce dossier de sauvegarde n'est pas de ce journal ou de cette génération ; faites une sauvegarde \
         complète dans un dossier vide"
    )]
    State,
    /// A destruction is not complete: keys of two epochs are there.
    #[error("une destruction est en cours ; recommencez quand elle est terminée")]
    UnderWay,
    /// The ledger could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The segment could not be written.
    #[error("la sauvegarde n'a pas pu être écrite ({0}) ; recommencez")]
    Write(#[from] io::Error),
}

impl From<rusqlite::Error> for NotBackedUp {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How much one segment may hold. Reason: it is made, and decrypted by openssl, in memory: some 20 MB.
#[derive(Clone, Copy, Debug)]
pub struct SegmentLimits {
    /// Entries, of half a kilobyte each.
    pub entries_max: u64,
    /// Data keys, of a tenth of a kilobyte each.
    pub keys_max: u64,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self { entries_max: 20_000, keys_max: 80_000 }
    }
}

/// Whether the folder that was left with `since` can be added to now; what may be told before anything is recorded.
///
/// # Errors
/// [`NotBackedUp::UnderWay`], [`NotBackedUp::State`], [`NotBackedUp::Store`].
pub fn backup_goes_on(reader: &Reader, since: Option<&str>) -> Result<(), NotBackedUp> {
    goes_on(reader, since).map(|_| ())
}

fn goes_on(reader: &Reader, since: Option<&str>) -> Result<Option<State>, NotBackedUp> {
    let connection = &reader.store().connection;
    if purge_rows::is_decided(connection)? || reader.secrets().epochs.is_changing() {
        return Err(NotBackedUp::UnderWay);
    }
    let Some(text) = since else { return Ok(None) };
    let key = tag_key(&reader.secrets().root_key()?)?;
    let state = State::parse(text, &key).ok_or(NotBackedUp::State)?;
    let LedgerInstance { id, generation } = LedgerInstance::read(connection)?;
    // A copy that was restored twice is two ledgers of one number.
    let is_mine = state.generation == generation.number() && (state.ledger.is_empty() || state.ledger == id);
    let is_of_this_life = is_mine && state.entries <= reader.edge().frontier.size();
    if is_of_this_life { Ok(Some(state)) } else { Err(NotBackedUp::State) }
}

/// Writes the segment after `since` (the first without) for `readers`, as one CMS envelope.
///
/// Trusts that the readers' certificates are the establishment's. Memory: some rows, whatever the ledger's size. After `Err`
/// what was written is nothing that a restore takes.
///
/// # Errors
/// [`NotBackedUp`].
pub fn backup<W: Write>(
    reader: &Reader,
    readers: &[Recipient],
    since: Option<&str>,
    limits: SegmentLimits,
    checkpoint: Option<String>,
    now: Instant,
    out: W,
) -> Result<BackedUp, NotBackedUp> {
    let since = goes_on(reader, since)?;
    let (connection, epochs) = (&reader.store().connection, &reader.secrets().epochs);
    let key = tag_key(&reader.secrets().root_key()?)?;
    let LedgerInstance { id: ledger, generation } = LedgerInstance::read(connection)?;
    let generation = generation.number();
    let entries = reader.edge().frontier.size();
    let from = since.as_ref().map_or(0, |state| state.entries);
    let to = entries.min(from.saturating_add(limits.entries_max));
    let epoch = epochs.current();
    let same_epoch = since.as_ref().filter(|state| state.epoch == epoch);
    let keys_after = same_epoch.map_or(0, |state| state.keys);
    let more = to < entries || keys_beyond(connection, keys_after)? > limits.keys_max;
    let header = Header {
        generation,
        number: since.as_ref().map_or(1, |state| state.number + 1),
        previous: since.as_ref().map(|state| state.tag.clone()).unwrap_or_default(),
        epoch,
        from,
        to,
        keys_after,
        more,
        root: root(reader, to)?.to_base64(),
        made_at: now.to_string(),
        checkpoint,
    };
    let mut segment = SegmentWriter::new(Envelope::new(readers, out)?, &key, &header)?;
    reader.leaves(from..to, |_, leaf| Ok::<_, NotBackedUp>(segment.leaf(leaf)?))?;
    // The keys of the entries come after all of these.
    let keys_max = if to < entries { 0 } else { limits.keys_max };
    let (data_keys, keys) = data_keys(reader, keys_after, keys_max, epoch, &mut segment)?;
    closings(reader, same_epoch.map_or(0, |state| state.entries)..to, &mut segment)?;
    registers(reader, same_epoch.map_or(0, |state| state.entries)..to, epoch, &mut segment)?;
    let (envelope, tag) = segment.finish()?;
    envelope.finish()?.flush()?;
    let (number, tag) = (header.number, tag.to_base64());
    let state = State { ledger, generation, number, tag, entries: to, epoch, keys };
    let state = state.to_text(&key).ok_or(NotBackedUp::State)?;
    let new_epoch = same_epoch.is_none();
    Ok(BackedUp { generation, number, from, entries: to, data_keys, epoch, more, new_epoch, state })
}

/// Writes the present keys for `recovery`, as one CMS envelope; their epoch.
///
/// # Errors
/// [`NotBackedUp`].
pub fn escrow<W: Write>(reader: &Reader, recovery: &[Recipient], out: W) -> Result<u64, NotBackedUp> {
    if purge_rows::is_decided(&reader.store().connection)? || reader.secrets().epochs.is_changing() {
        return Err(NotBackedUp::UnderWay);
    }
    let escrow = Escrow::of(reader.secrets())?;
    let mut envelope = Envelope::new(recovery, out)?;
    envelope.write_all(&escrow.text()?)?;
    envelope.finish()?.flush()?;
    Ok(escrow.epoch)
}

fn keys_beyond(connection: &Connection, after: u64) -> Result<u64, NotBackedUp> {
    let sql = "SELECT count(*) FROM data_keys WHERE id > ?1";
    Ok(number(connection.query_row(sql, [row_id(after)?], |row| row.get(0))?)?)
}

/// Root of the tree over the first `size` entries.
fn root(reader: &Reader, size: u64) -> Result<Digest, StoreError> {
    let frontier = tile::frontier(&reader.tree(), size)?.ok_or(StoreError::Broken("a tile is missing"))?;
    Ok(frontier.root())
}

/// Data keys after a number: how many, and the last number.
fn data_keys<W: Write>(
    reader: &Reader,
    after: u64,
    limit: u64,
    epoch: u64,
    segment: &mut SegmentWriter<W>,
) -> Result<(u64, u64), NotBackedUp> {
    let mut rows = reader
        .store()
        .connection
        .prepare("SELECT id, lookup, wrapped FROM data_keys WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let mut rows = rows.query([row_id(after)?, row_id(limit)?])?;
    let (mut count, mut last) = (0, after);
    while let Some(row) = rows.next()? {
        let (person, wrapped): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        if number_of(&wrapped).is_none_or(|(number, _)| number != epoch) {
            return Err(NotBackedUp::UnderWay);
        }
        last = number(row.get(0)?)?;
        segment.data_key(last, &digest(&person)?, &wrapped)?;
        count += 1;
    }
    Ok((count, last))
}

/// Closings by orders of those entries.
fn closings<W: Write>(reader: &Reader, by: Range<u64>, segment: &mut SegmentWriter<W>) -> Result<(), NotBackedUp> {
    let connection = &reader.store().connection;
    let mut rows =
        connection.prepare("SELECT patient, entry, at_ms FROM closings WHERE entry >= ?1 AND entry < ?2")?;
    let mut rows = rows.query([row_id(by.start)?, row_id(by.end)?])?;
    while let Some(row) = rows.next()? {
        let patient: Digest = digest(&row.get::<_, Vec<u8>>(0)?)?;
        segment.closing(&patient, number(row.get(1)?)?, number(row.get(2)?)?)?;
    }
    Ok(())
}

/// Registers that changed with those entries; encrypted ones as they are, for who has the escrow.
fn registers<W: Write>(
    reader: &Reader,
    by: Range<u64>,
    epoch: u64,
    segment: &mut SegmentWriter<W>,
) -> Result<(), NotBackedUp> {
    let connection = &reader.store().connection;
    let mut rows =
        connection.prepare("SELECT name, entry, content FROM registers WHERE entry >= ?1 AND entry < ?2")?;
    let mut rows = rows.query([row_id(by.start)?, row_id(by.end)?])?;
    while let Some(row) = rows.next()? {
        let (name, content): (String, Vec<u8>) = (row.get(0)?, row.get(2)?);
        if is_sealed(&name) && number_of(&content).is_none_or(|(number, _)| number != epoch) {
            return Err(NotBackedUp::UnderWay);
        }
        segment.register(&name, number(row.get(1)?)?, &content)?;
    }
    Ok(())
}
