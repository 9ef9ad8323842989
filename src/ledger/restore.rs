//! A ledger made again from its segments and its escrow, on new hardware: a declared new generation.
//!
//! Everything is made in a folder aside, which gets its name when all of it was verified and is durable: a death before leaves
//! `.<name>.restoring`, which nothing opens. Trusts the escrow, and nothing else of what it reads: segments prove themselves
//! under the root key, entries by the tree, data keys by opening.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::backup_segment::{Header, Record, SegmentError, SegmentReader, tag_key};
use super::escrow::Escrow;
use super::line::Line;
use super::lost::Lost;
use super::opening::FILE;
use super::secrets::{ROOT_FILE, Secrets};
use super::store::{Store, StoreError, digest, number, row_id};
use super::writer::Writer;
use super::{epochs, key_file, purge_rows};
use crate::proof::Providers;
use crate::traces::audit::Generation;
use crate::traces::checkpoint::Checkpoint;
use crate::traces::entry::Entry;
use crate::traces::merkle::frontier::Frontier;
use crate::traces::merkle::leaf_hash;
use crate::vihf::instant::Instant;

/// Rows of one transaction: bounds the log file.
const CHUNK_ROWS: u64 = 1 << 16;

/// A ledger that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredLedger {
    /// The new generation.
    pub generation: Generation,
    /// Entries of the lives before; the next one declares the restore.
    pub entries: u64,
    /// Identities that can be read.
    pub data_keys: u64,
    /// Root of the tree over those entries, base64.
    pub root: String,
    /// The newest signed checkpoint that the segments brought.
    pub checkpoint: Option<String>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum NotRestored {
    /// There is something already.
    #[error(
        "{0} existe déjà ; donnez un dossier qui n'existe pas (et retirez le .restoring d'un essai interrompu)"
    )]
    Exists(PathBuf),
    /// No segment at all.
    #[error("aucun segment de sauvegarde n'a été donné ; vérifiez --from")]
    Empty,
    /// A segment is not what it says.
    #[error("le segment {name} est refusé : {cause}")]
    Segment {
        /// Its file.
        name: String,
        /// Why.
        cause: SegmentError,
    },
    /// A segment is missing, doubled, or of another backup.
    #[error(
        "le segment {name} n'est pas la suite du précédent : il en manque un, ou il vient d'une autre sauvegarde"
    )]
    OutOfPlace {
        /// Its file.
        name: String,
    },
    /// The newest segment says that there was more.
    #[error("la sauvegarde n'est pas entière : ses derniers segments manquent")]
    NotWhole,
    /// Entries are not those that were backed up.
    #[error("les traces du segment {name} ne sont pas celles qui ont été sauvegardées")]
    Altered {
        /// Its file.
        name: String,
    },
    /// The keys are of another epoch than the newest segment.
    #[error(
        "ce séquestre est de l'époque {given} et la sauvegarde de l'époque {needed} ; donnez le séquestre de l'époque \
         {needed} : chaque destruction rend inutiles ceux d'avant"
    )]
    Escrow {
        /// Of the newest segment.
        needed: u64,
        /// Of the escrow.
        given: u64,
    },
    /// It ends before what the officer has seen.
    #[error(
        "la sauvegarde finit à {entries} traces et votre point de contrôle en compte {kept} : les dernières seraient \
         perdues ; cherchez une sauvegarde plus récente, ou acceptez la perte (--accept-loss)"
    )]
    Behind {
        /// Entries of the backup.
        entries: u64,
        /// Entries of the checkpoint.
        kept: u64,
    },
    /// It is another history than the officer's.
    #[error("à {size} traces, la sauvegarde n'est pas l'histoire de votre point de contrôle")]
    Forked {
        /// Where it shows.
        size: u64,
    },
    /// Files or the new ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for NotRestored {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<io::Error> for NotRestored {
    fn from(error: io::Error) -> Self {
        Self::Store(StoreError::System(error))
    }
}

/// What the officer holds the restored ledger against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Against<'c> {
    /// The newest checkpoint that was kept, verified by the caller.
    pub since: Option<&'c Checkpoint>,
    /// Whether entries that the checkpoint has and the backup has not may be lost.
    pub accept_loss: bool,
}

/// Makes the ledger `into` from decrypted segments in their order.
///
/// After `Ok` the ledger is durable, all of it was verified, and its next entry declares the generation. After `Err` there is
/// nothing at `into`.
///
/// # Errors
/// [`NotRestored`].
pub fn restore<R: Read>(
    into: &Path,
    escrow: &Escrow,
    segments: impl IntoIterator<Item = io::Result<(String, R)>>,
    against: Against<'_>,
    now: Instant,
) -> Result<RestoredLedger, NotRestored> {
    let name = into
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let aside = into.with_file_name(format!(".{name}.restoring"));
    for folder in [into, &aside] {
        if folder.symlink_metadata().is_ok() {
            return Err(NotRestored::Exists(folder.to_owned()));
        }
    }
    fs::DirBuilder::new().mode(0o700).create(&aside)?;
    let restored = fill(&aside, escrow, segments, against, now).and_then(|restored| {
        fs::File::open(aside.join(FILE))?.sync_all()?;
        fs::File::open(&aside)?.sync_all()?;
        // Until here nothing has the name; from here on the whole ledger has.
        fs::rename(&aside, into)?;
        let parent = into.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(parent)?.sync_all()?;
        Ok(restored)
    });
    if restored.is_err() {
        // It holds keys and ciphertexts; whoever tries again needs the place.
        let _ = fs::remove_dir_all(&aside);
    }
    restored
}

fn fill<R: Read>(
    folder: &Path,
    escrow: &Escrow,
    segments: impl IntoIterator<Item = io::Result<(String, R)>>,
    against: Against<'_>,
    now: Instant,
) -> Result<RestoredLedger, NotRestored> {
    key_file::keep(&folder.join(ROOT_FILE), &escrow.root)?;
    key_file::keep(&epochs::path(folder, escrow.epoch), &escrow.wrapping)?;
    let store = Store::open(&folder.join(FILE))?;
    store.connection.pragma_update(None, "synchronous", "OFF")?;
    let mut filling = Filling::new(&store.connection, against.since);
    let key = tag_key(&escrow.root)?;
    for segment in segments {
        let (name, read) = segment?;
        filling.segment(&name, read, &key)?;
    }
    let Filling { frontier, last, key_number, header, stepped_back_ms, .. } = filling;
    let header = header.ok_or(NotRestored::Empty)?;
    if header.epoch != escrow.epoch {
        return Err(NotRestored::Escrow { needed: header.epoch, given: escrow.epoch });
    }
    if header.more {
        return Err(NotRestored::NotWhole);
    }
    let entries = frontier.size();
    if let Some(kept) = against.since.map(|kept| kept.size).filter(|kept| *kept > entries)
        && !against.accept_loss
    {
        return Err(NotRestored::Behind { entries, kept });
    }
    let (time, boot) = last.unwrap_or((now, 0));
    let connection = &store.connection;
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'data_keys'", [])?;
    // A number that a destroyed key had is not used again.
    connection.execute("INSERT INTO sqlite_sequence VALUES ('data_keys', ?1)", [row_id(key_number)?])?;
    // Sessions are gone, and what their nonces guarded with them; a proof of login may still be in its time: one that these
    // entries have is known, one that was spent since is not.
    Lost::Open.keep(connection)?;
    super::stepped_back::keep(connection, stepped_back_ms)?;
    let edge = params![frontier.to_bytes(), time.ms(), row_id(boot)?, row_id(Providers::memory_ms())?];
    connection.execute("UPDATE edge SET frontier = ?1, time_ms = ?2, boot = ?3, window_ms = ?4", edge)?;
    connection.execute("UPDATE instance SET generation = ?1", [row_id(header.generation)?])?;
    let data_keys = open_all(connection, &Secrets::open(folder)?)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let (root, checkpoint) = (frontier.root().to_base64(), header.checkpoint);
    let generation = declare(store, folder, now)?;
    Ok(RestoredLedger { generation, entries, data_keys, root, checkpoint })
}

/// The first entry of the new life, which is given; makes the views of the log on its way.
fn declare(store: Store, folder: &Path, now: Instant) -> Result<Generation, NotRestored> {
    let mut writer = Writer::new(store, Secrets::open(folder)?, 0, now)?;
    writer.commit(vec![Line::generation(None)], now, false)?;
    writer.store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(writer.store.instance()?.generation)
}

/// Every data key opens under the escrow's wrapping key; how many there are.
fn open_all(connection: &Connection, secrets: &Secrets) -> Result<u64, NotRestored> {
    let mut rows = connection.prepare("SELECT id, lookup, wrapped FROM data_keys")?;
    let mut rows = rows.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (person, wrapped): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        secrets.data_key(number(row.get(0)?)?, &digest(&person)?, &wrapped)?;
        count += 1;
    }
    Ok(count)
}

/// A new ledger that is being filled.
struct Filling<'s> {
    connection: &'s Connection,
    since: Option<&'s Checkpoint>,
    frontier: Frontier,
    /// Time and boot generation of the newest entry.
    last: Option<(Instant, u64)>,
    /// The highest number of a data key that any entry names.
    key_number: u64,
    /// The newest segment's.
    header: Option<Header>,
    /// Its tag.
    tag: String,
    rows: u64,
    /// How far time was taken back in these entries, and not confirmed.
    stepped_back_ms: u64,
}

impl<'s> Filling<'s> {
    fn new(connection: &'s Connection, since: Option<&'s Checkpoint>) -> Self {
        let (frontier, tag) = (Frontier::new(), String::new());
        let (key_number, rows, stepped_back_ms) = (0, 0, 0);
        Self { connection, since, frontier, last: None, key_number, header: None, tag, rows, stepped_back_ms }
    }

    /// Takes one segment whole.
    fn segment(&mut self, name: &str, read: impl Read, key: &aws_lc_rs::hmac::Key) -> Result<(), NotRestored> {
        let refuse = |cause| NotRestored::Segment { name: name.to_owned(), cause };
        let mut segment = SegmentReader::new(read, key).map_err(refuse)?;
        let header = segment.header().clone();
        let before = self.header.as_ref();
        let follows = header.number == before.map_or(1, |before| before.number + 1)
            && header.generation == before.map_or(header.generation, |before| before.generation)
            && header.epoch >= before.map_or(0, |before| before.epoch)
            && header.previous == self.tag
            && header.from == self.frontier.size();
        if !follows {
            return Err(NotRestored::OutOfPlace { name: name.to_owned() });
        }
        self.connection.execute_batch("BEGIN")?;
        if before.is_some_and(|before| before.epoch != header.epoch) {
            // A destruction took place in between: this segment has all keys and closings that are left.
            self.connection.execute_batch("DELETE FROM data_keys; DELETE FROM closings")?;
        }
        while let Some(record) = segment.next().map_err(refuse)? {
            self.take(record).map_err(|error| match error {
                NotRestored::Altered { .. } => NotRestored::Altered { name: name.to_owned() },
                other => other,
            })?;
        }
        self.connection.execute_batch("COMMIT")?;
        if self.frontier.size() != header.to || self.frontier.root().to_base64() != header.root {
            return Err(NotRestored::Altered { name: name.to_owned() });
        }
        self.tag = segment.tag().map(|tag| tag.to_base64()).unwrap_or_default();
        self.header = Some(header);
        Ok(())
    }

    fn take(&mut self, record: Record) -> Result<(), NotRestored> {
        match record {
            Record::Leaf(leaf) => self.leaf(&leaf)?,
            Record::DataKey { id, person, wrapped } => {
                let mut insert =
                    self.connection.prepare_cached("INSERT OR REPLACE INTO data_keys VALUES (?1, ?2, ?3)")?;
                insert.execute(params![row_id(id)?, person.as_bytes(), wrapped])?;
                self.key_number = self.key_number.max(id);
            }
            Record::Closing { patient, entry, at_ms } => {
                let at_ms = row_id(at_ms)?;
                purge_rows::close(self.connection, &patient, entry, at_ms)?;
            }
            Record::Register { name, entry, content } => {
                let mut insert =
                    self.connection.prepare_cached("INSERT OR REPLACE INTO registers VALUES (?1, ?2, ?3)")?;
                insert.execute(params![name, content, row_id(entry)?])?;
            }
        }
        self.rows += 1;
        if self.rows.is_multiple_of(CHUNK_ROWS) {
            self.connection.execute_batch("COMMIT; BEGIN")?;
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &[u8]) -> Result<(), NotRestored> {
        let index = self.frontier.size();
        let altered = || NotRestored::Altered { name: String::new() };
        let entry = Entry::decode(leaf).ok().filter(|entry| entry.index == index).ok_or_else(altered)?;
        self.frontier.append(leaf_hash(leaf), |_| {});
        if let Some(kept) = self.since.filter(|kept| kept.size == self.frontier.size())
            && kept.root != self.frontier.root()
        {
            return Err(NotRestored::Forked { size: kept.size });
        }
        let practitioner = entry.event.practitioner().map_or(0, |practitioner| practitioner.key);
        let patient = entry.event.patient().map_or(0, |patient| patient.identity.key);
        self.key_number = self.key_number.max(practitioner).max(patient);
        let by_ms = self.last.map_or(0, |(time, _)| time.ms_since(entry.time));
        let by_ms = u64::try_from(by_ms).unwrap_or_default();
        self.stepped_back_ms = super::stepped_back::after(self.stepped_back_ms, &entry.event, by_ms);
        self.last = Some((entry.time, entry.boot));
        let mut insert = self.connection.prepare_cached("INSERT INTO entries VALUES (?1, ?2)")?;
        insert.execute(params![row_id(index)?, leaf])?;
        Ok(())
    }
}
