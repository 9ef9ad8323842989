//! The ledger's secrets: one root key in a file of its own, from which the others are derived.
//!
//! Until the TPM holds it the root key lies beside the ledger, readable by its user alone: it keeps identities out of
//! exports and copies of the database, not from who can read the whole folder.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use super::store::StoreError;
use crate::sys::durable;
use crate::traces::entry::identity::Iv;
use crate::traces::entry::key::{DataKey, LookupKey, Revealed};

/// Bytes of the root key and of every key derived from it.
const KEY_LEN: usize = 32;
/// Ciphertexts whose random bits are drawn at once.
const IVS: usize = 256;
/// Name of the root key's file.
const FILE: &str = "ledger.key";

/// Keys in use.
pub(super) struct Secrets {
    /// What people are looked up by.
    pub(super) lookup: LookupKey,
    wrapping: LessSafeKey,
    sessions: LessSafeKey,
}

struct Len;

impl KeyType for Len {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

impl Secrets {
    /// Reads the root key of `folder`; makes it where there is neither key nor ledger.
    ///
    /// # Errors
    /// [`StoreError::System`], [`StoreError::KeyExposed`], [`StoreError::Broken`] for a file of another length.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let root = match read(&path) {
            Ok(root) => root,
            Err(StoreError::System(cause)) if cause.kind() == io::ErrorKind::NotFound => {
                if folder.join("ledger.sqlite").exists() {
                    return Err(StoreError::KeyMissing);
                }
                make(&path)?
            }
            Err(cause) => return Err(cause),
        };
        Self::derived(&root)
    }

    /// Reads the root key of `folder`.
    ///
    /// # Errors
    /// As [`Secrets::open`]; a key that is not there is not made.
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        Self::derived(&read(&folder.join(FILE))?)
    }

    fn derived(root: &Zeroizing<[u8; KEY_LEN]>) -> Result<Self, StoreError> {
        let derive = |purpose: &[u8]| -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            let prk = Salt::new(HKDF_SHA256, b"fr.sceau.ledger v1").extract(root.as_ref());
            let info = [purpose];
            let okm = prk.expand(&info, Len).map_err(|_| StoreError::Broken("key derivation"))?;
            okm.fill(key.as_mut()).map_err(|_| StoreError::Broken("key derivation"))?;
            Ok(key)
        };
        let cipher = |key: &[u8]| {
            UnboundKey::new(&AES_256_GCM, key)
                .map(LessSafeKey::new)
                .map_err(|_| StoreError::Broken("a key's length"))
        };
        Ok(Self {
            lookup: LookupKey::new(*derive(b"lookup")?),
            wrapping: cipher(derive(b"data keys")?.as_ref())?,
            sessions: cipher(derive(b"sessions")?.as_ref())?,
        })
    }

    /// A new data key under its number, and its wrapped form for the store.
    pub(super) fn new_data_key(&self, id: u64) -> Result<(DataKey, Vec<u8>), StoreError> {
        let key = Zeroizing::new(random::<KEY_LEN>()?);
        let wrapped = seal(&self.wrapping, &id.to_be_bytes(), key.as_ref())?;
        Ok((DataKey::new(id, *key), wrapped))
    }

    /// A data key from its wrapped form.
    pub(super) fn data_key(&self, id: u64, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        Ok(DataKey::new(id, *self.unwrapped(id, wrapped)?))
    }

    /// A data key with its bytes, for an archive.
    pub(super) fn revealed(&self, id: u64, wrapped: &[u8]) -> Result<Revealed, StoreError> {
        Ok(Revealed::new(id, self.unwrapped(id, wrapped)?))
    }

    fn unwrapped(&self, id: u64, wrapped: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
        let plain = open(&self.wrapping, &id.to_be_bytes(), wrapped)?;
        let key = plain.as_slice().try_into().map_err(|_| StoreError::Broken("a data key"))?;
        Ok(Zeroizing::new(key))
    }

    /// The body of a session for the store, bound to its secret's hash.
    pub(super) fn seal_session(&self, secret: &[u8], body: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal(&self.sessions, secret, body)
    }

    /// The body of a session from the store.
    pub(super) fn open_session(&self, secret: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(open(&self.sessions, secret, sealed)?.to_vec())
    }
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

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Random)?;
    Ok(bytes)
}

fn seal(key: &LessSafeKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let iv: [u8; NONCE_LEN] = random()?;
    let mut text = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut text)
        .map_err(|_| StoreError::Broken("encryption"))?;
    Ok([iv.as_slice(), &text].concat())
}

fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let broken = StoreError::Broken("a ciphertext does not open with the ledger's key");
    let Some((iv, text)) = sealed.split_first_chunk::<NONCE_LEN>() else { return Err(broken) };
    let mut text = Zeroizing::new(text.to_vec());
    let Ok(plain) = key.open_in_place(Nonce::assume_unique_for_key(*iv), Aad::from(aad), &mut text) else {
        return Err(broken);
    };
    Ok(Zeroizing::new(plain.to_vec()))
}

fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
    let mut file = OpenOptions::new().read(true).open(path).map_err(StoreError::System)?;
    let metadata = file.metadata().map_err(StoreError::System)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(StoreError::KeyExposed);
    }
    let mut root = Zeroizing::new([0; KEY_LEN]);
    let exact = metadata.len() == KEY_LEN as u64;
    file.read_exact(root.as_mut())
        .ok()
        .filter(|()| exact)
        .ok_or(StoreError::Broken("ledger.key is not 32 bytes"))?;
    Ok(root)
}

/// A crash leaves the whole key or none: without a database a missing key is made anew.
fn make(path: &Path) -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
    let root = Zeroizing::new(random::<KEY_LEN>()?);
    durable::create(path, root.as_ref(), 0o600).map_err(StoreError::System)?;
    Ok(root)
}
