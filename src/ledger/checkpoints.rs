//! Checkpoints that were signed, kept beside the entries; the newest is held against the tree at a start.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::instance::Instance;
use super::reader::Reader;
use super::store::{Store, StoreError, number, row_id};
use crate::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::traces::merkle::{leaf_hash, prove, verify};
use crate::traces::note::Note;
use crate::traces::receipt::Receipt;

impl Store {
    /// Keeps a note; one of that size that is there stays.
    ///
    /// A commit of its own: a crash leaves the note or not, and no entry depends on it.
    pub(super) fn keep_checkpoint(&self, size: u64, note: &str) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached("INSERT OR IGNORE INTO checkpoints VALUES (?1, ?2)")?;
        insert.execute(params![row_id(size)?, note])?;
        Ok(())
    }

    /// Which ledger this is.
    pub(super) fn instance(&self) -> Result<Instance, StoreError> {
        Instance::read(&self.connection)
    }
}

fn newest(connection: &Connection) -> Result<Option<(u64, String)>, StoreError> {
    let sql = "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1";
    let newest: Option<(i64, String)> =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    newest.map(|(size, note)| Ok((number(size)?, note))).transpose()
}

impl Reader {
    /// Which ledger this is, in which life.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn instance(&self) -> Result<Instance, StoreError> {
        self.store().instance()
    }

    /// The newest checkpoint that was kept: its size and its note, as it was signed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_checkpoint(&self) -> Result<Option<(u64, String)>, StoreError> {
        newest(&self.store().connection)
    }

    /// Gives every checkpoint that was kept, the oldest first: size and note. Who signed it is for the caller to verify.
    ///
    /// # Errors
    /// `each`'s; [`StoreError`].
    pub fn checkpoints<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(u64, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT size, note FROM checkpoints ORDER BY size";
        let mut statement = self.store().connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let size = number(row.get(0).map_err(StoreError::from)?)?;
            let note: String = row.get(1).map_err(StoreError::from)?;
            each(size, &note)?;
        }
        Ok(())
    }

    /// Holds the newest kept checkpoint against the tree: a ledger that is shorter than what was signed, or another, is told.
    ///
    /// The signature is not judged: a checkpoint that somebody slipped in costs a start, never a rollback its notice.
    ///
    /// # Errors
    /// [`StoreError::Broken`].
    pub(super) fn recheck(&self) -> Result<(), StoreError> {
        let Some((size, note)) = self.newest_checkpoint()? else { return Ok(()) };
        let wrong = StoreError::Broken("un point de contrôle gardé n'est pas de ce journal");
        let Some(checkpoint) = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok()) else {
            return Err(StoreError::Broken("un point de contrôle gardé est illisible"));
        };
        if checkpoint.size != size || size > self.edge().frontier.size() {
            return Err(wrong);
        }
        match prove::root(&self.tree(), size) {
            Ok(root) if root == checkpoint.root => Ok(()),
            Ok(_) | Err(prove::ProveError::OutOfRange) => Err(wrong),
            Err(prove::ProveError::Store(error)) => Err(error),
        }
    }

    /// Receipts of entries that a checkpoint covers, in their order; after `Ok` each leads from its leaf to the checkpoint.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Broken`] if a proof leads elsewhere: the ledger read is not the one that was signed.
    pub fn receipts(&self, indices: &[u64], signed: &SignedCheckpoint) -> Result<Vec<Receipt>, StoreError> {
        let (tree, checkpoint) = (self.tree(), signed.checkpoint());
        let mut receipts = Vec::with_capacity(indices.len());
        for &index in indices {
            let leaf = self.leaf(index)?;
            let proof = prove::inclusion(&tree, index, checkpoint.size).map_err(|error| match error {
                prove::ProveError::OutOfRange => StoreError::Broken("un reçu d'une entrée non signée"),
                prove::ProveError::Store(error) => error,
            })?;
            let (hash, size, root) = (leaf_hash(&leaf), checkpoint.size, &checkpoint.root);
            if !verify::inclusion(&hash, index, size, &proof, root) {
                return Err(StoreError::Broken("une preuve ne mène pas à ce qui a été signé"));
            }
            receipts.push(Receipt { leaf, index, proof, note: signed.note().clone() });
        }
        Ok(receipts)
    }
}
