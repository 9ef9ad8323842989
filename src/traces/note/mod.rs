//! C2SP signed notes: a text, a blank line, signature lines (c2sp.org/signed-note).

pub mod key;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use self::key::VerifierKey;

/// Longest note, in bytes. Reason: a checkpoint is below 1 KiB; sixteen post-quantum cosignatures of 5 KB, which the
/// specification tells verifiers to expect, fit.
pub const NOTE_LEN_MAX: usize = 128 * 1024;

/// Most signatures of a note. Reason: the specification asks for at least 16.
pub const SIGNATURES_MAX: usize = 32;

/// Em dash and space, before each signature.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// A text and who signed it; nothing is verified yet, and its text is to be ignored until it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Key name.
    pub name: String,
    /// Key id.
    pub key_id: u32,
    /// The algorithm's own bytes.
    pub bytes: Vec<u8>,
}

/// Why a text is no note, or a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Longer than [`NOTE_LEN_MAX`].
    #[error("the note is longer than {NOTE_LEN_MAX} bytes")]
    TooLong,
    /// Not text, blank line, signature lines.
    #[error("this is no signed note: {0}")]
    Form(&'static str),
    /// No signature of a trusted key.
    #[error("no trusted key signed this note")]
    NotSigned,
    /// A trusted key's signature does not verify.
    #[error("the signature of {0} is false")]
    FalseSignature(String),
}

/// Whether a key may have this name.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl Note {
    /// Reads a note without verifying anything.
    ///
    /// After `Ok` the note is written ([`fmt::Display`]) as exactly this text.
    ///
    /// # Errors
    /// [`NoteError::TooLong`], [`NoteError::Form`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let form = NoteError::Form;
        if note.len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong);
        }
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(form("a control character"));
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(form("no blank line"))?;
        let lines = lines.strip_suffix('\n').ok_or(form("no newline at the end"))?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(form("too many signatures"));
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The text that is signed, with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who signed, as the note says.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Finds a trusted signature; gives the key that made it.
    ///
    /// Signatures of unknown keys are ignored. After `Ok` every signature of a trusted key verifies, and there is one.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`], [`NoteError::FalseSignature`].
    pub fn verify<'k>(&self, trusted: &'k [VerifierKey]) -> Result<&'k VerifierKey, NoteError> {
        let mut found = None;
        for signature in &self.signatures {
            let made_by = |key: &&VerifierKey| key.name() == signature.name && key.id() == signature.key_id;
            let Some(key) = trusted.iter().find(made_by) else {
                continue;
            };
            if !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::FalseSignature(signature.name.clone()));
            }
            found = found.or(Some(key));
        }
        found.ok_or(NoteError::NotSigned)
    }

    /// Signs a text with the key that `key` is the public half of; `sign` is given the text's bytes and returns what a
    /// PKCS#11 token does: 64 bytes, for ECDSA `r` and `s` over the bytes' SHA-256.
    ///
    /// After `Ok` the signature was verified: a faulty token's never leaves.
    ///
    /// # Errors
    /// The signer's own; [`SignError::Note`] if the text is none, or the signature false.
    pub fn sign<E>(
        text: &str,
        key: &VerifierKey,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Self, SignError<E>> {
        let raw = sign(text.as_bytes()).map_err(SignError::Signer)?;
        let bytes = key.encoded(&raw).ok_or_else(|| NoteError::FalseSignature(key.name().to_owned()))?;
        let signature = Signature { name: key.name().to_owned(), key_id: key.id(), bytes };
        let text = text.strip_suffix('\n').ok_or(NoteError::Form("no newline at the end of the text"))?;
        let note = Self::parse(&format!("{text}\n\n{signature}\n"))?;
        note.verify(std::slice::from_ref(key))?;
        Ok(note)
    }
}

/// Why a text was not signed.
#[derive(Debug, Error)]
pub enum SignError<E> {
    /// The token or its process did not sign.
    #[error("the key did not sign")]
    Signer(#[source] E),
    /// The text is no note's, or the signature is false.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Self, NoteError> {
        let form = NoteError::Form;
        let line = line.strip_prefix(SIGNATURE_MARK).ok_or(form("a signature line without its dash"))?;
        let (name, bytes) = line.split_once(' ').ok_or(form("a signature line without its signature"))?;
        if !is_key_name(name) {
            return Err(form("a key name with spaces or plus"));
        }
        let bytes = STANDARD.decode(bytes).map_err(|_| form("a signature that is no base64"))?;
        match bytes.split_first_chunk() {
            Some((id, bytes)) if !bytes.is_empty() => {
                Ok(Self { name: name.to_owned(), key_id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
            }
            _ => Err(form("a signature without its key id")),
        }
    }
}

impl fmt::Display for Signature {
    /// The line, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.to_be_bytes(), self.bytes.as_slice()].concat();
        write!(f, "{SIGNATURE_MARK}{} {}", self.name, STANDARD.encode(bytes))
    }
}
