//! The mark that a ledger was begun in this folder: beside it, an empty or missing database is a loss and no beginning.

use std::io;
use std::path::Path;

use super::store::StoreError;
use crate::sys::durable;

/// Name of the mark: an empty file.
const FILE: &str = "ledger.begun";

/// Whether a ledger was begun in `folder`.
pub(super) fn is_marked(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// Marks it. A crash before leaves a ledger with its first start and no mark: the next start makes it.
///
/// # Errors
/// [`StoreError::System`].
pub(super) fn mark(folder: &Path) -> Result<(), StoreError> {
    match durable::create(&folder.join(FILE), &[], 0o600) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(StoreError::System(cause)),
        _ => Ok(()),
    }
}
