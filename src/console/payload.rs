//! An update that somebody brought: judged by its signature and its sums, copied to where systemd-sysupdate takes it.
//!
//! Secure Boot and the root's hash judge the same bytes again at the next start; this is what keeps a stranger's or an older
//! image from the other slot.

use std::fs::{self, File};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::accepted::{RELEASE, accepted};
use super::error::ConsoleError;
use super::folder;
use super::place::Place;
use super::stick::{Stick, read_file};

/// Folder of an update on a stick, below ours.
const FOLDER: &str = "update";
/// Its sums, as sha256sum(1) writes them, and their signature.
const SUMS: &str = "update/SHA256SUMS";
const SIGNATURE: &str = "update/SHA256SUMS.sig";
/// Largest sums, signature and list of signers, in bytes: three lines, one key, a few.
const TEXT_LEN_MAX: u64 = 16 * 1024;
/// Largest part of an update, in bytes: the slot of a root (image/mkosi.extra/usr/lib/repart.d).
const PART_LEN_MAX: u64 = 160 << 20;
/// Endings of the three parts, as the image's sysupdate.d expects them: the kernel image last.
const ENDINGS: [&str; 3] = [".root-verity.raw", ".root.raw", ".efi"];

/// An update that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Of the image.
    pub(super) version: String,
    /// Who signed it, as the running image names him.
    pub(super) signer: String,
}

/// One file of an update: its name and the SHA-256 that was signed, lower-case hexadecimal.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    name: String,
    sha256: String,
}

/// Takes the update of the stick.
///
/// After `Ok` its three files, whole and as they were signed, are alone in [`Place::payload`]. After `Err` nothing is there that
/// systemd-sysupdate would take.
///
/// # Errors
/// The signature, a sum, a name or the version is refused, or the stick or the disk fails.
pub(super) fn take(place: &Place, stick: &Stick) -> Result<Taken, ConsoleError> {
    let folder = place.payload();
    emptied(&folder)?;
    let text = |name: &str| {
        let bytes = stick.read(name, TEXT_LEN_MAX).map_err(ConsoleError::file(Path::new(name)))?;
        let bytes = bytes.ok_or_else(|| {
            ConsoleError::refused(name, "ce fichier manque ; remettez la mise à jour entière dans sceau/update")
        })?;
        String::from_utf8(bytes).map_err(|_| {
            ConsoleError::refused(name, "ce n'est pas un texte ; remettez la mise à jour telle que publiée")
        })
    };
    let (sums, armour) = (text(SUMS)?, text(SIGNATURE)?);
    let path = place.release_keys();
    let keys = read_file(&path, TEXT_LEN_MAX).map_err(ConsoleError::file(&path))?.unwrap_or_default();
    let keys = String::from_utf8_lossy(&keys);
    let signer = accepted(&keys, RELEASE, sums.as_bytes(), &armour)
        .map_err(|cause| ConsoleError::refused(SIGNATURE, cause.to_string()))?;
    let (version, parts) = parts(&sums).ok_or_else(|| {
        ConsoleError::refused(
            SUMS,
            "ce ne sont pas les trois fichiers d'une version ; remettez la mise à jour telle que publiée",
        )
    })?;
    let running = running(place)?;
    if numbers(&version) <= numbers(&running) {
        let text = format!(
            "la version {version} n'est pas plus récente que celle en place ({running}) ; prenez une version plus récente"
        );
        return Err(ConsoleError::refused("version", text));
    }
    for part in &parts {
        // The whole copy is undone if one part is wrong: what stays would be taken at the next asking.
        if let Err(error) = copied(stick, &folder, part) {
            emptied(&folder)?;
            return Err(error);
        }
    }
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(ConsoleError::file(&folder))?;
    Ok(Taken { version, signer })
}

/// The folder, with nothing in it.
fn emptied(path: &Path) -> Result<(), ConsoleError> {
    folder::make(path, 0o700, None)?;
    let empty = || fs::read_dir(path)?.try_for_each(|entry| fs::remove_file(entry?.path()));
    empty().map_err(ConsoleError::file(path))
}

/// Version and files of the sums: exactly one of each ending, all of one version; None: it is something else.
fn parts(sums: &str) -> Option<(String, [Part; 3])> {
    let mut found = Vec::new();
    for line in sums.lines() {
        let (sha256, name) = line.split_once("  ")?;
        let is_digest =
            sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        (is_digest && is_plain).then(|| found.push(Part { name: name.to_owned(), sha256: sha256.to_owned() }))?;
    }
    found.sort_by_key(|part| ENDINGS.iter().position(|ending| part.name.ends_with(ending)));
    let parts: [Part; 3] = found.try_into().ok()?;
    let version = parts[2].name.strip_prefix("sceau_")?.strip_suffix(ENDINGS[2])?.to_owned();
    numbers(&version)?;
    let of_version = |part: &Part, ending: &str| {
        let rest = part.name.strip_prefix("sceau_")?.strip_prefix(&version)?.strip_prefix('_')?;
        let uuid = rest.strip_suffix(ending)?;
        (uuid.len() == 36 && uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')).then_some(())
    };
    of_version(&parts[0], ENDINGS[0])?;
    of_version(&parts[1], ENDINGS[1])?;
    Some((version, parts))
}

/// `major.minor.patch`, and nothing else: what orders versions must not be open to interpretation.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let numbers: Option<Vec<u64>> = version
        .split('.')
        .map(|part| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten())
        .collect();
    numbers?.try_into().ok()
}

/// `IMAGE_VERSION` of the image that runs.
fn running(place: &Place) -> Result<String, ConsoleError> {
    let path = place.at("/usr/lib/os-release");
    let bytes = read_file(&path, TEXT_LEN_MAX).map_err(ConsoleError::file(&path))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("IMAGE_VERSION="))
        .map(|value| value.trim_matches('"').to_owned());
    value.filter(|value| numbers(value).is_some()).ok_or_else(|| {
        ConsoleError::refused(
            "version",
            "l'image en place ne dit pas sa version ; réinstallez l'appliance depuis une image publiée",
        )
    })
}

/// Copies one part while its sum is taken; what is not as it was signed never has the name that systemd-sysupdate looks for.
fn copied(stick: &Stick, folder: &Path, part: &Part) -> Result<(), ConsoleError> {
    let on_stick = format!("{FOLDER}/{}", part.name);
    let aside = folder.join(format!(".{}.new", part.name));
    let mut hash = Context::new(&SHA256);
    stick
        .copy(&on_stick, &aside, PART_LEN_MAX, |bytes| hash.update(bytes))
        .map_err(ConsoleError::file(Path::new(&on_stick)))?;
    let sha256: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if sha256 != part.sha256 {
        return Err(ConsoleError::refused(
            on_stick,
            "ce fichier n'est pas celui qui a été signé ; recopiez la mise à jour sur la clé USB",
        ));
    }
    fs::rename(&aside, folder.join(&part.name)).map_err(ConsoleError::file(folder))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const UUID: &str = "8f9f7bc2-c669-fe10-6dc6-07f255f1d7dc";

    fn sums(names: &[String]) -> String {
        names.iter().map(|name| format!("{}  {name}\n", "0".repeat(64))).collect()
    }

    fn names(version: &str) -> Vec<String> {
        vec![
            format!("sceau_{version}.efi"),
            format!("sceau_{version}_{UUID}.root-verity.raw"),
            format!("sceau_{version}_{UUID}.root.raw"),
        ]
    }

    #[test]
    fn the_kernel_image_comes_last_whatever_the_order_of_the_sums() {
        let (version, parts) = parts(&sums(&names("0.12.3"))).unwrap();
        assert_eq!(version, "0.12.3");
        assert!(parts[2].name.ends_with(".efi"));
    }

    #[test]
    fn three_files_of_one_version_and_nothing_else() {
        let right = names("1.0.0");
        let wrong = |change: &dyn Fn(&mut Vec<String>)| {
            let mut names = right.clone();
            change(&mut names);
            assert_eq!(parts(&sums(&names)), None, "{names:?}");
        };
        wrong(&|names| drop(names.pop()));
        wrong(&|names| names.push("sceau_1.0.0.sh".to_owned()));
        wrong(&|names| names[1] = names[1].replace("1.0.0", "1.0.1"));
        wrong(&|names| names[0] = "../sceau_1.0.0.efi".to_owned());
        wrong(&|names| names[2] = "sceau_1.0.0.root.raw".to_owned());
        wrong(&|names| names[0] = "sceau_1.0.efi".to_owned());
        assert_eq!(parts(""), None);
        assert!(parts(&sums(&right)).is_some());
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.9"));
        for wrong in ["", "1", "1.2", "1.2.3.4", "1.2.x", "+1.2.3", "1.2.3-rc1"] {
            assert_eq!(numbers(wrong), None, "{wrong}");
        }
    }
}
