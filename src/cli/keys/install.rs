//! Putting a certificate in its place: whole, and the one that was there kept beside it.

use std::io;
use std::path::{Path, PathBuf};

use super::KeysError;
use crate::sys::{clock, durable};

/// Installs the certificate; where another one was kept. A crash leaves the old one or the new one in its place.
pub(super) fn install(target: &Path, pem: &[u8]) -> Result<Option<PathBuf>, KeysError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |cause| KeysError::Write { path, cause }
    };
    let old = match std::fs::read(target) {
        Ok(old) if old == pem => return Ok(None),
        Ok(old) => Some(old),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(write(target)(cause)),
    };
    // First the copy, then the change: a crash between them leaves the old one twice.
    let kept = match &old {
        Some(old) => Some(keep(target, old)?),
        None => None,
    };
    durable::replace(target, pem, 0o644).map_err(write(target))?;
    Ok(kept)
}

/// `seal.pem` becomes `seal.20260131T120000Z.pem`, the instant of its replacement.
fn keep(target: &Path, old: &[u8]) -> Result<PathBuf, KeysError> {
    let now = clock::now().to_string();
    let stamp: String = now.chars().take_while(|c| *c != '.').filter(|c| c.is_ascii_alphanumeric()).collect();
    let stamp = format!("{}Z", stamp.trim_end_matches('Z'));
    let stem = target.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = target.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let mut number = 1;
    loop {
        let turn = if number == 1 { String::new() } else { format!("-{number}") };
        let path = target.with_file_name(format!("{stem}.{stamp}{turn}{extension}"));
        match durable::create(&path, old, 0o644) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(cause) => return Err(KeysError::Write { path, cause }),
            Ok(()) => return Ok(path),
        }
    }
}
