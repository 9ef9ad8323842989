//! Changes to bytes, the same in every run.

use sceau::traces::digest::Digest;

/// One change.
#[derive(Debug)]
pub(super) enum Mutation {
    Byte { at: usize, xor: u8 },
    Truncated(usize),
    Removed { at: usize, len: usize },
    Inserted { at: usize, byte: u8 },
}

impl Mutation {
    pub(super) fn of(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match *self {
            Self::Byte { at, xor } => bytes[at] ^= xor,
            Self::Truncated(len) => bytes.truncate(len),
            Self::Removed { at, len } => drop(bytes.drain(at..(at + len).min(bytes.len()))),
            Self::Inserted { at, byte } => bytes.insert(at, byte),
        }
        bytes
    }
}

/// That many changes of something of this length; `seed` names the thing.
pub(super) fn mutations(seed: &str, len: usize, number: usize) -> impl Iterator<Item = Mutation> {
    (0..number).map(move |at| {
        let drawn = Digest::of(&[seed.as_bytes(), &at.to_be_bytes()]);
        let (place, rest) = drawn.as_bytes().split_first_chunk().unwrap();
        let at = usize::try_from(u64::from_be_bytes(*place) % u64::try_from(len).unwrap()).unwrap();
        match rest[0] % 8 {
            0 => Mutation::Truncated(at),
            1 => Mutation::Removed { at, len: 1 + usize::from(rest[1] % 40) },
            2 => Mutation::Inserted { at, byte: rest[1] },
            _ => Mutation::Byte { at, xor: rest[1].max(1) },
        }
    })
}
