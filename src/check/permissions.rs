//! Who may read and change what: configuration, registers, certificates, PIN files, modules, sockets.

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::{Finding, Place};
use super::report::Report;
use super::{folders_above, not_readable};
use crate::config::{Config, PinSource, Whole};
use crate::sys::file::{Access, Kind, access, group, user};
use crate::sys::peer;

const SUBJECT: &str = "permissions";
/// Writing by group or others.
const WRITABLE: u32 = 0o022;
/// Only the owner of a file may remove it from such a folder (/tmp).
const STICKY: u32 = 0o1000;
/// The user of the signers where the units are installed.
const SIGNER_USER: &str = "sceau-signer";

/// Looks at every file and socket that the configuration names.
pub(super) fn probe(config: &Config, whole: &Whole, report: &mut Report) {
    report.checked(SUBJECT);
    let keeper = access(&config.path).map_or(0, |found| found.uid);
    let mut folders = BTreeSet::new();
    for path in config.deciding_files() {
        decides(path, keeper, report);
        folders.extend(folders_above(path));
    }
    practitioners(config, report);
    if whole.sockets {
        folders.extend(sockets(config, report));
    }
    for key in config.signer_keys() {
        if let PinSource::File(path) = &key.pin {
            pin(config, path, report);
            folders.extend(folders_above(path));
        }
        if let Some(module) = &key.module
            && let Some(found) = look(module, Kind::File, report)
        {
            writable(module, found, "file-writable", 0o002, report);
        }
    }
    for folder in folders {
        if let Some(found) = look(&folder, Kind::Folder, report) {
            if found.mode & STICKY == 0 {
                writable(&folder, found, "folder-writable", WRITABLE, report);
            }
            owner(&folder, found, &[0, keeper, signer_uid(config).unwrap_or(0), door_uid(config)], report);
        }
    }
}

/// A file that decides who may ask for what.
fn decides(path: &Path, keeper: u32, report: &mut Report) {
    let Some(found) = look(path, Kind::File, report) else { return };
    writable(path, found, "file-writable", WRITABLE, report);
    owner(path, found, &[0, keeper], report);
}

fn look(path: &Path, kind: Kind, report: &mut Report) -> Option<Access> {
    match access(path) {
        Ok(found) if found.kind == kind => Some(found),
        // What is missing or of another kind is told where it is needed.
        Ok(_) => None,
        Err(cause) => {
            if cause.kind() == std::io::ErrorKind::PermissionDenied {
                report.not_checked(SUBJECT, not_readable(path));
            }
            None
        }
    }
}

fn writable(path: &Path, found: Access, rule: &str, bits: u32, report: &mut Report) {
    if found.mode & bits != 0 {
        let text = format!(
            "mode {:04o}, d'autres que {} peuvent l'écrire ; attendu {:04o} : chmod {} {}",
            found.mode,
            user(found.uid),
            found.mode & !bits,
            if bits == WRITABLE { "go-w" } else { "o-w" },
            path.display()
        );
        report.found(Finding::new(rule, Place::file(path), &text));
    }
}

fn owner(path: &Path, found: Access, expected: &[u32], report: &mut Report) {
    if !expected.contains(&found.uid) {
        let text = format!(
            "il appartient à {}, qui peut donc le changer ; attendu root : chown root {}",
            user(found.uid),
            path.display()
        );
        report.found(Finding::new("file-owner", Place::file(path), &text));
    }
}

/// The register of practitioners names people: not for everybody.
fn practitioners(config: &Config, report: &mut Report) {
    let path = &config.registers.practitioners;
    let Some(found) = look(path, Kind::File, report) else { return };
    if found.mode & 0o004 != 0 {
        // Without the group sceaud itself could no longer read it.
        let daemon = config.sockets.signer_client.as_str();
        let is_other = peer::uid_of(daemon).ok().flatten().is_some() && group(found.gid) != daemon;
        let chgrp = if is_other { format!("chgrp {daemon} {} && ", path.display()) } else { String::new() };
        let text = format!(
            "mode {:04o}, tout utilisateur peut lire les noms des professionnels ; attendu {:04o}, au groupe de sceaud : {chgrp}chmod g+r,o-rwx {}",
            found.mode,
            found.mode & !0o007 | 0o040,
            path.display()
        );
        report.found(Finding::new("register-readable", Place::file(path), &text));
    }
}

fn signer_uid(config: &Config) -> Option<u32> {
    match access(&config.sockets.signers) {
        Ok(folder) => Some(folder.uid),
        Err(_) => peer::uid_of(SIGNER_USER).ok().flatten(),
    }
}

fn door_uid(config: &Config) -> u32 {
    config.sockets.token.parent().and_then(|folder| access(folder).ok()).map_or(0, |folder| folder.uid)
}

fn pin(config: &Config, path: &Path, report: &mut Report) {
    let Some(found) = look(path, Kind::File, report) else { return };
    if found.mode & 0o077 != 0 {
        let text = format!(
            "fichier de PIN en mode {:04o}, accessible à d'autres que {} ; attendu 0400 : chmod 0400 {}",
            found.mode,
            user(found.uid),
            path.display()
        );
        report.found(Finding::new("pin-readable", Place::file(path), &text));
    }
    match signer_uid(config) {
        Some(uid) if uid != found.uid => {
            let text = format!(
                "fichier de PIN à {}, le signataire est {} ; donnez-le-lui : chown {} {}",
                user(found.uid),
                user(uid),
                user(uid),
                path.display()
            );
            report.found(Finding::new("pin-owner", Place::file(path), &text));
        }
        Some(_) => {}
        None => report
            .not_checked(SUBJECT, format!("{} : l'utilisateur des signataires n'est pas connu", path.display())),
    }
}

/// The sockets; gives the folders that lead to them.
fn sockets(config: &Config, report: &mut Report) -> Vec<std::path::PathBuf> {
    let token = &config.sockets.token;
    if let Some(found) = look(token, Kind::Socket, report)
        && found.mode & 0o666 != 0o666
    {
        let text = format!(
            "socket des applications en mode {:04o}, elles ne peuvent pas s'y connecter ; attendu 0666 : chmod 0666 {}",
            found.mode,
            token.display()
        );
        report.found(Finding::new("socket-mode", Place::file(token), &text));
    }
    let admin = &config.sockets.admin;
    if let Some(found) = look(admin, Kind::Socket, report)
        && found.mode & 0o007 != 0
    {
        let text = format!(
            "socket des opérateurs en mode {:04o}, ouverte à tous ; attendu 0660 : chmod 0660 {}",
            found.mode,
            admin.display()
        );
        report.found(Finding::new("socket-mode", Place::file(admin), &text));
    }
    for key in config.signer_keys() {
        for instance in 1..=key.processes {
            let path = key.socket(config.signers_of(&key.purpose), instance);
            let Some(found) = look(&path, Kind::Socket, report) else { continue };
            if found.mode & 0o007 != 0 {
                let text = format!(
                    "socket de signataire en mode {:04o}, ouverte à tous ; attendu 0660 : chmod 0660 {}",
                    found.mode,
                    path.display()
                );
                report.found(Finding::new("socket-mode", Place::file(&path), &text));
            }
        }
    }
    let mut folders = folders_above(token);
    folders.extend(folders_above(admin));
    folders.push(config.sockets.signers.clone());
    folders.extend(folders_above(&config.sockets.signers));
    folders
}
