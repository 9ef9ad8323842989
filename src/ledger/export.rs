//! The ledger as it was at one checkpoint: what an archive is made from.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Write};

use time::UtcOffset;

use super::reader::Reader;
use super::store::StoreError;
use super::tree::LeafTree;
use crate::envelope::{Envelope, Recipient};
use crate::traces::archive::make::{Made, MakeError, make};
use crate::traces::archive::request::Request;
use crate::traces::archive::source::Source;
use crate::traces::checkpoint::SignedCheckpoint;
use crate::traces::digest::Digest;
use crate::traces::entry::Head;
use crate::traces::entry::key::Revealed;
use crate::traces::map::proof::MapProof;
use crate::traces::map::tree::Tree;
use crate::traces::merkle::{Nodes, prove};
use crate::vihf::instant::Instant;

/// The zone of an export that names none.
pub const ZONE: &str = "Europe/Paris";

/// Nodes in memory, 50 bytes each: neighbouring proofs share most of theirs.
const NODES_MAX: usize = 1 << 16;

/// The tree, whose nodes behind the tiles are dear: each is made from its leaves.
#[derive(Debug)]
struct Known<'r> {
    tree: LeafTree<'r>,
    nodes: RefCell<HashMap<(u8, u64), Digest>>,
}

impl Nodes for Known<'_> {
    type Error = StoreError;

    fn node(&self, level: u8, index: u64) -> Result<Digest, StoreError> {
        if let Some(hash) = self.nodes.borrow().get(&(level, index)) {
            return Ok(*hash);
        }
        let hash = self.tree.node(level, index)?;
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() >= NODES_MAX {
            nodes.clear();
        }
        nodes.insert((level, index), hash);
        Ok(hash)
    }
}

/// A reader, held back to the size of a checkpoint.
#[derive(Debug)]
pub struct Checkpointed<'r> {
    reader: &'r Reader,
    tree: Known<'r>,
    signed: SignedCheckpoint,
    heads: HashMap<Digest, Head>,
    map: RefCell<Tree>,
}

impl<'r> Checkpointed<'r> {
    /// Takes a checkpoint of this ledger that is not newer than the reader's snapshot.
    ///
    /// After `Ok` the entries and the heads of that size are those that were signed: nothing goes into an archive that the
    /// checkpoint does not vouch for.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Broken`] also for a checkpoint of another history.
    pub fn new(reader: &'r Reader, signed: SignedCheckpoint) -> Result<Self, StoreError> {
        let checkpoint = signed.checkpoint();
        let tree = Known { tree: reader.tree(), nodes: RefCell::default() };
        if prove::root(&tree, checkpoint.size).map_err(unproven)? != checkpoint.root {
            return Err(StoreError::Broken("the tree of a checkpoint"));
        }
        let heads = reader.heads_at(checkpoint.size)?;
        let mut map: Tree = heads.iter().map(|(practitioner, head)| (*practitioner, *head)).collect();
        if map.root() != checkpoint.map {
            return Err(StoreError::Broken("the map of a checkpoint"));
        }
        Ok(Self { reader, tree, signed, heads, map: RefCell::new(map) })
    }

    /// Makes the archive of a request and writes it to `out`, encrypted for `recipients` if there are any.
    ///
    /// # Errors
    /// As [`make`]; what was written is no archive.
    pub fn export(
        &self,
        request: &Request<'_>,
        recipients: &[Recipient],
        out: impl Write,
    ) -> Result<Made, MakeError<StoreError>> {
        if recipients.is_empty() {
            return Ok(make(self, request, out)?.0);
        }
        let (made, envelope) = make(self, request, Envelope::new(recipients, out)?)?;
        envelope.finish()?;
        Ok(made)
    }
}

fn unproven(cause: prove::ProveError<StoreError>) -> StoreError {
    match cause {
        prove::ProveError::Store(cause) => cause,
        prove::ProveError::OutOfRange => StoreError::Broken("a proof beyond the ledger"),
    }
}

impl Reader {
    /// The proof that the ledger of `second` entries extends the one of `first` (RFC 9162 §2.1.4.1).
    ///
    /// # Errors
    /// It cannot be read, or is not that long.
    pub fn consistency(&self, first: u64, second: u64) -> Result<Vec<Digest>, StoreError> {
        prove::consistency(&self.tree(), first, second).map_err(unproven)
    }
}

impl Source for Checkpointed<'_> {
    type Error = StoreError;

    fn checkpoint(&self) -> &SignedCheckpoint {
        &self.signed
    }

    fn leaf(&self, index: u64) -> Result<Vec<u8>, StoreError> {
        self.reader.leaf(index)
    }

    fn inclusion(&self, index: u64) -> Result<Vec<Digest>, StoreError> {
        prove::inclusion(&self.tree, index, self.signed.checkpoint().size).map_err(unproven)
    }

    fn consistency(&self, first: u64) -> Result<Vec<Digest>, StoreError> {
        prove::consistency(&self.tree, first, self.signed.checkpoint().size).map_err(unproven)
    }

    fn head(&self, practitioner: &Digest) -> Result<Option<Head>, StoreError> {
        Ok(self.heads.get(practitioner).copied())
    }

    fn map_proof(&self, practitioner: &Digest) -> Result<MapProof, StoreError> {
        Ok(self.map.borrow_mut().prove(practitioner))
    }

    fn of_patient(&self, patient: &Digest) -> Result<Vec<u64>, StoreError> {
        let mut indices = self.reader.of_patient(patient)?;
        indices.retain(|index| *index < self.signed.checkpoint().size);
        Ok(indices)
    }

    fn data_key(&self, person: &Digest, id: u64) -> Result<Option<Revealed>, StoreError> {
        self.reader.revealed(person, id)
    }
}

/// The offset of a zone from UTC at any instant, with the rules that are built in.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a name that is no zone of the tz database.
pub fn offset_in(zone: &str) -> io::Result<impl Fn(Instant) -> UtcOffset + use<>> {
    let zone =
        jiff::tz::TimeZone::get(zone).map_err(|cause| io::Error::new(io::ErrorKind::InvalidInput, cause))?;
    Ok(move |at: Instant| {
        // Instants of the ledger lie within both crates' years, and offsets within a day.
        let at = jiff::Timestamp::from_millisecond(at.ms()).unwrap_or_default();
        UtcOffset::from_whole_seconds(zone.to_offset(at).seconds()).unwrap_or(UtcOffset::UTC)
    })
}
