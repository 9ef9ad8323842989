//! The keys of identities: one to look them up, one for each person to read them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize as _, Zeroizing};

use super::identity::plain;
use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;

/// The ledger's key for lookups; 256 random bits.
///
/// The digits of an identifier can all be tried: without this key a hash of them would hide nothing. Kept as the state that
/// both halves of HMAC begin with, which aws-lc erases when it frees it.
pub struct LookupKey(hmac::Key);

impl LookupKey {
    /// Takes the key; the caller erases its own copy.
    #[must_use]
    pub fn new(mut key: [u8; 32]) -> Self {
        let made = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key.zeroize();
        Self(made)
    }

    /// What a practitioner is looked up by.
    #[must_use]
    pub fn practitioner(&self, id: &PsIdNat) -> Digest {
        self.hash(b"practitioner\0", id.as_str().as_bytes())
    }

    /// What a patient is looked up by: digits and identifier system, since two patients may share digits.
    #[must_use]
    pub fn patient(&self, patient: &Patient) -> Digest {
        self.hash(b"patient\0", &plain(patient))
    }

    /// What a file that names people is told by: a hash of their list could be tried as the digits of one can.
    #[must_use]
    pub fn file(&self, content: &Digest) -> Digest {
        self.hash(b"file\0", content.as_bytes())
    }

    fn hash(&self, domain: &[u8], identifier: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(domain);
        context.update(identifier);
        Digest::from_slice(context.sign().as_ref()).unwrap_or_default()
    }
}

impl fmt::Debug for LookupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookupKey(…)")
    }
}

/// The key of one practitioner's, or one patient's, ciphertexts; destroying it destroys them.
///
/// Kept as the cipher's schedule, made once: making it costs more than what it is used for. aws-lc erases it when it frees it.
pub struct DataKey {
    id: u64,
    cipher: Option<LessSafeKey>,
}

impl DataKey {
    /// Takes 256 random bits under the number that the ledger's key store gave them; the caller erases its own copy.
    #[must_use]
    pub fn new(id: u64, mut key: [u8; 32]) -> Self {
        // Refused for another length alone, which the type excludes.
        let cipher = UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new);
        key.zeroize();
        Self { id, cipher }
    }

    /// The number of the key, written beside each ciphertext.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn cipher(&self) -> Option<&LessSafeKey> {
        self.cipher.as_ref()
    }
}

/// A data key whose bytes are at hand too: for the archive that shows its person's identity in clear anyway, and for nothing
/// else.
pub struct Revealed {
    key: DataKey,
    bytes: Zeroizing<[u8; 32]>,
}

impl Revealed {
    /// Takes what [`DataKey::new`] takes; erased on drop.
    #[must_use]
    pub fn new(id: u64, bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { key: DataKey::new(id, *bytes), bytes }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &DataKey {
        &self.key
    }

    /// Its bytes.
    pub(in crate::traces) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

impl fmt::Debug for DataKey {
    /// The number alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}
