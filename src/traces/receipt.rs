//! One text that proves an entry is in the ledger: a C2SP tlog-proof (c2sp.org/tlog-proof).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::checkpoint::{CheckpointError, SignedCheckpoint, decimal};
use super::digest::Digest;
use super::entry::{Entry, EntryError};
use super::merkle::{leaf_hash, verify};
use super::note::key::VerifierKey;
use super::note::{Note, NoteError};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes of an inclusion proof: one for each level of a tree of 2^64 leaves.
const PROOF_LEN_MAX: usize = 64;

/// Leaf, its place and the checkpoint that covers it; the leaf travels as the format's *extra data*, since who holds the
/// receipt has no other way to the sealed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// The entry's index.
    pub index: u64,
    /// Inclusion proof in the tree of the checkpoint, the sibling first.
    pub proof: Vec<Digest>,
    /// The signed checkpoint.
    pub note: Note,
}

/// Why a text is no receipt, or proves nothing.
#[derive(Debug, Error)]
pub enum ReceiptError {
    /// Not of the form.
    #[error("this is no receipt: {0}")]
    Form(&'static str),
    /// The note after the proof is none.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint is not trusted, or another ledger's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The checkpoint does not cover this leaf at this index.
    #[error("the proof does not lead from the entry to the checkpoint")]
    NotIncluded,
}

impl Receipt {
    /// Reads a receipt without verifying it.
    ///
    /// After `Ok` the receipt is written ([`fmt::Display`]) as exactly this text.
    ///
    /// # Errors
    /// [`ReceiptError::Form`], [`ReceiptError::Note`].
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let form = ReceiptError::Form;
        let (head, note) = text.split_once("\n\n").ok_or(form("no checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(form("not a tlog-proof, version 1"));
        }
        let leaf = lines.next().and_then(|line| line.strip_prefix("extra ")).ok_or(form("no entry"))?;
        let leaf = STANDARD.decode(leaf).map_err(|_| form("the entry is no base64"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(form("no index"))?;
        let proof = lines.map(Digest::from_base64).take(PROOF_LEN_MAX + 1).collect::<Option<Vec<_>>>();
        let proof = proof.ok_or(form("a line of the proof is no hash"))?;
        if proof.len() > PROOF_LEN_MAX {
            return Err(form("the proof is longer than any tree is high"));
        }
        Ok(Self { leaf, index, proof, note: Note::parse(note)? })
    }

    /// Verifies everything; gives the entry.
    ///
    /// Trusts `keys`, the audit keys of the ledger `origin`. After `Ok` the entry is at its index in the ledger that they
    /// signed; whether it speaks of the caller's assertion is for the caller to compare (assertion id and digest).
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(&self, origin: &str, keys: &[VerifierKey]) -> Result<Entry, ReceiptError> {
        let signed = SignedCheckpoint::verify(self.note.clone(), origin, keys)?;
        let (size, root) = (signed.checkpoint().size, signed.checkpoint().root);
        if !verify::inclusion(&leaf_hash(&self.leaf), self.index, size, &self.proof, &root) {
            return Err(ReceiptError::NotIncluded);
        }
        let entry = Entry::decode(&self.leaf)?;
        if entry.index == self.index { Ok(entry) } else { Err(ReceiptError::NotIncluded) }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", STANDARD.encode(&self.leaf), self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}
