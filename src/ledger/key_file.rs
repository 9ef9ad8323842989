//! A key in a file of its own: 256 random bits, its owner's alone.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::secrets::random;
use super::store::StoreError;
use crate::sys::durable;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;
/// Rights of a key's file.
pub(super) const KEY_MODE: u32 = 0o600;

/// A key; erased when it is dropped.
pub(super) type Key = Zeroizing<[u8; KEY_LEN]>;

/// Reads a key.
///
/// # Errors
/// [`StoreError::System`], [`StoreError::KeyExposed`], [`StoreError::Broken`] for a file of another length.
pub(super) fn read(path: &Path) -> Result<Key, StoreError> {
    let mut file = OpenOptions::new().read(true).open(path).map_err(StoreError::System)?;
    let metadata = file.metadata().map_err(StoreError::System)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(StoreError::KeyExposed);
    }
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let exact = metadata.len() == KEY_LEN as u64;
    file.read_exact(key.as_mut()).ok().filter(|()| exact).ok_or(StoreError::Broken("a key is not 32 bytes"))?;
    Ok(key)
}

/// Draws a key and keeps it where nothing is. A crash leaves the whole key or none.
pub(super) fn make(path: &Path) -> Result<Key, StoreError> {
    let key = Zeroizing::new(random::<KEY_LEN>()?);
    keep(path, &key)?;
    Ok(key)
}

/// Keeps a key where nothing is.
pub(super) fn keep(path: &Path, key: &Key) -> Result<(), StoreError> {
    durable::create(path, key.as_ref(), KEY_MODE).map_err(StoreError::System)
}
