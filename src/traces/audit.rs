//! The audit key of a ledger: one public key, and its name in each generation of the ledger.
//!
//! A ledger that goes on from an older copy is a declared new generation: the same key signs under another name, so that no
//! two histories ever share one. The name is the configured origin, `/` and the generation.

use std::fmt;

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::digest::Digest;
use super::note::key::{KeyError, VerifierKey};
use super::note::{Note, NoteError, is_key_name};

/// Longest origin in bytes; with its generation it is far below what a note may have.
const ORIGIN_LEN_MAX: usize = 100;
/// The first generation.
pub const FIRST_GENERATION: u64 = 1;
/// Hexadecimal digits of a mark: 64 bits, which nobody meets twice by chance.
const MARK_LEN: usize = 16;

/// A life of a ledger: its number, from 1, and from the second on a mark, by which two that begin at one copy are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation {
    number: u64,
    mark: Option<u64>,
}

impl Generation {
    /// The generation that its declaration begins: `root` is that of the tree which the declaration is the last leaf of. The
    /// declaration has its time, so that the same copy, restored twice, is two.
    #[must_use]
    pub fn begun(number: u64, root: &Digest) -> Self {
        let mark = root.as_bytes().first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        Self { number, mark }
    }

    /// Reads what `Display` writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, mark) = match text.split_once('-') {
            Some((number, mark)) if mark.len() == MARK_LEN => (number, Some(u64::from_str_radix(mark, 16).ok()?)),
            Some(_) => return None,
            None => (text, None),
        };
        let number = number.parse().ok().filter(|number| *number >= FIRST_GENERATION)?;
        let generation = Self { number, mark: mark.filter(|_| number > FIRST_GENERATION) };
        (generation.to_string() == text).then_some(generation)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// Whether `named` is the name of this one. Ledgers of before marks were made go by their numbers alone.
    #[must_use]
    pub fn is_named(self, named: Self) -> bool {
        self.number == named.number && (named.mark.is_none() || named.mark == self.mark)
    }
}

impl From<u64> for Generation {
    /// One without mark: the first, or of before marks were made.
    fn from(number: u64) -> Self {
        Self { number, mark: None }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark {
            Some(mark) => write!(f, "{}-{mark:016x}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// Whether a ledger may have this origin: 1 to 100 of `a-z 0-9 . _ - /`, no `/` at either end.
#[must_use]
pub fn is_origin(origin: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/');
    (1..=ORIGIN_LEN_MAX).contains(&origin.len())
        && origin.bytes().all(plain)
        && !origin.starts_with('/')
        && !origin.ends_with('/')
}

/// The name of one generation of a ledger: the origin of its checkpoints, and its key's name.
#[must_use]
pub fn generation_name(origin: &str, generation: Generation) -> String {
    format!("{origin}/{generation}")
}

/// Which generation of the ledger `origin` a name is of, if of any.
#[must_use]
pub fn generation_of(name: &str, origin: &str) -> Option<Generation> {
    Generation::parse(name.strip_prefix(origin)?.strip_prefix('/')?)
}

/// Which generation of its ledger, whichever that is, a checkpoint's origin names; the first one if it names none.
#[must_use]
pub fn generation_in(name: &str) -> Generation {
    let origin = name.rsplit_once('/').map_or("", |(origin, _)| origin);
    generation_of(name, origin).unwrap_or(FIRST_GENERATION.into())
}

/// The public half of an audit key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPublicKey {
    origin: String,
    first: VerifierKey,
}

/// Why a file is no public audit key; French, for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditKeyError {
    /// Not one verifier key.
    #[error(
        "ce n'est pas une clé publique d'audit (nom+identifiant+base64, sur une ligne : {0}) ; donnez le fichier AUDIT.pub que « sceau keys audit-public » imprime"
    )]
    Key(#[from] KeyError),
    /// A verifier key, whose name is no ledger's.
    #[error(
        "le nom {0:?} de cette clé n'est pas celui d'un journal (origine/génération) ; donnez le fichier AUDIT.pub que « sceau keys audit-public » imprime"
    )]
    Name(String),
}

impl AuditPublicKey {
    /// The key of the ledger `origin`, from its SubjectPublicKeyInfo (DER).
    ///
    /// # Errors
    /// [`KeyError::Form`] for the origin, [`KeyError::Public`] unless the key is Ed25519 or P-256.
    pub fn of_spki(origin: &str, spki: &[u8]) -> Result<Self, KeyError> {
        if !is_origin(origin) {
            return Err(KeyError::Form);
        }
        let first = VerifierKey::of_spki(&generation_name(origin, FIRST_GENERATION.into()), spki)?;
        Ok(Self { origin: origin.to_owned(), first })
    }

    /// Reads `AUDIT.pub`: the verifier key of any generation, on one line.
    ///
    /// # Errors
    /// [`AuditKeyError`].
    pub fn parse(text: &str) -> Result<Self, AuditKeyError> {
        let key = VerifierKey::parse(text.trim_ascii_end())?;
        let named = key.name().rsplit_once('/').map(|(origin, _)| origin.to_owned());
        match named {
            Some(origin) if is_origin(&origin) && generation_of(key.name(), &origin).is_some() => {
                let first = key.renamed(&generation_name(&origin, FIRST_GENERATION.into()))?;
                Ok(Self { origin, first })
            }
            _ => Err(AuditKeyError::Name(key.name().to_owned())),
        }
    }

    /// Which ledger, over all its generations.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        self.first.spki()
    }

    /// The key under its name in a generation: what notes of that generation are verified with.
    #[must_use]
    pub fn of_generation(&self, generation: impl Into<Generation>) -> VerifierKey {
        // The name is the first one's with another number: it is a name, so this does not fail.
        self.first
            .renamed(&generation_name(&self.origin, generation.into()))
            .unwrap_or_else(|_| self.first.clone())
    }
}

impl AuditPublicKey {
    /// Verifies a checkpoint of any generation of this ledger; gives it with its generation.
    ///
    /// # Errors
    /// [`CheckpointError`]: not signed by this key under the name of a generation.
    pub fn open(&self, note: &str) -> Result<(SignedCheckpoint, Generation), CheckpointError> {
        let note = Note::parse(note)?;
        let names = note.signatures().iter().filter_map(|made| generation_of(&made.name, &self.origin));
        let generation = names.max().ok_or(NoteError::NotSigned)?;
        let name = generation_name(&self.origin, generation);
        Ok((SignedCheckpoint::verify(note, &name, &[self.of_generation(generation)])?, generation))
    }
}

/// Verifies a checkpoint of any generation with the audit key, of several, that signed it.
///
/// # Errors
/// [`CheckpointError`] of the last key; none of them signed it.
pub fn open(keys: &[AuditPublicKey], note: &str) -> Result<SignedCheckpoint, CheckpointError> {
    let mut refused = CheckpointError::Note(NoteError::NotSigned);
    for key in keys {
        match key.open(note) {
            Ok((signed, _)) => return Ok(signed),
            Err(cause) => refused = cause,
        }
    }
    Err(refused)
}

impl fmt::Display for AuditPublicKey {
    /// The content of `AUDIT.pub`, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)
    }
}

/// Whether `text` is the canonical text of a checkpoint of the ledger `origin`: what its audit key may sign.
#[must_use]
pub fn is_checkpoint_text(bytes: &[u8], origin: &str) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    super::checkpoint::Checkpoint::parse(text).is_ok_and(|checkpoint| {
        is_key_name(checkpoint.origin())
            && generation_of(checkpoint.origin(), origin).is_some()
            && checkpoint.to_string() == text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::traces::checkpoint::Checkpoint;
    use crate::traces::digest::Digest;

    const ORIGIN: &str = "ch-exemple.fr/sceau";

    fn key() -> AuditPublicKey {
        let key = VerifierKey::ed25519("ch-exemple.fr/sceau/1", &[7; 32]).unwrap();
        AuditPublicKey::parse(&format!("{key}\n")).unwrap()
    }

    #[test]
    fn one_key_has_a_name_in_each_generation() {
        let key = key();
        assert_eq!((key.origin(), AuditPublicKey::of_spki(ORIGIN, &key.spki()).unwrap()), (ORIGIN, key.clone()));
        let second = key.of_generation(2);
        assert_eq!(second.name(), "ch-exemple.fr/sceau/2");
        assert_ne!(second.id(), key.of_generation(1).id());
        assert_eq!(AuditPublicKey::parse(&second.to_string()).unwrap(), key);
        let plain = VerifierKey::ed25519("ch-exemple.fr/sceau", &[7; 32]).unwrap();
        assert!(matches!(AuditPublicKey::parse(&plain.to_string()), Err(AuditKeyError::Name(_))));
        assert!(matches!(AuditPublicKey::parse("AUDIT"), Err(AuditKeyError::Key(_))));
    }

    #[test]
    fn a_generation_is_a_plain_number_from_one() {
        assert_eq!(generation_of("ch-exemple.fr/sceau/12", ORIGIN), Some(12.into()));
        let root = Digest::of(&[b"root"]);
        let second = Generation::begun(2, &root);
        let name = generation_name(ORIGIN, second);
        assert_eq!(name.len(), ORIGIN.len() + "/2-0123456789abcdef".len());
        assert_eq!((generation_of(&name, ORIGIN), second.number()), (Some(second), 2));
        assert!(second.is_named(second) && second.is_named(2.into()) && !second.is_named(3.into()));
        assert!(!second.is_named(Generation::begun(2, &Digest::of(&[b"another"]))));
        for name in [
            "/0",
            "/01",
            "/+1",
            "/",
            "",
            "/1/1",
            "/x",
            "x/1",
            "/1-0123456789abcdef",
            "/2-0123456789ABCDEF",
            "/2-",
            "/2-0123456789abcde",
            "/2-+123456789abcdef",
            "/-0123456789abcdef",
        ] {
            assert_eq!(generation_of(&format!("{ORIGIN}{name}"), ORIGIN), None, "{name}");
        }
        for origin in ["", "/a", "a/", "a b", "É", "A"] {
            assert!(!is_origin(origin), "{origin}");
        }
    }

    #[test]
    fn nothing_but_the_canonical_text_of_its_own_ledger_is_a_checkpoint() {
        let text = |origin: &str| {
            let checkpoint = Checkpoint::new(origin, 5, Digest::of(&[b"root"]), Digest::of(&[b"map"]));
            checkpoint.unwrap().to_string().into_bytes()
        };
        let good = text("ch-exemple.fr/sceau/3");
        assert!(is_checkpoint_text(&good, ORIGIN));
        for other in
            ["ch-exemple.fr/sceau", "ch-autre.fr/sceau/3", "ch-exemple.fr/sceau/3/1", "ch-exemple.fr/sceau/0"]
        {
            assert!(!is_checkpoint_text(&text(other), ORIGIN), "{other}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes.remove(at);
            // Without its last figure or one of its digits' neighbours it could be another checkpoint: sizes have one digit.
            assert!(!is_checkpoint_text(&bytes, ORIGIN), "a byte less at {at}");
            let mut bytes = good.clone();
            bytes.insert(at, b' ');
            assert!(!is_checkpoint_text(&bytes, ORIGIN), "a space at {at}");
        }
        assert!(!is_checkpoint_text(&[good.as_slice(), b"more\n"].concat(), ORIGIN));
    }
}
