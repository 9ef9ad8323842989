//! The ledger's secrets: a root key that never changes, and wrapping keys by epoch, each in a file of its own.
//!
//! People are looked up under the root key; what can be read is under a wrapping key, which a purge replaces. Until the TPM
//! holds them the keys lie beside the ledger, readable by its user alone: they keep identities out of exports and copies of the
//! database, not from who can read the whole folder.

use std::io;
use std::path::Path;

use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use super::epochs::{Epochs, Kind};
use super::key_file::{self, KEY_LEN, Key};
use super::store::StoreError;
use crate::traces::digest::Digest;
use crate::traces::entry::identity::Iv;
use crate::traces::entry::key::{DataKey, LookupKey, Revealed};

/// Ciphertexts whose random bits are drawn at once.
const IVS: usize = 256;
/// Name of the root key's file.
pub(super) const ROOT_FILE: &str = "ledger.key";

/// Keys in use.
pub(super) struct Secrets {
    /// What people are looked up by.
    pub(super) lookup: LookupKey,
    /// What data keys, sessions and registers are encrypted under.
    pub(super) epochs: Epochs,
}

struct Len;

impl KeyType for Len {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

impl Secrets {
    /// Reads the keys of `folder`; makes them where there is neither key nor ledger.
    ///
    /// A crash while they are made leaves some of them and no database: the next start makes the others.
    ///
    /// # Errors
    /// [`StoreError::System`], [`StoreError::KeyExposed`], [`StoreError::KeyMissing`], [`StoreError::Broken`] for a file of
    /// another length.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        let new = !folder.join("ledger.sqlite").exists();
        let path = folder.join(ROOT_FILE);
        let root = match key_file::read(&path) {
            Err(StoreError::System(cause)) if cause.kind() == io::ErrorKind::NotFound => {
                if new {
                    key_file::make(&path)?
                } else {
                    return Err(StoreError::KeyMissing);
                }
            }
            root => root?,
        };
        let epochs = Epochs::open(folder, new)?;
        Ok(Self { lookup: LookupKey::new(*derive(&root, b"lookup")?), epochs })
    }

    /// Reads the keys of `folder` beside the writer: makes and erases nothing.
    ///
    /// # Errors
    /// As [`Secrets::open`].
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let root = key_file::read(&folder.join(ROOT_FILE))?;
        Ok(Self { lookup: LookupKey::new(*derive(&root, b"lookup")?), epochs: Epochs::read(folder)? })
    }

    /// The root key itself, for the escrow and what is derived from it now and then.
    pub(super) fn root_key(&self) -> Result<Key, StoreError> {
        key_file::read(&self.epochs.folder().join(ROOT_FILE))
    }

    /// A new data key under its number, and its wrapped form for the store.
    pub(super) fn new_data_key(&self, id: u64, person: &Digest) -> Result<(DataKey, Vec<u8>), StoreError> {
        let key = Zeroizing::new(random::<KEY_LEN>()?);
        let wrapped = self.epochs.seal(Kind::DataKey, &place(id, person), key.as_ref())?;
        Ok((DataKey::new(id, *key), wrapped))
    }

    /// A data key from its wrapped form.
    ///
    /// # Errors
    /// [`StoreError::KeyErased`] for one of an epoch that has ended, [`StoreError::Broken`].
    pub(super) fn data_key(&self, id: u64, person: &Digest, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        Ok(DataKey::new(id, *self.unwrapped(id, person, wrapped)?))
    }

    /// A data key with its bytes, for an archive.
    ///
    /// # Errors
    /// As [`Secrets::data_key`].
    pub(super) fn revealed(&self, id: u64, person: &Digest, wrapped: &[u8]) -> Result<Revealed, StoreError> {
        Ok(Revealed::new(id, self.unwrapped(id, person, wrapped)?))
    }

    fn unwrapped(&self, id: u64, person: &Digest, wrapped: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
        let plain = self.epochs.open_sealed(Kind::DataKey, &place(id, person), wrapped)?;
        let key = plain.as_slice().try_into().map_err(|_| StoreError::Broken("a data key"))?;
        Ok(Zeroizing::new(key))
    }

    /// A wrapped data key under the current epoch; None if it is there already.
    pub(super) fn renew_data_key(
        &self,
        id: u64,
        person: &Digest,
        wrapped: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.epochs.renew(Kind::DataKey, &place(id, person), wrapped)
    }

    /// The body of a session for the store, bound to its secret's hash.
    pub(super) fn seal_session(&self, secret: &[u8], body: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.epochs.seal(Kind::Session, secret, body)
    }

    /// The body of a session from the store.
    pub(super) fn open_session(&self, secret: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(self.epochs.open_sealed(Kind::Session, secret, sealed)?.to_vec())
    }

    /// A session's body under the current epoch; None if it is there already.
    pub(super) fn renew_session(&self, secret: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.epochs.renew(Kind::Session, secret, sealed)
    }

    /// The content of a register for the store, bound to its name.
    pub(super) fn seal_register(&self, name: &str, content: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.epochs.seal(Kind::Register, name.as_bytes(), content)
    }

    /// The content of a register from the store.
    pub(super) fn open_register(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(self.epochs.open_sealed(Kind::Register, name.as_bytes(), sealed)?.to_vec())
    }

    /// A register's content under the current epoch; None if it is there already.
    pub(super) fn renew_register(&self, name: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.epochs.renew(Kind::Register, name.as_bytes(), sealed)
    }
}

/// Where a wrapped data key belongs: it opens in no other row.
fn place(id: u64, person: &Digest) -> Vec<u8> {
    [id.to_be_bytes().as_slice(), person.as_bytes()].concat()
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Random bits for ciphertexts, drawn for many at once: a draw costs as much as an encryption.
pub(super) struct Ivs {
    block: [u8; IVS * NONCE_LEN],
    /// Bytes of the block that were given out.
    used: usize,
}

impl Ivs {
    pub(super) fn new() -> Self {
        Self { block: [0; IVS * NONCE_LEN], used: IVS * NONCE_LEN }
    }

    /// Random bits for one ciphertext; none is given out twice.
    pub(super) fn next(&mut self) -> Result<Iv, StoreError> {
        if self.used >= self.block.len() {
            aws_lc_rs::rand::fill(&mut self.block).map_err(|_| StoreError::Random)?;
            self.used = 0;
        }
        let iv = self.block.get(self.used..).and_then(|left| left.first_chunk());
        self.used += NONCE_LEN;
        Ok(Iv(*iv.ok_or(StoreError::Random)?))
    }
}

impl std::fmt::Debug for Ivs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ivs(…)")
    }
}

/// Random bytes of the library's generator.
pub(super) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Random)?;
    Ok(bytes)
}

/// A key for one purpose out of another (HKDF-SHA-256, RFC 5869).
pub(super) fn derive(from: &Key, purpose: &[u8]) -> Result<Key, StoreError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let prk = Salt::new(HKDF_SHA256, b"fr.sceau.ledger v1").extract(from.as_ref());
    let info = [purpose];
    let okm = prk.expand(&info, Len).map_err(|_| StoreError::Broken("key derivation"))?;
    okm.fill(key.as_mut()).map_err(|_| StoreError::Broken("key derivation"))?;
    Ok(key)
}
