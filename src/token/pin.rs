//! The PIN: read from its file once per opening, erased when dropped.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use zeroize::Zeroizing;

use crate::config::PinSource;

/// Longest PIN in bytes; SoftHSM's longest is 255, other tokens take far less.
const PIN_LEN_MAX: usize = 255;

/// A PIN; erased from memory when dropped, never shown.
pub struct Pin(Zeroizing<Vec<u8>>);

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// Why there is no PIN; French cause and remedy, with the file.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The file cannot be read.
    #[error("le fichier du PIN {path} ne peut pas être lu ({cause}) : vérifiez son chemin et ses droits")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Others than its owner may read or write the file.
    #[error(
        "le fichier du PIN {path} est accessible à d'autres que son propriétaire (mode {mode:04o}) : chmod 0400 {path}"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is empty, too long or no file.
    #[error("le fichier du PIN {path} doit contenir une ligne de 1 à {PIN_LEN_MAX} octets")]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// systemd gave us no credentials.
    #[error(
        "pin_credential = {0:?} : $CREDENTIALS_DIRECTORY n'est pas défini ; ajoutez LoadCredential= à l'unité, ou utilisez pin_file"
    )]
    NoCredentials(String),
}

impl Pin {
    /// Reads the PIN; one line end at its end is not part of it.
    ///
    /// # Errors
    /// [`PinError`]; nothing of the file's content stays in memory.
    pub fn read(source: &PinSource) -> Result<Self, PinError> {
        match source {
            // systemd grants a credential to the service's user by an ACL, whose mask shows as the group's read bit; the
            // folder is the service's own.
            PinSource::Credential(name) => match env::var_os("CREDENTIALS_DIRECTORY") {
                Some(folder) => Self::from_file(&Path::new(&folder).join(name), 0o037),
                None => Err(PinError::NoCredentials(name.clone())),
            },
            PinSource::File(path) => Self::from_file(path, 0o077),
        }
    }

    fn from_file(path: &Path, forbidden_bits: u32) -> Result<Self, PinError> {
        let read = |cause| PinError::Read { path: path.to_owned(), cause };
        let form = || PinError::Form { path: path.to_owned() };
        // Asked before opening: opening a FIFO would wait for its writer.
        if !path.metadata().map_err(read)?.is_file() {
            return Err(form());
        }
        let file = File::open(path).map_err(read)?;
        let mode = file.metadata().map_err(read)?.mode() & 0o7777;
        if mode & forbidden_bits != 0 {
            return Err(PinError::Open { path: path.to_owned(), mode });
        }
        // Room for two bytes of line end and one that shows an overlong file: the buffer never moves.
        let mut bytes = Zeroizing::new(Vec::with_capacity(PIN_LEN_MAX + 3));
        let limit = u64::try_from(PIN_LEN_MAX + 3).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(read)?;
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        if bytes.is_empty() || bytes.len() > PIN_LEN_MAX || bytes.contains(&b'\n') {
            Err(form())
        } else {
            Ok(Self(bytes))
        }
    }

    /// The PIN, for `C_Login`, for the digest that remembers a refused one, and as what opens a sealed key.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn of(pin: &[u8]) -> Self {
        Self(Zeroizing::new(pin.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(content: &[u8], mode: u32) -> Result<Vec<u8>, PinError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Pin::read(&PinSource::File(path)).map(|pin| pin.expose().to_vec())
    }

    #[test]
    fn one_line_end_is_trimmed_and_nothing_else() {
        assert_eq!(read(b"1234\n", 0o400).unwrap(), b"1234");
        assert_eq!(read(b"1234\r\n", 0o600).unwrap(), b"1234");
        assert_eq!(read(b" 12 34 ", 0o600).unwrap(), b" 12 34 ");
        assert_eq!(read(&[b'9'; 255], 0o600).unwrap().len(), 255);
        for content in [b"".as_slice(), b"\n", b"1234\n\n", b"1234\n5678\n", &[b'9'; 256], &[b'9'; 5000]] {
            assert!(matches!(read(content, 0o600), Err(PinError::Form { .. })), "{}", content.len());
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_remedy() {
        for mode in [0o640, 0o604, 0o620, 0o777, 0o401] {
            let message = read(b"1234", mode).unwrap_err().to_string();
            assert!(message.contains("chmod 0400") && !message.contains("1234"), "{mode:o}: {message}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Pin::read(&PinSource::File(folder.path().to_owned())), Err(PinError::Form { .. })));
        assert!(matches!(Pin::read(&PinSource::File(folder.path().join("no"))), Err(PinError::Read { .. })));
    }
}
