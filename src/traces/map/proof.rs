//! Proof of what the map says of one practitioner, also that it says nothing.

use std::fmt;

use super::cell::{Cell, Cells, Prefix};
use super::{DEPTH_MAX, EMPTY, bit, branch_hash, leaf_hash, shared};
use crate::traces::checkpoint::decimal;
use crate::traces::digest::Digest;
use crate::traces::entry::Head;

/// The first line of the text form.
const HEADER: &str = "sceau-map-proof-v1";

/// The way of one key from the root to where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapProof {
    /// The halves that the way leaves aside, the root's first.
    pub siblings: Vec<Digest>,
    /// The leaf at its end: the key's own, another's, or none.
    pub end: Option<(Digest, Head)>,
}

impl MapProof {
    /// Proves what the map says of `key`.
    ///
    /// # Errors
    /// The store's own.
    pub fn of<C: Cells + ?Sized>(cells: &C, key: &Digest) -> Result<Self, C::Error> {
        let mut siblings = Vec::new();
        loop {
            match cells.cell(&Prefix::of(key, siblings.len()))? {
                Some(Cell::Branch { left, right }) => {
                    siblings.push(if bit(key, siblings.len()) { left } else { right });
                }
                Some(Cell::Leaf { key, head }) => return Ok(Self { siblings, end: Some((key, head)) }),
                None => return Ok(Self { siblings, end: None }),
            }
        }
    }

    /// What the map of this root says of `key`: `Some(head)`, `Some(None)` if it has no such key; `None` if this proves
    /// nothing.
    #[must_use]
    pub fn verify(&self, key: &Digest, root: &Digest) -> Option<Option<Head>> {
        let depth = self.siblings.len();
        if depth > DEPTH_MAX {
            return None;
        }
        let (mut hash, said) = match self.end {
            None => (EMPTY, None),
            Some((end, head)) if end == *key => (leaf_hash(&end, head), Some(head)),
            // Another key may end this way only if it shares it.
            Some((end, head)) if shared(&end, key) >= depth => (leaf_hash(&end, head), None),
            Some(_) => return None,
        };
        for (depth, sibling) in self.siblings.iter().enumerate().rev() {
            hash = if bit(key, depth) { branch_hash(sibling, &hash) } else { branch_hash(&hash, sibling) };
        }
        (hash == *root).then_some(said)
    }

    /// Reads the text form: header, end, siblings.
    ///
    /// After `Some` the proof is written ([`fmt::Display`]) as exactly this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next() != Some(HEADER) {
            return None;
        }
        let end = match lines.next()? {
            "empty" => None,
            leaf => {
                let mut parts = leaf.strip_prefix("leaf ")?.split(' ');
                let key = Digest::from_base64(parts.next()?)?;
                let head = Head { last: decimal(parts.next()?)?, count: decimal(parts.next()?)? };
                if parts.next().is_some() {
                    return None;
                }
                Some((key, head))
            }
        };
        let siblings: Vec<Digest> = lines.map(Digest::from_base64).take(DEPTH_MAX + 1).collect::<Option<_>>()?;
        (siblings.len() <= DEPTH_MAX).then_some(Self { siblings, end })
    }
}

impl fmt::Display for MapProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        match &self.end {
            None => writeln!(f, "empty")?,
            Some((key, head)) => writeln!(f, "leaf {} {} {}", key.to_base64(), head.last, head.count)?,
        }
        self.siblings.iter().try_for_each(|sibling| writeln!(f, "{}", sibling.to_base64()))
    }
}
