//! What the writer knows of its own log without reading it: heads, pending assertions, the tree's edge, and what the next
//! fold writes.

use std::collections::{BTreeMap, HashMap};

use super::change::{Change, Course};
use super::store::StoreError;
use crate::traces::digest::Digest;
use crate::traces::entry::Head;
use crate::traces::entry::word::Word;
use crate::traces::map::tree::Tree;
use crate::traces::merkle::tile;
use crate::vihf::instant::Instant;

/// Longest life of an assertion in milliseconds (vihf.md §1): what is under way when a new time begins is over after that.
const LIFETIME_MAX_MS: u64 = 30_000;

/// The views as of the last committed entry.
#[derive(Debug)]
pub(super) struct Views {
    /// The Merkle map, which is the memory of all heads too.
    pub(super) map: Tree,
    /// Assertions without disposition.
    pub(super) pending: BTreeMap<u64, Pending>,
    /// The tree's growing tiles, as of the last fold.
    pub(super) tiles: tile::Edge,
    pub(super) tail: Tail,
}

/// An assertion whose disposition is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// The practitioner's chain.
    pub(super) chain: Digest,
    /// Its NotOnOrAfter.
    pub(super) expires: Instant,
}

/// What the entries behind the last fold change; about 200 bytes an entry.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The newest one's.
    pub(super) time: Option<Instant>,
    pub(super) hashes: Vec<Digest>,
    pub(super) heads: HashMap<Digest, Head>,
    pub(super) nonces: HashMap<Word, Vec<Digest>>,
    /// Number of the data key, index of the entry.
    pub(super) patients: Vec<(u64, u64)>,
}

impl Tail {
    /// Entries that are not folded.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

impl Views {
    /// Takes a committed entry.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: the entry does not follow what the views know. Never of one that was just drafted.
    pub(super) fn take(&mut self, change: Change) -> Result<(), StoreError> {
        if let Some(link) = change.link {
            let before = self.map.get(&link.practitioner);
            if link.previous != before.map(|head| head.last)
                || link.number != before.map_or(1, |head| head.count + 1)
            {
                return Err(StoreError::Broken("a practitioner's chain"));
            }
        }
        if let Some((practitioner, head)) = change.head() {
            self.map.set(practitioner, head);
            self.tail.heads.insert(practitioner, head);
        }
        match change.course {
            Course::Nothing => {}
            Course::Issued { expires } => {
                let chain = change.link.map(|link| link.practitioner).unwrap_or_default();
                self.pending.insert(change.index, Pending { chain, expires });
            }
            Course::TimeBegins => {
                let latest = change.time.plus_ms(LIFETIME_MAX_MS);
                self.pending.values_mut().for_each(|pending| pending.expires = pending.expires.min(latest));
            }
            Course::Outcome { of, .. } => {
                self.pending.remove(&of);
            }
        }
        if let Some((application, mark)) = change.spent {
            self.tail.nonces.entry(application).or_default().push(mark);
        }
        if let Some(key) = change.patient {
            self.tail.patients.push((key, change.index));
        }
        self.tail.hashes.push(change.hash);
        self.tail.time = Some(change.time);
        Ok(())
    }

    /// Assertions without disposition whose life was over by `now`.
    pub(super) fn expired(&self, now: Instant) -> Vec<(u64, Digest)> {
        let over = self.pending.iter().filter(|(_, pending)| pending.expires <= now);
        over.map(|(of, pending)| (*of, pending.chain)).collect()
    }
}
