//! PINs that nobody knows: drawn here, handed to one child at a time in a file in memory, kept only encrypted by the TPM.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::ConsoleError;
use super::folder::Owner;
use crate::sys::durable;

/// Random bytes of a PIN; it is typed by nobody, so it may be as strong as a key.
const PIN_LEN: usize = 16;

/// A new PIN: 32 hexadecimal digits.
pub(super) fn draw() -> Result<Zeroizing<String>, ConsoleError> {
    let mut bytes = Zeroizing::new([0; PIN_LEN]);
    aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| ConsoleError::System(io::ErrorKind::Other.into()))?;
    let mut text = Zeroizing::new(String::with_capacity(2 * PIN_LEN));
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    Ok(text)
}

/// A PIN in a file that one user may read; the file is overwritten and gone with this value.
#[derive(Debug)]
pub(super) struct PinFile {
    path: PathBuf,
    owner: Owner,
}

impl PinFile {
    /// Writes it in `folder`, in memory on the appliance; `owner` is its reader, none: whoever runs this.
    pub(super) fn write(folder: &Path, name: &str, pin: &[u8], owner: Owner) -> Result<Self, ConsoleError> {
        let path = folder.join(name);
        let _ = fs::remove_file(&path);
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(&path)?;
            file.write_all(pin)?;
            owner.map_or(Ok(()), |(uid, gid)| chown(&path, Some(uid), Some(gid)))
        };
        write().map_err(ConsoleError::file(&path))?;
        Ok(Self { path, owner })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PinFile {
    fn drop(&mut self) {
        if self.owner.is_some() {
            let _ = chown(&self.path, Some(0), Some(0));
        }
        // It was in memory: a leftover goes with the machine's next start.
        let _ = durable::erase(&self.path).or_else(|_| fs::remove_file(&self.path));
    }
}
