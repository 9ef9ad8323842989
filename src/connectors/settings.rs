//! Files that the establishment sets for connectors, beside the images: each is called by its digest, so that none takes the place
//! of another one, and an order that names the digest means these bytes.
//!
//! What nobody names lies there and is nothing; that it cannot fill the disk is the business of who brings it in.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::policy::connectors::SETTING_LEN_MAX;
use crate::sys::durable;
use crate::traces::digest::Digest;

/// Folder beside the images of connectors.
const FOLDER: &str = "settings";

/// Why a file is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// It is no configuration.
    #[error(
        "un réglage a 1 à 65536 octets ; retirez ce fichier, ou demandez au fournisseur ce que lit son connecteur"
    )]
    Length,
    /// The file system.
    #[error("le réglage ne peut pas être gardé ({0}) ; voyez la place du disque")]
    Io(#[from] io::Error),
}

/// Keeps a file under its digest, durably; it may be there already.
///
/// # Errors
/// [`NotKept`]; what was there stands.
pub fn keep(images: &Path, bytes: &[u8]) -> Result<Digest, NotKept> {
    if bytes.is_empty() || u64::try_from(bytes.len()).is_ok_and(|len| len > SETTING_LEN_MAX) {
        return Err(NotKept::Length);
    }
    let digest = Digest::of(&[bytes]);
    if !has(images, &digest) {
        let folder = images.join(FOLDER);
        fs::create_dir_all(&folder)?;
        // Connectors of other users read it where systemd shows it to them; no secret is a setting.
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        durable::replace(&place(images, &digest), bytes, 0o644)?;
    }
    Ok(digest)
}

/// Whether the file of that digest is there, to the byte.
pub(super) fn has(images: &Path, digest: &Digest) -> bool {
    let path = place(images, digest);
    let may_be = path.symlink_metadata().is_ok_and(|file| file.is_file() && file.len() <= SETTING_LEN_MAX);
    may_be && fs::read(&path).is_ok_and(|bytes| Digest::of(&[&bytes]) == *digest)
}

/// Where the file of that digest is.
pub(super) fn place(images: &Path, digest: &Digest) -> PathBuf {
    images.join(FOLDER).join(digest.to_string())
}
