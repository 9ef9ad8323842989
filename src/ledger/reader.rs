//! The ledger read beside its writer, as it was at one moment.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use rusqlite::params;

use super::opening::FILE;
use super::secrets::Secrets;
use super::stepped_back;
use super::store::{Edge, Store, StoreError, number, row_id};
use super::tree::LeafTree;
use crate::traces::digest::Digest;
use crate::traces::entry::key::{DataKey, LookupKey, Revealed};
use crate::traces::entry::{Entry, Head};

/// How often it is opened again while a destruction changes the keys: it does so twice, minutes or years from the next.
const TRIES_MAX: u32 = 8;

/// A snapshot of the ledger: whatever is written while it lives, it shows the entries up to one edge.
///
/// For threads that may wait for the disk. While it lives the log file beside the database grows: read, and let go.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    secrets: Secrets,
    edge: Edge,
    folded: u64,
}

impl Reader {
    /// Opens the ledger in `folder` as it is now; makes nothing, writes nothing, keeps nobody out.
    ///
    /// Trusts the views as the writer does: it held them against the log when it started.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut tries = 1;
        loop {
            match Self::attempt(folder) {
                // A destruction begins or ends just now: its keys and this snapshot are not of one moment.
                Ok(None) | Err(StoreError::KeyMissing) if tries < TRIES_MAX => tries += 1,
                // The ledger is in order; who reads asks again.
                Ok(None) => return Err(StoreError::System(io::ErrorKind::ResourceBusy.into())),
                Ok(Some(reader)) => return Ok(reader),
                Err(error) => return Err(error),
            }
        }
    }

    /// None: the keys that were read may not be those of the snapshot.
    fn attempt(folder: &Path) -> Result<Option<Self>, StoreError> {
        let secrets = Secrets::read(folder)?;
        let store = Store::snapshot(&folder.join(FILE))?;
        // Fixes the snapshot. Nothing in it is under a key that is not there yet, nor under one that is erased already.
        let (edge, folded) = store.edge()?;
        let are_its_keys = secrets.epochs.are_those_of(folder)?;
        Ok(are_its_keys.then_some(Self { store, secrets, edge, folded: folded.size }))
    }

    /// The right edge: size and root of the tree, time and boot of the newest entry.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The entries before this index are in the views.
    pub(super) fn folded(&self) -> u64 {
        self.folded
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// What people are looked up by.
    #[must_use]
    pub fn lookup_key(&self) -> &LookupKey {
        &self.secrets.lookup
    }

    /// How far time was taken back by orders of one person each, in milliseconds, since two last confirmed it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stepped_back_ms(&self) -> Result<u64, StoreError> {
        stepped_back::read(&self.store.connection)
    }

    /// One leaf.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if there is none at `index`.
    pub fn leaf(&self, index: u64) -> Result<Vec<u8>, StoreError> {
        let mut leaf = Vec::new();
        self.leaves(index..index.saturating_add(1), |_, bytes| {
            leaf.extend_from_slice(bytes);
            Ok::<_, StoreError>(())
        })?;
        Ok(leaf)
    }

    /// Gives the leaves of a range with their indices, in their order.
    ///
    /// # Errors
    /// `each`'s; [`StoreError`], also for a range that does not end before the edge.
    pub fn leaves<E: From<StoreError>>(
        &self,
        range: Range<u64>,
        each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.store.leaves(range, each)
    }

    /// What inclusion and consistency proofs are made from (`traces::merkle::prove`).
    #[must_use]
    pub fn tree(&self) -> LeafTree<'_> {
        LeafTree::new(self, self.folded)
    }

    /// The head of every practitioner's chain at the edge.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn heads(&self) -> Result<HashMap<Digest, Head>, StoreError> {
        self.heads_at(self.edge.frontier.size())
    }

    /// The heads as they were when the ledger had `size` entries: what the map of a checkpoint was made of.
    ///
    /// Reads the entries between `size` and the last fold, whichever is first: dear for a checkpoint of long ago.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Broken`] also for a size beyond the edge.
    pub fn heads_at(&self, size: u64) -> Result<HashMap<Digest, Head>, StoreError> {
        let mut heads = HashMap::new();
        self.store.heads(|practitioner, head| {
            heads.insert(practitioner, head);
            Ok(())
        })?;
        let mut seen = HashMap::new();
        self.each_entry(size.min(self.folded)..size.max(self.folded), |entry| {
            let Some(link) = entry.link else { return };
            if entry.index < size {
                heads.insert(link.practitioner, link.head(entry.index));
            } else {
                // The first beyond says what was the last before.
                let before = link.previous.map(|last| Head { last, count: link.number - 1 });
                seen.entry(link.practitioner).or_insert(before);
            }
        })?;
        for (practitioner, before) in seen {
            match before {
                Some(head) => heads.insert(practitioner, head),
                None => heads.remove(&practitioner),
            };
        }
        Ok(heads)
    }

    fn each_entry(&self, range: Range<u64>, mut each: impl FnMut(Entry)) -> Result<(), StoreError> {
        self.leaves(range, |_, leaf| {
            each(decoded(leaf)?);
            Ok(())
        })
    }

    /// The head of one practitioner's chain at the edge.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn head(&self, practitioner: &Digest) -> Result<Option<Head>, StoreError> {
        use rusqlite::OptionalExtension as _;
        let mut newest = None;
        self.each_entry(self.folded..self.edge.frontier.size(), |entry| {
            if let Some(link) = entry.link.filter(|link| link.practitioner == *practitioner) {
                newest = Some(link.head(entry.index));
            }
        })?;
        if newest.is_some() {
            return Ok(newest);
        }
        let sql = "SELECT last, count FROM heads WHERE practitioner = ?1";
        let mut row = self.store.connection.prepare_cached(sql)?;
        let head: Option<(i64, i64)> =
            row.query_row([practitioner.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        head.map(|(last, count)| Ok(Head { last: number(last)?, count: number(count)? })).transpose()
    }

    /// The entries of one practitioner, from the newest back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of_practitioner(&self, practitioner: &Digest) -> Result<Chain<'_>, StoreError> {
        let next = self.head(practitioner)?.map(|head| head.last);
        Ok(Chain { reader: self, practitioner: *practitioner, next })
    }

    /// The same from a head that [`Reader::heads`] gave: for many practitioners at once.
    #[must_use]
    pub fn from_head(&self, practitioner: Digest, head: Head) -> Chain<'_> {
        Chain { reader: self, practitioner, next: Some(head.last) }
    }

    /// The indices of the entries of one patient, the oldest first, as long as the data key of that patient exists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of_patient(&self, patient: &Digest) -> Result<Vec<u64>, StoreError> {
        let Some((key, _)) = self.store.data_key(patient)? else { return Ok(Vec::new()) };
        let sql = "SELECT idx FROM patients WHERE key = ?1 ORDER BY idx";
        let mut rows = self.store.connection.prepare_cached(sql)?;
        let rows = rows.query_map(params![row_id(key)?], |row| row.get(0))?;
        let mut indices = rows.map(|row| number(row?)).collect::<Result<Vec<_>, _>>()?;
        self.each_entry(self.folded..self.edge.frontier.size(), |entry| {
            if entry.event.patient().is_some_and(|one| one.lookup == *patient) {
                indices.push(entry.index);
            }
        })?;
        Ok(indices)
    }

    /// The data key of a practitioner or patient; none if nobody of that lookup is in the ledger, or no longer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn data_key(&self, lookup: &Digest) -> Result<Option<DataKey>, StoreError> {
        let key = self.store.data_key(lookup)?;
        key.map(|(id, wrapped)| self.secrets.data_key(id, lookup, &wrapped)).transpose()
    }

    /// The data key of this number, with its bytes for an archive; none if it was destroyed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn revealed(&self, lookup: &Digest, id: u64) -> Result<Option<Revealed>, StoreError> {
        let key = self.store.data_key(lookup)?.filter(|(other, _)| *other == id);
        key.map(|(id, wrapped)| self.secrets.revealed(id, lookup, &wrapped)).transpose()
    }
}

/// The entries of one practitioner, from the newest back: each found by the link of the one after it.
#[derive(Debug)]
pub struct Chain<'r> {
    reader: &'r Reader,
    practitioner: Digest,
    next: Option<u64>,
}

impl Iterator for Chain<'_> {
    type Item = Result<(Entry, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next.take()?;
        Some(self.reader.leaf(index).and_then(|leaf| {
            let entry = decoded(&leaf)?;
            let link = entry.link.filter(|link| link.practitioner == self.practitioner && entry.index == index);
            let link = link.ok_or(StoreError::Broken("a practitioner's chain"))?;
            self.next = link.previous;
            Ok((entry, leaf))
        }))
    }
}

fn decoded(leaf: &[u8]) -> Result<Entry, StoreError> {
    Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))
}
