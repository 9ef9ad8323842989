//! One writer: whoever holds the lock of the folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::store::StoreError;

/// Name of the locked file; empty, and left where it is: one that is removed can be locked twice.
const FILE: &str = "ledger.lock";

/// The lock (flock(2)); the kernel gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Makes the folder if there is none, and takes its lock without waiting.
    ///
    /// After `Ok` no other process writes this ledger while the lock lives; readers are not kept out.
    ///
    /// # Errors
    /// [`StoreError::Locked`]; [`StoreError::System`].
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).create(folder).map_err(StoreError::System)?;
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(FILE));
        let file = file.map_err(StoreError::System)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(folder.to_owned())),
            Err(TryLockError::Error(cause)) => Err(StoreError::System(cause)),
        }
    }
}
