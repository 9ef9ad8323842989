//! What an archive is made from: the ledger as it was at one checkpoint.

use crate::traces::checkpoint::SignedCheckpoint;
use crate::traces::digest::Digest;
use crate::traces::entry::Head;
use crate::traces::entry::key::Revealed;
use crate::traces::map::proof::MapProof;

/// A ledger of a known size; every answer is of that size, whatever was written since.
pub trait Source {
    /// Why it cannot be read.
    type Error;

    /// The checkpoint of that size.
    fn checkpoint(&self) -> &SignedCheckpoint;

    /// The leaf of an entry.
    ///
    /// # Errors
    /// The source's own; also for an index that it does not have.
    fn leaf(&self, index: u64) -> Result<Vec<u8>, Self::Error>;

    /// The inclusion proof of an entry.
    ///
    /// # Errors
    /// As [`Source::leaf`].
    fn inclusion(&self, index: u64) -> Result<Vec<Digest>, Self::Error>;

    /// The consistency proof from an earlier size.
    ///
    /// # Errors
    /// As [`Source::leaf`].
    fn consistency(&self, first: u64) -> Result<Vec<Digest>, Self::Error>;

    /// The newest entry of a practitioner.
    ///
    /// # Errors
    /// As [`Source::leaf`].
    fn head(&self, practitioner: &Digest) -> Result<Option<Head>, Self::Error>;

    /// The proof of what the map says of a practitioner.
    ///
    /// # Errors
    /// As [`Source::leaf`].
    fn map_proof(&self, practitioner: &Digest) -> Result<MapProof, Self::Error>;

    /// The entries that name a patient, the oldest first.
    ///
    /// # Errors
    /// As [`Source::leaf`].
    fn of_patient(&self, patient: &Digest) -> Result<Vec<u64>, Self::Error>;

    /// Somebody's data key of this number; none if it was destroyed.
    ///
    /// # Errors
    /// As [`Source::leaf`].
    fn data_key(&self, person: &Digest, id: u64) -> Result<Option<Revealed>, Self::Error>;
}
