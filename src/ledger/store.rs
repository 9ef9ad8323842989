//! The SQLite file: WAL, `synchronous=FULL`, one writer.

use std::fs::OpenOptions;
use std::io;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::NotRecorded;
use super::batch::Batch;
use super::instance;
use super::memories;
use super::purge_rows;
use super::restored::Kept;
use crate::traces::digest::Digest;
use crate::traces::merkle::frontier::Frontier;
use crate::vihf::instant::Instant;

/// Format of the file; another is another software's.
const FORMAT: i64 = 2;
/// How long another process that holds the file is waited for.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(2);
/// Pages of the log file after which a commit copies it into the database: 128 MB, some ten times of what [`super::copying`]
/// finds when it looks, so that it happens only where that one is gone or a reader holds the log.
const LOG_PAGES_MAX: u32 = 1 << 15;
/// To how much the log file is cut after a reader kept it from being begun anew, in bytes.
const LOG_LEN_MAX: i64 = 64 << 20;
/// Pages in memory, in kB: the right edge of the entries, and the upper pages of the indices.
const CACHE_KB: i64 = 16 << 10;

/// `entries` is the log; `edge` its right end; keys, sessions, checkpoints (what was signed of it, by size), orders, registers
/// and the instance (its name, and how often it was restored) cannot be derived from it. The others are views, written by the
/// fold up to `edge.folded` and made anew from the entries behind it.
const SCHEMA: &str = "
CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
CREATE TABLE orders (mark BLOB PRIMARY KEY, entry INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE registers (name TEXT PRIMARY KEY, content BLOB NOT NULL, entry INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE instance (only INTEGER PRIMARY KEY CHECK (only = 0), id TEXT NOT NULL, generation INTEGER NOT NULL) STRICT;
CREATE TABLE edge (only INTEGER PRIMARY KEY CHECK (only = 0), frontier BLOB NOT NULL, time_ms INTEGER NOT NULL,
                   boot INTEGER NOT NULL, folded INTEGER NOT NULL, window_ms INTEGER NOT NULL) STRICT;
CREATE TABLE counter (only INTEGER PRIMARY KEY CHECK (only = 0), intent INTEGER NOT NULL) STRICT;
CREATE TABLE data_keys (id INTEGER PRIMARY KEY AUTOINCREMENT, lookup BLOB NOT NULL UNIQUE, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE sessions (secret BLOB PRIMARY KEY, uid INTEGER NOT NULL, entry INTEGER NOT NULL, chain BLOB NOT NULL,
                       ends_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tiles (level INTEGER, idx INTEGER, hashes BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT;
CREATE TABLE heads (practitioner BLOB PRIMARY KEY, last INTEGER NOT NULL, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE nonces (page INTEGER PRIMARY KEY, application TEXT NOT NULL, until_ms INTEGER NOT NULL, marks BLOB NOT NULL) STRICT;
CREATE TABLE patients (key INTEGER, idx INTEGER, PRIMARY KEY (key, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE pending (idx INTEGER PRIMARY KEY, chain BLOB NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
";

/// Why the ledger was not opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses a file or folder.
    #[error(
        "le journal ne peut pas être ouvert ({0}) ; vérifiez [ledger] folder, ses droits et la place du disque"
    )]
    System(io::Error),
    /// SQLite refuses.
    #[error(
        "le journal ne peut pas être lu ou écrit ({0}) ; vérifiez [ledger] folder, ses droits et la place du disque"
    )]
    Sqlite(#[source] rusqlite::Error),
    /// Others may read the root key.
    #[error("ledger.key est lisible par d'autres que son propriétaire ; faites chmod 0600 ledger.key")]
    KeyExposed,
    /// A ledger without its root key.
    #[error(
        "ledger.key manque à côté d'un journal existant ; remettez-le (sauvegarde) : sans lui rien ne peut être relu"
    )]
    KeyMissing,
    /// A ciphertext of an epoch whose key was erased: the database is an older copy than its keys.
    #[error(
        "ce journal est une copie antérieure à une destruction : la clé qui l'ouvrait a été effacée ; remettez le journal \
         le plus récent, ou restaurez une sauvegarde faite depuis"
    )]
    KeyErased,
    /// Other software wrote it.
    #[error("le journal est d'un autre format ({0}) ; installez la version de Sceau qui l'a écrit")]
    Format(i64),
    /// Another process has it.
    #[error(
        "le journal de {0} est tenu par un autre sceaud ; arrêtez-le d'abord, ou donnez à chacun son [ledger] folder"
    )]
    Locked(PathBuf),
    /// Integrity: halt.
    #[error(
        "le journal est incohérent ({0}) ; n'y touchez pas, conservez le dossier entier et appelez le support"
    )]
    Broken(&'static str),
    /// The system gives no random bytes.
    #[error("le système ne donne pas d'octets aléatoires")]
    Random,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // Neither rights nor room: no start mends it.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Broken("le fichier n'est plus une base lisible")
            }
            _ => Self::Sqlite(error),
        }
    }
}

impl StoreError {
    /// Whose fault it is: nothing in doubt, or everything.
    #[must_use]
    pub fn class(&self) -> NotRecorded {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => match error.code {
                ErrorCode::DiskFull => NotRecorded::Space,
                ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked => NotRecorded::Unavailable,
                _ => NotRecorded::Broken,
            },
            // A file beside the database: nothing of the log is in doubt.
            Self::System(cause) => match cause.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => NotRecorded::Space,
                _ => NotRecorded::Unavailable,
            },
            _ => NotRecorded::Broken,
        }
    }
}

/// The right edge of the ledger: all that the next entry needs to know of the others.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The tree's; its size is the ledger's.
    pub frontier: Frontier,
    /// The newest entry's.
    pub time: Instant,
    /// The newest boot generation.
    pub boot: u64,
}

/// How far the views are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folded {
    /// The entries before this index are in the views.
    pub(super) size: u64,
    /// How long the nonces of the entries behind it are to be remembered, in milliseconds.
    pub(super) window_ms: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
}

impl Store {
    /// Opens the file to write it, makes it if there is none.
    ///
    /// Trusts that nobody else writes it ([`super::lock`]). What a crash left of a transaction SQLite takes back here; whether
    /// the rest agrees, [`super::recovery`] says.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // The log files beside it take its mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(StoreError::System)?;
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
        connection.pragma_update(None, "journal_size_limit", LOG_LEN_MAX)?;
        connection.pragma_update(None, "cache_size", -CACHE_KB)?;
        // What is deleted is overwritten: a session's body, a destroyed key. Entries are never deleted: it costs them nothing.
        connection.pragma_update(None, "secure_delete", "ON")?;
        match format(&connection)? {
            0 => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                transaction.execute_batch(SCHEMA)?;
                transaction.execute_batch(purge_rows::SCHEMA)?;
                transaction
                    .execute("INSERT INTO edge VALUES (0, ?1, 0, 0, 0, 0)", params![Frontier::new().to_bytes()])?;
                instance::draw(&transaction)?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
                transaction.commit()?;
            }
            FORMAT => {}
            other => return Err(StoreError::Format(other)),
        }
        connection.execute_batch(memories::SCHEMA)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { connection })
    }

    /// Opens the file to read it beside its writer, at the edge of this moment: what is written later is not seen.
    pub(super) fn snapshot(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.pragma_update(None, "cache_size", -CACHE_KB)?;
        match format(&connection)? {
            FORMAT => {}
            other => return Err(StoreError::Format(other)),
        }
        connection.set_prepared_statement_cache_capacity(64);
        // The first read fixes what all others see.
        connection.execute_batch("BEGIN")?;
        Ok(Self { connection })
    }

    /// The right edge as it was committed, and how far the views are.
    pub(super) fn edge(&self) -> Result<(Edge, Folded), StoreError> {
        let (frontier, time_ms, boot, size, window): (Vec<u8>, i64, i64, i64, i64) = self.connection.query_row(
            "SELECT frontier, time_ms, boot, folded, window_ms FROM edge",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )?;
        let frontier = Frontier::from_bytes(&frontier).ok_or(StoreError::Broken("the tree's edge"))?;
        let folded = Folded { size: number(size)?, window_ms: number(window)? };
        Ok((Edge { frontier, time: Instant::from_ms(time_ms), boot: number(boot)? }, folded))
    }

    /// What the counter is to have reached; 0 before it was ever raised.
    pub(super) fn intent(&self) -> Result<u64, StoreError> {
        use rusqlite::OptionalExtension as _;
        let intent = self.connection.query_row("SELECT intent FROM counter", [], |row| row.get(0)).optional()?;
        number(intent.unwrap_or(0))
    }

    /// The oldest and the newest wrapped data key: a destruction renews them in their order.
    pub(super) fn wrapped_ends(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut ends = self.connection.prepare(
            "SELECT wrapped FROM data_keys WHERE id IN ((SELECT min(id) FROM data_keys), (SELECT max(id) FROM data_keys))",
        )?;
        let ends = ends.query_map([], |row| row.get(0))?;
        Ok(ends.collect::<Result<_, _>>()?)
    }

    /// Begins a batch: all of it will be on the disk, or nothing.
    pub(super) fn batch(&mut self) -> Result<Batch<'_>, StoreError> {
        Ok(Batch::of(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?))
    }

    /// Gives the leaves of a range in their order.
    pub(super) fn leaves<E: From<StoreError>>(
        &self,
        range: Range<u64>,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT idx, leaf FROM entries WHERE idx >= ?1 AND idx < ?2 ORDER BY idx";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let bounds = [row_id(range.start)?, row_id(range.end)?];
        let mut rows = statement.query(bounds).map_err(StoreError::from)?;
        let mut expected = range.start;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let index = number(row.get(0).map_err(StoreError::from)?)?;
            let leaf = row.get_ref(1).map_err(StoreError::from)?;
            let leaf = leaf.as_blob().map_err(|_| StoreError::Broken("an entry is no blob"))?;
            if index != expected {
                break;
            }
            each(index, leaf)?;
            expected += 1;
        }
        if expected == range.end { Ok(()) } else { Err(StoreError::Broken("an entry is missing").into()) }
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

    /// The data key of somebody: its number and wrapped form.
    pub(super) fn data_key(&self, lookup: &Digest) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        data_key(&self.connection, lookup)
    }

    /// Whether anything may be forgotten at `now`.
    pub(super) fn is_stale(&self, now: Instant) -> Result<bool, StoreError> {
        let mut row = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM nonces WHERE until_ms <= ?1) OR EXISTS (SELECT 1 FROM sessions WHERE ends_ms <= ?1)",
        )?;
        Ok(row.query_row([now.ms()], |row| row.get(0))?)
    }
}

/// Copies of the log into the database what no reader holds; waits for nobody. When all of it is copied the next commit begins
/// the log anew.
pub(super) fn copy_log(connection: &Connection) -> Result<(), StoreError> {
    // One that copies already: it will have done it.
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

fn format(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The data key of somebody, as [`Store::data_key`], within a transaction too.
pub(super) fn data_key(connection: &Connection, lookup: &Digest) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let mut row = connection.prepare_cached("SELECT id, wrapped FROM data_keys WHERE lookup = ?1")?;
    let key = row.query_row([lookup.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    key.map(|(id, wrapped): (i64, Vec<u8>)| Ok((number(id)?, wrapped))).transpose()
}

pub(super) fn row_id(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Broken("a number beyond the database's"))
}

pub(super) fn number(row: i64) -> Result<u64, StoreError> {
    u64::try_from(row).map_err(|_| StoreError::Broken("a negative number"))
}

pub(super) fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    Digest::from_slice(bytes).ok_or(StoreError::Broken("a hash of another length"))
}
