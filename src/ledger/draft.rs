//! The entries of one commit, and what they change in memory once they are on the disk.

use std::collections::HashSet;

use super::batch::Batch;
use super::change::{Change, Course};
use super::keyed::Keyed;
use super::keys::Keys;
use super::line::{Beside, Line, Written};
use super::registers;
use super::secrets::{Ivs, Secrets};
use super::store::{Edge, StoreError};
use super::views::Views;
use crate::traces::digest::Digest;
use crate::traces::entry::clear::{Clear, DataKeys};
use crate::traces::entry::event::{Event, OutcomeOf};
use crate::traces::entry::identity::Iv;
use crate::traces::entry::key::DataKey;
use crate::traces::entry::kind::Chained;
use crate::traces::entry::outcome::Outcome;
use crate::traces::entry::{Head, Link};
use crate::traces::merkle::leaf_hash;
use crate::traces::restoration;
use crate::vihf::instant::Instant;

/// What the entries are made with: nothing of it changes before they are on the disk.
#[derive(Clone, Copy)]
pub(super) struct Known<'w> {
    pub(super) secrets: &'w Secrets,
    pub(super) keys: &'w Keys,
    pub(super) views: &'w Views,
    /// The clock's time: the edge's is not before it, but where a new time begins.
    pub(super) now: Instant,
}

/// Entries under way. Dropped, it changed nothing: what is in memory is taken over with [`Draft::end`].
pub(super) struct Draft<'w> {
    known: Known<'w>,
    batch: &'w Batch<'w>,
    ivs: &'w mut Ivs,
    heads: Keyed<Head>,
    settled: HashSet<u64>,
    drafted: Drafted,
}

/// What a batch has made.
pub(super) struct Drafted {
    /// The edge behind the last entry.
    pub(super) edge: Edge,
    /// The leaves end to end, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    pub(super) changes: Vec<Change>,
    /// Data keys that were not in memory.
    pub(super) keys: Keyed<DataKey>,
}

impl Drafted {
    pub(super) fn leaves(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| self.bytes.get(begin..*end).unwrap_or_default())
    }
}

impl<'w> Draft<'w> {
    /// Begins at `edge`, with room for so many lines.
    pub(super) fn new(edge: Edge, lines: usize, batch: &'w Batch<'w>, known: Known<'w>, ivs: &'w mut Ivs) -> Self {
        let drafted = Drafted {
            edge,
            bytes: Vec::with_capacity(lines * 512),
            ends: Vec::with_capacity(lines),
            changes: Vec::with_capacity(lines),
            keys: Keyed::default(),
        };
        Self { known, batch, ivs, heads: Keyed::default(), settled: HashSet::new(), drafted }
    }

    pub(super) fn end(self) -> Drafted {
        self.drafted
    }

    /// Writes one line with what goes with it.
    ///
    /// An assertion has one disposition. What would be a second is left out: it was told as expired before it was known. A
    /// report on one that has none says that the application had it.
    pub(super) fn write(&mut self, line: Line) -> Result<Written, StoreError> {
        if let Event::Outcome(OutcomeOf { of, outcome }) = line.event {
            let open = self.known.views.pending.contains_key(&of) && !self.settled.contains(&of);
            if !open && !outcome.may_come(false) {
                return Ok(Written { index: of, chain: line.chain });
            }
            if open && !outcome.may_come(true) {
                let released = Event::Outcome(OutcomeOf { of, outcome: Outcome::Released });
                self.append(Line { event: released, chain: line.chain, beside: Beside::Nothing })?;
            }
        }
        self.append(line)
    }

    fn append(&mut self, line: Line) -> Result<Written, StoreError> {
        let Line { mut event, chain, mut beside } = line;
        if event.begins_time() || event.confirms_time() {
            let by_ms = self.drafted.edge.time.ms_since(self.known.now);
            self.batch.stepped_back(&event, u64::try_from(by_ms).unwrap_or_default())?;
        }
        if event.begins_time() {
            self.drafted.edge.time = self.known.now;
            self.batch.begin_time(self.known.now)?;
        }
        if let Event::Refused(refused) = &mut event {
            // Held while the clock went back: told as of now, rather than as of an instant that is still to come.
            refused.since = refused.since.map(|since| since.min(self.drafted.edge.time));
        }
        let (secrets, edge) = (self.known.secrets, &self.drafted.edge);
        let index = edge.frontier.size();
        if let (Beside::Generation, Event::Register(declared)) = (&beside, &mut event) {
            let number = self.batch.instance()?.generation.number() + 1;
            declared.content = restoration::content(number, index, &edge.frontier.root());
        }
        let clear = Clear { time: edge.time, boot: edge.boot, event };
        let lookups = clear.lookups(&secrets.lookup);
        let chain = lookups.practitioner.or(chain).filter(|_| clear.event.kind().chained() != Chained::Never);
        let link = chain.map(|chain| self.link(chain, index));
        for person in [lookups.practitioner, lookups.patient].into_iter().flatten() {
            self.provide_key(person)?;
        }
        let ivs = [self.iv(lookups.practitioner)?, self.iv(lookups.patient)?];
        let [practitioner_iv, patient_iv] = ivs;
        let data_keys = DataKeys {
            practitioner: self.key_of(lookups.practitioner).zip(practitioner_iv),
            patient: self.key_of(lookups.patient).zip(patient_iv),
        };
        let entry = clear
            .seal(index, link, lookups, data_keys)
            .map_err(|_| StoreError::Broken("an identity that cannot be sealed"))?;
        let drafted = &mut self.drafted;
        let begin = drafted.bytes.len();
        entry
            .encode_to(&mut drafted.bytes)
            .map_err(|_| StoreError::Broken("an entry that no reader would accept"))?;
        let hash = leaf_hash(drafted.bytes.get(begin..).unwrap_or_default());
        drafted.edge.frontier.append(hash, |_| {});
        drafted.ends.push(drafted.bytes.len());
        if matches!(beside, Beside::Generation) {
            self.batch.begin_generation(&drafted.edge.frontier.root())?;
        }
        let change = Change::of(entry, hash);
        if let Course::Outcome { of, .. } = change.course {
            self.settled.insert(of);
        }
        drafted.changes.push(change);
        if let Beside::SessionBegins { secret, body, .. } = &mut beside {
            *body = secrets.seal_session(secret.as_bytes(), body)?;
        }
        if let Beside::Register { name, content } = &mut beside
            && registers::is_sealed(name)
        {
            *content = secrets.seal_register(name, content)?;
        }
        self.batch.beside(index, chain, &beside)?;
        if let Beside::Ordered { then, .. } = beside {
            then.into_iter().try_for_each(|line| self.write(line).map(|_| ()))?;
        }
        Ok(Written { index, chain })
    }

    /// The next link of a practitioner's chain.
    fn link(&mut self, chain: Digest, index: u64) -> Link {
        let head = self.heads.get(&chain).copied().or_else(|| self.known.views.head(&chain));
        let link = Link::after(chain, head);
        self.heads.insert(chain, link.head(index));
        link
    }

    /// Sees to it that somebody's data key is at hand: from memory, from the disk, or new.
    fn provide_key(&mut self, person: Digest) -> Result<(), StoreError> {
        if self.key_of(Some(person)).is_some() {
            return Ok(());
        }
        let secrets = self.known.secrets;
        let key = match self.batch.data_key(&person)? {
            Some((id, wrapped)) => secrets.data_key(id, &person, &wrapped)?,
            None => {
                let id = self.batch.next_data_key()?;
                let (key, wrapped) = secrets.new_data_key(id, &person)?;
                self.batch.keep_data_key(id, &person, &wrapped)?;
                key
            }
        };
        self.drafted.keys.insert(person, key);
        Ok(())
    }

    /// Somebody's data key.
    fn key_of(&self, person: Option<Digest>) -> Option<&DataKey> {
        let person = person?;
        self.known.keys.get(&person).or_else(|| self.drafted.keys.get(&person))
    }

    /// Fresh random bits for one ciphertext.
    fn iv(&mut self, person: Option<Digest>) -> Result<Option<Iv>, StoreError> {
        person.map(|_| self.ivs.next()).transpose()
    }
}
