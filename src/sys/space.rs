//! Room on a disk: how much is left, and a file that holds some of it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;

/// Bytes that this user may still write on the disk of `path`.
///
/// # Errors
/// What the system said.
pub fn free(path: &Path) -> io::Result<u64> {
    let disk = statvfs(path)?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// Bytes of a file.
///
/// # Errors
/// What the system said.
pub fn length(path: &Path) -> io::Result<u64> {
    Ok(path.metadata()?.len())
}

/// Makes `path` hold `len` bytes of the disk, its blocks allocated.
///
/// After `Err` nothing is held: a file that got only a part is gone again.
///
/// # Errors
/// What the system said; `StorageFull` where there is no room.
pub fn hold(path: &Path, len: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let end = i64::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let held = posix_fallocate(&file, 0, end).map_err(io::Error::from).and_then(|()| file.set_len(len));
    if held.is_err() {
        let _ = fs::remove_file(path);
    }
    held
}

/// Whether `path` holds `len` bytes of the disk.
#[must_use]
pub fn holds(path: &Path, len: u64) -> bool {
    // Blocks of 512 bytes, whatever the disk's own (stat(2)).
    path.metadata().is_ok_and(|metadata| metadata.len() >= len && metadata.blocks().saturating_mul(512) >= len)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_held_is_off_the_disk_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reserve");
        assert!(!holds(&path, 1 << 20));
        hold(&path, 1 << 20).unwrap();
        assert!(holds(&path, 1 << 20) && !holds(&path, 2 << 20));
        hold(&path, 1 << 20).unwrap();
        // A file of that length without blocks holds nothing.
        let sparse = folder.path().join("sparse");
        fs::File::create(&sparse).unwrap().set_len(1 << 20).unwrap();
        assert!(!holds(&sparse, 1 << 20));
        assert!(free(folder.path()).unwrap() > 0);
        // More than any disk: nothing is left of the attempt.
        assert!(hold(&folder.path().join("huge"), 1 << 62).is_err());
        assert!(!folder.path().join("huge").exists());
    }
}
