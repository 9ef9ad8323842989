//! Folders that belong to a signers' user for a while, without the right to pass over anybody's modes.
//!
//! The console's unit may give files away (`CAP_CHOWN`) and has no `CAP_DAC_OVERRIDE`: what is a user's is taken back before it
//! is read, changed or removed.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown};
use std::path::Path;

use super::error::ConsoleError;

/// Whose a file is, uid and gid; None: it is the caller's and stays so (a staged root).
pub(super) type Owner = Option<(u32, u32)>;

/// Root's own ids.
const ROOT: u32 = 0;

/// A folder with that mode and owner, made or mended.
pub(super) fn make(path: &Path, mode: u32, owner: Owner) -> Result<(), ConsoleError> {
    let make = || {
        fs::create_dir_all(path)?;
        // The mode first: it may be changed as long as the folder is ours.
        if owner.is_some() {
            chown(path, Some(ROOT), Some(ROOT))?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        owner.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
    };
    make().map_err(ConsoleError::file(path))
}

/// Removes a folder and all that is in it; it may not be there.
pub(super) fn remove(path: &Path, owner: Owner) -> Result<(), ConsoleError> {
    let remove = || {
        if owner.is_some() {
            take_back(path)?;
        }
        fs::remove_dir_all(path)
    };
    match remove() {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(ConsoleError::file(path)(cause)),
        _ => Ok(()),
    }
}

/// Makes a tree root's again, from the top: below a folder of ours nobody else exchanges what is looked at next.
fn take_back(path: &Path) -> io::Result<()> {
    lchown(path, Some(ROOT), Some(ROOT))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            take_back(&entry?.path())?;
        }
    }
    Ok(())
}
