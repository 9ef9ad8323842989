//! Files that are whole or not there: written aside, made durable, then named in one step (rename(2), link(2)).
//!
//! Where there is no Unix, a file has no mode and its name is as durable as the file system makes it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
pub use unix::settle;
#[cfg(unix)]
use unix::{create_new, set_mode, sync_folder};

#[cfg(unix)]
mod unix;

/// Puts `bytes` at `path` with exactly that mode, in place of what was there.
///
/// After `Ok` the file is durable. After `Err`, or a crash at any point, `path` is the old file or the new one, whole; a
/// crash may leave `.<name>.new` beside it, which the next call overwrites.
///
/// # Errors
/// What the system said.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let aside = write_aside(path, bytes, mode)?;
    // Until here the old file stands; from here on the new one does.
    let named = fs::rename(&aside, path);
    finish(path, &aside, named)
}

/// Puts `bytes` at `path` with exactly that mode, where nothing is.
///
/// As [`replace`]; what is there already is never touched.
///
/// # Errors
/// `AlreadyExists`, or what the system said.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let aside = write_aside(path, bytes, mode)?;
    // link(2) refuses to replace, whoever came first.
    let named = fs::hard_link(&aside, path);
    let _ = fs::remove_file(&aside);
    finish(path, &aside, named)
}

/// Overwrites a file with zeros, then removes it.
///
/// After `Ok` its name is gone for good, and its bytes where the file system writes in place. A crash leaves the file as it was,
/// overwritten, or gone: calling again finishes.
///
/// # Errors
/// What the system said; `NotFound` if it is not there.
pub fn erase(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let len = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    file.write_all(&vec![0; len])?;
    // Until here the name stands, so that a crash leaves something to finish.
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_folder(path)
}

fn write_aside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidFilename.into()) };
    let mut aside = OsString::from(".");
    aside.push(name);
    aside.push(".new");
    let aside = path.with_file_name(aside);
    match fs::remove_file(&aside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let write = |mut file: File| {
        // The umask may have taken bits away.
        set_mode(&file, mode)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    let file = create_new(&aside, mode)?;
    if let Err(cause) = write(file) {
        let _ = fs::remove_file(&aside);
        return Err(cause);
    }
    Ok(aside)
}

fn finish(path: &Path, aside: &Path, named: io::Result<()>) -> io::Result<()> {
    if let Err(cause) = named {
        let _ = fs::remove_file(aside);
        return Err(cause);
    }
    sync_folder(path)
}

#[cfg(not(unix))]
fn create_new(path: &Path, _mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_reader_sees_the_old_file_or_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let versions = [vec![b'a'; 100_000], vec![b'b'; 50_000]];
        replace(&path, &versions[0], 0o644).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..200).for_each(|n| replace(&path, &versions[n % 2], 0o644).unwrap()));
            while !writer.is_finished() {
                assert!(versions.contains(&fs::read(&path).unwrap()));
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn nothing_is_overwritten_by_creation_and_modes_are_exact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, b"one", 0o644).unwrap();
        assert_eq!(create(&path, b"two", 0o644).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three", 0o664).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o664);
        let dangling = folder.path().join("dangling");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        assert_eq!(create(&dangling, b"two", 0o644).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left aside");
    }

    #[test]
    fn a_target_that_cannot_be_replaced_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir_all(path.join("full")).unwrap();
        assert!(replace(&path, b"x", 0o644).is_err());
        assert!(path.join("full").is_dir() && fs::read_dir(folder.path()).unwrap().count() == 1);
    }

    #[test]
    fn what_is_erased_is_overwritten_under_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("key"), folder.path().join("other"));
        create(&path, b"secret", 0o600).unwrap();
        fs::hard_link(&path, &other).unwrap();
        erase(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other).unwrap(), [0; 6]);
        assert_eq!(erase(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
