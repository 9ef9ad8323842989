//! The memory of a refused PIN: it is never tried again, by any process of the key, before or after a restart.
//!
//! A token counts wrong PINs and locks itself; a TPM's lockout counts them for everybody. The folder (the signers' own)
//! holds for each key `<key>.pin-refused`: a random salt and SHA-256(salt ‖ PIN), readable by its owner, who can read the
//! PIN as well; and `<key>.pin-lock`, locked (flock(2)) from the look at the marker to the token's answer, so that of two
//! processes only one ever tries. Who empties the folder allows one more try.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;

use super::error::{PinRefusal, TokenError};
use super::pin::Pin;
use crate::config::KeyName;

const SALT_LEN: usize = 16;
const DIGEST_LEN: usize = 32;

/// Stands before every login of one key.
#[derive(Clone, Debug)]
pub struct PinGuard {
    folder: PathBuf,
    key: KeyName,
}

/// The right to try the PIN once; held alone among all processes of the key.
#[must_use]
pub(super) struct Attempt<'a> {
    guard: &'a PinGuard,
    _lock: File,
}

impl PinGuard {
    /// The guard of `key`, with its memory in `folder`, which only the signers' user may write.
    #[must_use]
    pub fn new(folder: &Path, key: &KeyName) -> Self {
        Self { folder: folder.to_owned(), key: key.clone() }
    }

    /// The file that remembers a refused PIN.
    #[must_use]
    pub fn marker(&self) -> PathBuf {
        self.folder.join(format!("{}.pin-refused", self.key))
    }

    fn prepared(&self) -> PathBuf {
        self.folder.join(format!("{}.pin-refused.new", self.key))
    }

    /// Whether this very PIN was refused before. A marker that cannot be understood counts as a refusal.
    ///
    /// # Errors
    /// [`TokenError::Memory`]: no PIN may be tried.
    pub fn is_refused(&self, pin: &Pin) -> Result<bool, TokenError> {
        let path = self.marker();
        match fs::read(&path) {
            Ok(marker) => Ok(match marker.split_at_checked(SALT_LEN) {
                Some((salt, hash)) if hash.len() == DIGEST_LEN => {
                    verify_slices_are_equal(&digest(salt, pin), hash).is_ok()
                }
                _ => true,
            }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(TokenError::Memory { path, cause }),
        }
    }

    /// Waits for other processes of this key, then allows one try unless this PIN is remembered.
    ///
    /// The marker is written aside first: a full disk forbids the try, it cannot make us forget its result. A crash
    /// from here to [`Attempt::refused`] leaves the aside file, which means nothing, and one more try to the next process.
    pub(super) fn admit(&self, pin: &Pin) -> Result<Attempt<'_>, TokenError> {
        let path = self.folder.join(format!("{}.pin-lock", self.key));
        let memory = |cause| TokenError::Memory { path: path.clone(), cause };
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(memory)?;
        lock.lock().map_err(memory)?;
        if self.is_refused(pin)? {
            return Err(PinRefusal::Remembered { marker: self.marker() }.into());
        }
        let path = self.prepared();
        self.prepare(&path, pin).map_err(|cause| TokenError::Memory { path, cause })?;
        Ok(Attempt { guard: self, _lock: lock })
    }

    fn prepare(&self, path: &Path, pin: &Pin) -> io::Result<()> {
        let mut salt = [0; SALT_LEN];
        rand::fill(&mut salt).map_err(|_| io::Error::other("no random bytes"))?;
        // A file that a crash left may have any mode.
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&salt)?;
        file.write_all(&digest(&salt, pin))?;
        file.sync_all()
    }
}

fn digest(salt: &[u8], pin: &Pin) -> [u8; DIGEST_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(pin.expose());
    let mut out = [0; DIGEST_LEN];
    out.copy_from_slice(context.finish().as_ref());
    out
}

impl Attempt<'_> {
    /// The token took the PIN: an older marker has had its day.
    pub(super) fn accepted(self) {
        let _ = fs::remove_file(self.guard.marker());
    }

    /// The token refused the PIN: remember it before anybody else may try.
    pub(super) fn refused(self) -> Result<(), TokenError> {
        let path = self.guard.marker();
        let kept = fs::rename(self.guard.prepared(), &path)
            .and_then(|()| File::open(&self.guard.folder))
            .and_then(|folder| folder.sync_all());
        kept.map_err(|cause| TokenError::Memory { path, cause })
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.guard.prepared());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::fs::TryLockError;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn guard(folder: &Path) -> PinGuard {
        PinGuard::new(folder, &KeyName::parse("seal-a").unwrap())
    }

    #[test]
    fn a_refused_pin_is_remembered_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (wrong, right) = (Pin::of(b"0000"), Pin::of(b"1234"));
        guard(folder.path()).admit(&wrong).unwrap().refused().unwrap();
        let again = guard(folder.path());
        assert!(matches!(again.admit(&wrong), Err(TokenError::PinRefused(PinRefusal::Remembered { .. }))));
        assert_eq!(fs::metadata(again.marker()).unwrap().permissions().mode() & 0o777, 0o600);
        let marker = fs::read(again.marker()).unwrap();
        assert!(!marker.windows(4).any(|w| w == b"0000") && marker.len() == SALT_LEN + DIGEST_LEN);
        again.admit(&right).unwrap().accepted();
        assert!(!again.marker().exists() && !again.prepared().exists());
        assert!(!again.is_refused(&wrong).unwrap());
    }

    #[test]
    fn a_failure_that_says_nothing_of_the_pin_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let guard = guard(folder.path());
        drop(guard.admit(&Pin::of(b"1234")).unwrap());
        assert!(!guard.marker().exists() && !guard.prepared().exists());
    }

    #[test]
    fn without_memory_no_pin_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let gone = guard(&folder.path().join("gone"));
        assert!(matches!(gone.admit(&Pin::of(b"1234")), Err(TokenError::Memory { .. })));
        let guard = guard(folder.path());
        fs::write(guard.marker(), b"torn").unwrap();
        assert!(guard.is_refused(&Pin::of(b"1234")).unwrap(), "a marker that is not understood allows nothing");
    }

    #[test]
    fn only_one_process_tries_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = guard(folder.path());
        let attempt = first.admit(&Pin::of(b"0000")).unwrap();
        let path = folder.path().to_owned();
        let second = std::thread::spawn(move || guard(&path).admit(&Pin::of(b"0000")).map(drop));
        let lock = File::open(folder.path().join("seal-a.pin-lock")).unwrap();
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        attempt.refused().unwrap();
        assert!(matches!(second.join().unwrap(), Err(TokenError::PinRefused(PinRefusal::Remembered { .. }))));
    }
}
