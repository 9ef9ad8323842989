//! Putting a certificate in its place: whole, and the one that was there kept beside it.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::KeysError;
use super::certificate::{certificates, read};
use crate::certificate::SealCertificate;
use crate::sys::{clock, durable};

/// Installs the certificate; where another one was kept. A crash leaves the old one or the new one in its place.
pub(super) fn install(target: &Path, pem: &[u8]) -> Result<Option<PathBuf>, KeysError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |cause| KeysError::Write { path, cause }
    };
    let old = replaceable(target)?;
    if old.as_deref() == Some(pem) {
        return Ok(None);
    }
    // First the copy, then the change: a crash between them leaves the old one twice.
    let kept = match &old {
        Some(old) => Some(keep(target, old)?),
        None => None,
    };
    durable::replace(target, pem, 0o644).map_err(write(target))?;
    Ok(kept)
}

/// What is at `target`, if it may be replaced: a certificate or an empty file.
///
/// A PIN, a private key or a configuration named by mistake is never touched, and above all never copied beside itself.
pub(super) fn replaceable(target: &Path) -> Result<Option<Vec<u8>>, KeysError> {
    if matches!(target.symlink_metadata(), Err(cause) if cause.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    if target.is_dir() {
        return Err(KeysError::Write { path: target.to_owned(), cause: io::ErrorKind::IsADirectory.into() });
    }
    let old = read(target)?;
    let is_certificate = |pem: &String| SealCertificate::parse(pem.as_bytes()).is_ok();
    if old.is_empty() || certificates(&old).iter().any(is_certificate) {
        return Ok(Some(old));
    }
    Err(KeysError::Usage(format!(
        "{} n'est pas un certificat et n'est pas remplacé ; donnez un autre nom à --out, ou déplacez ce fichier",
        target.display()
    )))
}

/// `seal.pem` becomes `seal.20260131T120000Z.pem`, the instant of its replacement.
fn keep(target: &Path, old: &[u8]) -> Result<PathBuf, KeysError> {
    let now = clock::now().to_string();
    let stamp: String = now.chars().take_while(|c| *c != '.').filter(|c| c.is_ascii_alphanumeric()).collect();
    let stamp = format!("{}Z", stamp.trim_end_matches('Z'));
    let stem = target.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = target.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    // Never more open than it was: a private key may lie in the same file.
    let failed = |cause| KeysError::Write { path: target.to_owned(), cause };
    let mode = target.metadata().map_err(failed)?.permissions().mode() & 0o644;
    let mut number = 1;
    loop {
        let turn = if number == 1 { String::new() } else { format!("-{number}") };
        let path = target.with_file_name(format!("{stem}.{stamp}{turn}{extension}"));
        match durable::create(&path, old, mode) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(cause) => return Err(KeysError::Write { path, cause }),
            Ok(()) => return Ok(path),
        }
    }
}
