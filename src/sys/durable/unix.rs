//! Modes of files and names of folders, where Unix has them.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Makes a file where nothing is, with at most that mode.
///
/// # Errors
/// What the system said.
pub(super) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Gives a file exactly that mode.
///
/// # Errors
/// What the system said.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

/// Makes the names in a file's folder durable.
///
/// # Errors
/// What the system said.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Makes durable whatever others have written on the file system of that folder, and synced or not.
///
/// # Errors
/// What the system said; then nothing is known of it.
#[cfg(target_os = "linux")]
pub fn settle(folder: &Path) -> io::Result<()> {
    Ok(nix::unistd::syncfs(File::open(folder)?)?)
}
