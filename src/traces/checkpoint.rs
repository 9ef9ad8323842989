//! What the ledger was at one size, signed: a C2SP checkpoint (c2sp.org/tlog-checkpoint) with the root of the Merkle map.

use std::fmt;

use thiserror::Error;

use super::digest::Digest;
use super::note::key::VerifierKey;
use super::note::{Note, NoteError, SignError, is_key_name};

/// Begins the extension line that carries the root of the map: `sceau-map-v1 <base64 root>`.
///
/// Extension lines are not recommended, since a log's monitors cannot audit them: whoever holds the whole ledger can
/// audit this one, and does (`verify`).
const MAP_MARK: &str = "sceau-map-v1 ";

/// Size and roots of the ledger. A value: whether somebody signed it, [`SignedCheckpoint`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree at that size.
    pub root: Digest,
    /// Root of the Merkle map at that size.
    pub map: Digest,
}

/// Why a text is no checkpoint of this ledger.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// No note, or no trusted one.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A note, but not origin, size, root and map.
    #[error("this note is no checkpoint: {0}")]
    Form(&'static str),
    /// Another ledger's.
    #[error("this checkpoint is of {0}")]
    Origin(String),
}

impl Checkpoint {
    /// What the ledger of this origin is; `None` if the origin is no key name (a schema-less URL is recommended).
    #[must_use]
    pub fn new(origin: &str, size: u64, root: Digest, map: Digest) -> Option<Self> {
        is_key_name(origin).then(|| Self { origin: origin.to_owned(), size, root, map })
    }

    /// Which ledger.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Reads the text of a note; unsigned, it proves nothing.
    ///
    /// After `Ok` the checkpoint is written ([`fmt::Display`]) as exactly this text: other extension lines are refused.
    ///
    /// # Errors
    /// [`CheckpointError::Form`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let form = CheckpointError::Form;
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|origin| is_key_name(origin)).ok_or(form("no origin"))?;
        let size = lines.next().and_then(decimal).ok_or(form("no size"))?;
        let root = lines.next().and_then(Digest::from_base64).ok_or(form("no root"))?;
        let map = lines.next().and_then(|line| line.strip_prefix(MAP_MARK));
        let map = map.and_then(Digest::from_base64).ok_or(form("no root of the map"))?;
        match (lines.next(), lines.next()) {
            (Some(""), None) => Ok(Self { origin: origin.to_owned(), size, root, map }),
            _ => Err(form("another line")),
        }
    }

    /// Signs it; `sign` as for [`Note::sign`].
    ///
    /// # Errors
    /// As [`Note::sign`]. A key that is not named like the origin is refused.
    pub fn sign<E>(
        &self,
        key: &VerifierKey,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<SignedCheckpoint, SignError<E>> {
        if key.name() != self.origin {
            return Err(NoteError::Form("the key is not named like the origin").into());
        }
        let note = Note::sign(&self.to_string(), key, sign)?;
        Ok(SignedCheckpoint { checkpoint: self.clone(), note })
    }
}

impl fmt::Display for Checkpoint {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())?;
        writeln!(f, "{MAP_MARK}{}", self.map.to_base64())
    }
}

/// ASCII decimal without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let value: u64 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

/// A checkpoint that a trusted key signed; made by verifying or by signing alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Verifies a note and reads its checkpoint.
    ///
    /// Trusts `keys`, the audit keys of the ledger `origin`. After `Ok` one of them, named like the origin, signed it.
    ///
    /// # Errors
    /// [`CheckpointError`]; the signature is judged before the text is read.
    pub fn open(note: &str, origin: &str, keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        Self::verify(Note::parse(note)?, origin, keys)
    }

    /// [`SignedCheckpoint::open`] of a note that was read already.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::open`].
    pub fn verify(note: Note, origin: &str, keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        let signer = note.verify(keys)?;
        if signer.name() != origin {
            return Err(NoteError::NotSigned.into());
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::Origin(checkpoint.origin));
        }
        Ok(Self { checkpoint, note })
    }

    /// What was signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, to keep and to show.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }
}
