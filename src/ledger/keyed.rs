//! Maps by keyed hash: what is looked up is evenly spread already, by a key that nobody outside knows.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::traces::digest::Digest;

/// A map by lookup.
pub(super) type Keyed<T> = HashMap<Digest, T, BuildHasherDefault<FirstBytes>>;

/// Takes the first bytes of what is hashed: for lookups alone (HMAC), whose bytes are as good as any hash of them.
#[derive(Debug, Default)]
pub(super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    /// The length, the same for every lookup.
    fn write_usize(&mut self, _: usize) {}
}
