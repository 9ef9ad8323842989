//! The SQLite file: WAL, `synchronous=FULL`, one writer.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::NotRecorded;
use super::batch::Batch;
use super::line::{Kept, Nonce};
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::merkle::frontier::Frontier;
use crate::traces::merkle::leaf_hash;
use crate::vihf::instant::Instant;

/// Format of the file; another is another software's.
const FORMAT: i64 = 1;
/// How long another process that holds the file is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// Newest leaves that are hashed again when the ledger is opened: more than one commit ever has.
const RECHECKED: u64 = 1024;

const SCHEMA: &str = "
CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
CREATE TABLE nodes (level INTEGER, idx INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE heads (practitioner BLOB PRIMARY KEY, last INTEGER NOT NULL, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE data_keys (id INTEGER PRIMARY KEY AUTOINCREMENT, lookup BLOB NOT NULL UNIQUE, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE nonces (mark BLOB PRIMARY KEY, uid INTEGER NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_until ON nonces (until_ms);
CREATE TABLE sessions (secret BLOB PRIMARY KEY, uid INTEGER NOT NULL, entry INTEGER NOT NULL, chain BLOB NOT NULL,
                       ends_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE pending (idx INTEGER PRIMARY KEY, chain BLOB NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
CREATE TABLE edge (only INTEGER PRIMARY KEY CHECK (only = 0), frontier BLOB NOT NULL, time_ms INTEGER NOT NULL,
                   boot INTEGER NOT NULL) STRICT;
";

/// Why the ledger was not opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses a file or folder.
    #[error(
        "le journal ne peut pas être ouvert ({0}) ; vérifiez [ledger] folder, ses droits et la place du disque"
    )]
    System(std::io::Error),
    /// SQLite refuses.
    #[error(
        "le journal ne peut pas être lu ou écrit ({0}) ; vérifiez [ledger] folder, ses droits et la place du disque"
    )]
    Sqlite(#[from] rusqlite::Error),
    /// Others may read the root key.
    #[error("ledger.key est lisible par d'autres que son propriétaire ; faites chmod 0600 ledger.key")]
    KeyExposed,
    /// A ledger without its root key.
    #[error(
        "ledger.key manque à côté d'un journal existant ; remettez-le (sauvegarde) : sans lui rien ne peut être relu"
    )]
    KeyMissing,
    /// Newer software wrote it.
    #[error("le journal est d'un format plus récent ({0}) ; installez la version de Sceau qui l'a écrit")]
    Format(i64),
    /// Integrity: halt.
    #[error(
        "le journal est incohérent ({0}) ; n'y touchez pas, conservez le dossier entier et appelez le support"
    )]
    Broken(&'static str),
    /// The system gives no random bytes.
    #[error("le système ne donne pas d'octets aléatoires")]
    Random,
}

impl StoreError {
    /// Whose fault it is while writing: nothing in doubt, or everything.
    pub(super) fn class(&self) -> NotRecorded {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => match error.code {
                ErrorCode::DiskFull => NotRecorded::Space,
                ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked => NotRecorded::Unavailable,
                _ => NotRecorded::Broken,
            },
            _ => NotRecorded::Broken,
        }
    }
}

/// The right edge of the ledger: all that the next entry needs to know of the others.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) frontier: Frontier,
    pub(super) time: Instant,
    pub(super) boot: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the file, makes it if there is none, and holds its newest part against its own hashes.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // The log files beside it take its mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(StoreError::System)?;
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What is deleted is overwritten: a session's body and, later, a destroyed key.
        connection.pragma_update(None, "secure_delete", "ON")?;
        let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match format {
            0 => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                transaction.execute_batch(SCHEMA)?;
                transaction
                    .execute("INSERT INTO edge VALUES (0, ?1, 0, 0)", params![Frontier::new().to_bytes()])?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
                transaction.commit()?;
            }
            FORMAT => {}
            other => return Err(StoreError::Format(other)),
        }
        connection.set_prepared_statement_cache_capacity(32);
        let store = Self { connection };
        store.recheck()?;
        Ok(store)
    }

    /// The right edge as it was committed.
    pub(super) fn edge(&self) -> Result<Edge, StoreError> {
        let (frontier, time_ms, boot): (Vec<u8>, i64, i64) =
            self.connection.query_row("SELECT frontier, time_ms, boot FROM edge", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let frontier = Frontier::from_bytes(&frontier).ok_or(StoreError::Broken("the tree's edge"))?;
        Ok(Edge { frontier, time: Instant::from_ms(time_ms), boot: number(boot)? })
    }

    /// The edge, the number of entries and the newest leaves agree.
    fn recheck(&self) -> Result<(), StoreError> {
        let size = self.edge()?.frontier.size();
        let last: Option<i64> = self.connection.query_row("SELECT max(idx) FROM entries", [], |row| row.get(0))?;
        if last.map_or(Ok(0), |last| number(last).map(|last| last + 1))? != size {
            return Err(StoreError::Broken("the number of entries"));
        }
        let from = size.saturating_sub(RECHECKED);
        let mut leaves = self.connection.prepare("SELECT leaf FROM entries WHERE idx = ?1")?;
        let mut nodes = self.connection.prepare("SELECT hash FROM nodes WHERE level = 0 AND idx = ?1")?;
        for index in from..size {
            let leaf: Vec<u8> = leaves.query_row([row_id(index)?], |row| row.get(0))?;
            let hash: Vec<u8> = nodes.query_row([row_id(index)?], |row| row.get(0))?;
            let entry = Entry::decode(&leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
            if entry.index != index || leaf_hash(&leaf).as_bytes().as_slice() != hash {
                return Err(StoreError::Broken("an entry is not the one that was hashed"));
            }
        }
        Ok(())
    }

    /// Begins a batch: all of it will be on the disk, or nothing.
    pub(super) fn batch(&mut self) -> Result<Batch<'_>, StoreError> {
        Ok(Batch::of(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?))
    }

    /// Nonces whose window is open at `now`.
    pub(super) fn nonces(&self, now: Instant) -> Result<Vec<Nonce>, StoreError> {
        let mut rows = self
            .connection
            .prepare("SELECT uid, mark, until_ms FROM nonces WHERE until_ms > ?1 ORDER BY until_ms")?;
        let nonces = rows.query_map([now.ms()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        nonces
            .map(|row| {
                let (uid, mark, until): (u32, Vec<u8>, i64) = row?;
                Ok(Nonce { uid, mark: digest(&mark)?, until: Instant::from_ms(until) })
            })
            .collect()
    }

    /// Sessions that have not ended at `now`; bodies are still encrypted.
    pub(super) fn sessions(&self, now: Instant) -> Result<Vec<Kept>, StoreError> {
        let mut rows = self
            .connection
            .prepare("SELECT secret, uid, entry, chain, ends_ms, body FROM sessions WHERE ends_ms > ?1")?;
        let sessions = rows.query_map([now.ms()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })?;
        sessions
            .map(|row| {
                let (secret, uid, entry, chain, ends, body): (Vec<u8>, u32, i64, Vec<u8>, i64, Vec<u8>) = row?;
                let (secret, chain) = (digest(&secret)?, digest(&chain)?);
                Ok(Kept { secret, uid, entry: number(entry)?, chain, ends: Instant::from_ms(ends), body })
            })
            .collect()
    }

    /// Whether anything may be forgotten at `now`.
    pub(super) fn is_stale(&self, now: Instant) -> Result<bool, StoreError> {
        let mut row = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM nonces WHERE until_ms <= ?1) OR EXISTS (SELECT 1 FROM sessions WHERE ends_ms <= ?1)",
        )?;
        Ok(row.query_row([now.ms()], |row| row.get(0))?)
    }

    /// Assertions without outcome that expired by `now`: entry and chain.
    pub(super) fn expired(&self, now: Instant) -> Result<Vec<(u64, Digest)>, StoreError> {
        let mut rows = self
            .connection
            .prepare_cached("SELECT idx, chain FROM pending WHERE expires_ms <= ?1 ORDER BY idx")?;
        let pending = rows.query_map([now.ms()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        pending
            .map(|row| {
                let (index, chain): (i64, Vec<u8>) = row?;
                Ok((number(index)?, digest(&chain)?))
            })
            .collect()
    }
}

pub(super) fn row_id(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Broken("a number beyond the database's"))
}

pub(super) fn number(row: i64) -> Result<u64, StoreError> {
    u64::try_from(row).map_err(|_| StoreError::Broken("a negative number"))
}

fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    Digest::from_slice(bytes).ok_or(StoreError::Broken("a hash of another length"))
}
