//! Files that the command line names: read in bounds, or refused in French.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::NotJudged;

/// Largest file of authorities or profile in bytes: a bundle of every IGC-Santé authority has some tens of kB.
pub(super) const FILE_LEN_MAX: u64 = 1024 * 1024;

/// Reads a file, one byte past the limit at most: what is larger is the reader's to refuse.
///
/// # Errors
/// [`NotJudged::Usage`].
pub(super) fn open(path: &Path, len_max: u64) -> Result<Vec<u8>, NotJudged> {
    File::open(path).and_then(|file| read(file, len_max)).map_err(|cause| unreadable(path, &cause))
}

/// Reads one byte past the limit at most.
///
/// # Errors
/// What the system said.
pub(super) fn read(from: impl Read, len_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(len_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The refusal of a file that the system does not give.
pub(super) fn unreadable(path: &Path, cause: &io::Error) -> NotJudged {
    let cause = match cause.kind() {
        io::ErrorKind::NotFound => "il n'existe pas ; vérifiez le chemin",
        io::ErrorKind::PermissionDenied => "vous n'avez pas le droit de le lire",
        io::ErrorKind::IsADirectory => "c'est un dossier ; donnez un fichier",
        _ => "la lecture échoue",
    };
    NotJudged::Usage(format!("{} ne peut pas être lu : {cause}", path.display()))
}
