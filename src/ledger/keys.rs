//! Data keys in memory, as many as are in use.

use super::keyed::Keyed;
use crate::traces::digest::Digest;
use crate::traces::entry::key::DataKey;

/// Keys of one generation, of which there are two: with their schedules about a kilobyte each.
const GENERATION_MAX: usize = 8192;

/// Data keys by whom they are of. The oldest go first, and come back from the disk when they are asked for.
#[derive(Debug, Default)]
pub(super) struct Keys {
    young: Keyed<DataKey>,
    old: Keyed<DataKey>,
}

impl Keys {
    /// Somebody's key, if it is here.
    pub(super) fn get(&self, person: &Digest) -> Option<&DataKey> {
        self.young.get(person).or_else(|| self.old.get(person))
    }

    /// Erases all of them: they come back from the disk.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes keys that are on the disk.
    pub(super) fn extend(&mut self, keys: Keyed<DataKey>) {
        if self.young.len() + keys.len() > GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.extend(keys);
    }
}
