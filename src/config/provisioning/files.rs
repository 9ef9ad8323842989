//! `[[file]]`: the files that come with a provisioning, each pinned by its digest.

use serde::Deserialize;

use crate::policy::breach::{Breach, unique};
use crate::traces::digest::Digest;

/// Longest name of a file in bytes.
const NAME_LEN_MAX: usize = 64;
/// Most files: three registers, authorities, signatures and lists are a dozen.
const FILES_MAX: usize = 32;
/// Names that the appliance writes itself.
const RESERVED: [&str; 4] = ["sceau.toml", "appliance.toml", "AUDIT.pub", "provisioning.toml"];
/// What names of our own begin with.
const RESERVED_BEGINNINGS: [&str; 4] = ["seal", "auth", "softhsm", "credential"];

/// A file that comes with a provisioning and is installed beside the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFile {
    /// Its name, of letters, digits and `. _ -`; no folder.
    pub name: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileTable {
    name: String,
    sha256: String,
}

/// The files, and what is wrong with them or with `used`: key, section and names of files that other sections name.
pub(super) fn check(
    tables: Vec<FileTable>,
    used: &[(&'static str, &'static str, Vec<String>)],
    breaches: &mut Vec<Breach>,
) -> Vec<PinnedFile> {
    unique("file", "name", tables.iter().map(|file| file.name.as_str()), breaches);
    if tables.len() > FILES_MAX {
        let cause = format!("[[file]] : {} fichiers ; donnez-en {FILES_MAX} au plus", tables.len());
        breaches.push(Breach::of("bad-value", "file", "name", cause));
    }
    let mut files = Vec::new();
    for (entry, FileTable { name, sha256 }) in tables.into_iter().enumerate() {
        if !is_name(&name) {
            let cause = "[[file]] name n'est pas admis ; donnez un nom simple (a-z A-Z 0-9 . _ -) que l'appliance \
                         n'écrit pas elle-même";
            breaches.push(Breach::of("bad-value", "file", "name", cause).in_entry(entry));
        }
        match Digest::from_hex(&sha256.to_ascii_lowercase()) {
            Some(digest) => files.push(PinnedFile { name, digest }),
            None => {
                let cause = "[[file]] sha256 n'est pas une empreinte ; donnez les 64 chiffres de sha256sum";
                breaches.push(Breach::of("bad-value", "file", "sha256", cause).in_entry(entry));
            }
        }
    }
    for (field, section, names) in used {
        for name in names {
            if !files.iter().any(|file| file.name == *name) {
                let name = name.escape_debug();
                let cause = format!(
                    "[{section}] {field} : {name} n'est pas parmi les [[file]] ; ajoutez-le avec son sha256"
                );
                breaches.push(Breach::of("missing-key", section, field, cause));
            }
        }
    }
    files
}

/// A simple name, and not one of ours: no provisioning may write a credential, a certificate or a key's public half.
fn is_name(name: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !name.starts_with(['.', '-'])
        && !RESERVED.contains(&name)
        && !RESERVED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}
