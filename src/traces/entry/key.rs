//! The keys of identities: one to look them up, one for each person to read them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::identity::plain;
use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;

/// The ledger's key for lookups; 256 random bits.
///
/// The digits of an identifier can all be tried: without this key a hash of them would hide nothing.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct LookupKey([u8; 32]);

impl LookupKey {
    /// Takes the key; the caller erases its own copy.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
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

    fn hash(&self, domain: &[u8], identifier: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(domain);
        context.update(identifier);
        Digest::from_slice(context.sign().as_ref()).unwrap_or_default()
    }
}

/// The key of one practitioner's, or one patient's, ciphertexts; destroying it destroys them.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DataKey {
    id: u64,
    key: [u8; 32],
}

impl DataKey {
    /// Takes 256 random bits under the number that the ledger's key store gave them; the caller erases its own copy.
    #[must_use]
    pub fn new(id: u64, key: [u8; 32]) -> Self {
        Self { id, key }
    }

    /// The number of the key, written beside each ciphertext.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.key).ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for DataKey {
    /// The number alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}
