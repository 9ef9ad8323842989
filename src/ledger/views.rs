//! What the writer knows of its own log without reading it: heads, pending assertions, the tree's edge, and what the next
//! fold writes.

use std::collections::{BTreeMap, HashMap};

use super::change::{Change, Course};
use super::keyed::Keyed;
use super::store::StoreError;
use crate::traces::digest::Digest;
use crate::traces::entry::word::Word;
use crate::traces::entry::{Head, Link};
use crate::traces::map::tree::Tree;
use crate::traces::merkle::tile;
use crate::vihf::instant::Instant;

/// Longest life of an assertion in milliseconds (vihf.md §1): what is under way when a new time begins is over after that.
const LIFETIME_MAX_MS: u64 = 30_000;

/// The views as of the last committed entry.
#[derive(Debug)]
pub(super) struct Views {
    /// The Merkle map as of the last fold, which is the memory of all heads too.
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
    pub(super) heads: Keyed<Head>,
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
    /// The end of a practitioner's chain.
    pub(super) fn head(&self, practitioner: &Digest) -> Option<Head> {
        self.tail.heads.get(practitioner).copied().or_else(|| self.map.get(practitioner))
    }

    /// The root of the map of all heads.
    pub(super) fn map_root(&mut self) -> Digest {
        self.settle();
        self.map.root()
    }

    /// Brings the map up to the log.
    pub(super) fn settle(&mut self) {
        self.tail.heads.iter().for_each(|(practitioner, head)| self.map.set(*practitioner, *head));
    }

    /// Takes an entry that is read again.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: the entry does not follow what the views know.
    pub(super) fn replay(&mut self, change: Change) -> Result<(), StoreError> {
        let follows =
            change.link.is_none_or(|link| Link::after(link.practitioner, self.head(&link.practitioner)) == link);
        if !follows {
            return Err(StoreError::Broken("a practitioner's chain"));
        }
        self.take(change);
        Ok(())
    }

    /// Takes an entry that was committed as it was drafted.
    pub(super) fn take(&mut self, change: Change) {
        if let Some((practitioner, head)) = change.head() {
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
    }

    /// Assertions without disposition whose life was over by `now`.
    pub(super) fn expired(&self, now: Instant) -> Vec<(u64, Digest)> {
        let over = self.pending.iter().filter(|(_, pending)| pending.expires <= now);
        over.map(|(of, pending)| (*of, pending.chain)).collect()
    }
}
