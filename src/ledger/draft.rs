//! The entries of one commit, and what they change in memory once they are on the disk.

use std::collections::HashMap;

use super::batch::Batch;
use super::line::{Beside, Line, Written};
use super::secrets::{Secrets, iv};
use super::store::{Edge, StoreError};
use crate::traces::digest::Digest;
use crate::traces::entry::clear::{Clear, DataKeys};
use crate::traces::entry::identity::Iv;
use crate::traces::entry::key::DataKey;
use crate::traces::entry::kind::Chained;
use crate::traces::entry::{Head, Link};
use crate::traces::merkle::{Node, leaf_hash};

/// Entries under way. Dropped, it changed nothing: what is in memory is taken over with [`Draft::end`].
pub(super) struct Draft<'w> {
    edge: Edge,
    heads: HashMap<Digest, Head>,
    new_keys: HashMap<Digest, DataKey>,
    batch: &'w Batch<'w>,
    secrets: &'w Secrets,
    keys: &'w HashMap<Digest, DataKey>,
}

impl<'w> Draft<'w> {
    /// Begins at `edge`; `keys` are the data keys in memory.
    pub(super) fn new(
        edge: Edge,
        batch: &'w Batch<'w>,
        secrets: &'w Secrets,
        keys: &'w HashMap<Digest, DataKey>,
    ) -> Self {
        Self { edge, heads: HashMap::new(), new_keys: HashMap::new(), batch, secrets, keys }
    }

    /// The edge behind the last entry, and the data keys that were not in memory.
    pub(super) fn end(self) -> (Edge, HashMap<Digest, DataKey>) {
        (self.edge, self.new_keys)
    }

    /// Writes one line with everything that goes with it.
    pub(super) fn write(&mut self, line: Line) -> Result<Written, StoreError> {
        let Line { event, chain, nonce, mut beside } = line;
        let index = self.edge.frontier.size();
        let clear = Clear { time: self.edge.time, boot: self.edge.boot, event };
        let practitioner = clear.practitioner_lookup(&self.secrets.lookup);
        let patient = clear.patient_lookup(&self.secrets.lookup);
        let chain = practitioner.or(chain).filter(|_| clear.event.kind().chained() != Chained::Never);
        let link = chain.map(|chain| self.link(chain, index)).transpose()?;
        for person in [practitioner, patient].into_iter().flatten() {
            self.provide_key(person)?;
        }
        let data_keys = DataKeys { practitioner: self.key_of(practitioner)?, patient: self.key_of(patient)? };
        let entry = clear
            .seal(index, link, &self.secrets.lookup, data_keys)
            .map_err(|_| StoreError::Broken("an identity that cannot be sealed"))?;
        let leaf = entry.encode().map_err(|_| StoreError::Broken("an entry that no reader would accept"))?;
        let mut nodes: Vec<Node> = Vec::with_capacity(4);
        self.edge.frontier.append(leaf_hash(&leaf), |node| nodes.push(node));
        self.batch.append(&entry, &leaf, &nodes)?;
        if let Some(nonce) = &nonce {
            self.batch.nonce(nonce)?;
        }
        if let Beside::SessionBegins { secret, body, .. } = &mut beside {
            *body = self.secrets.seal_session(secret.as_bytes(), body)?;
        }
        self.batch.beside(index, chain, &beside)?;
        Ok(Written { index, chain })
    }

    /// The next link of a practitioner's chain.
    fn link(&mut self, chain: Digest, index: u64) -> Result<Link, StoreError> {
        let head = match self.heads.get(&chain) {
            Some(head) => Some(*head),
            None => self.batch.head(&chain)?,
        };
        let link = Link::after(chain, head);
        self.heads.insert(chain, link.head(index));
        Ok(link)
    }

    /// Sees to it that somebody's data key is at hand: from memory, from the disk, or new.
    fn provide_key(&mut self, person: Digest) -> Result<(), StoreError> {
        if self.keys.contains_key(&person) || self.new_keys.contains_key(&person) {
            return Ok(());
        }
        let key = match self.batch.data_key(&person)? {
            Some((id, wrapped)) => self.secrets.data_key(id, &wrapped)?,
            None => {
                let id = self.batch.next_data_key()?;
                let (key, wrapped) = self.secrets.new_data_key(id)?;
                self.batch.keep_data_key(id, &person, &wrapped)?;
                key
            }
        };
        self.new_keys.insert(person, key);
        Ok(())
    }

    /// Somebody's data key with fresh random bits for one ciphertext.
    fn key_of(&self, person: Option<Digest>) -> Result<Option<(&DataKey, Iv)>, StoreError> {
        let key = person.and_then(|person| self.keys.get(&person).or_else(|| self.new_keys.get(&person)));
        key.map(|key| iv().map(|iv| (key, iv))).transpose()
    }
}
