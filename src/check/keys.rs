//! Keys as configured: their URI, their module, their PIN file. No PIN is ever tried here.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::finding::{Finding, Place};
use super::report::Report;
use super::{is_root, not_readable};
use crate::config::{Config, PinSource, Purpose, SignerKey, system_words};
use crate::policy::breach::Breach;
use crate::sys::file;

const SUBJECT: &str = "keys";
/// Begins every shared object (ELF, e_ident), and e_type of one (ET_DYN, little or big endian) at byte 16.
const ELF: &[u8] = b"\x7fELF";

/// Looks at every key of a signer.
pub(super) fn probe(config: &Config, report: &mut Report) {
    if config.seals.is_empty() {
        report.not_checked(SUBJECT, "aucune clé de cachet n'est configurée");
        return;
    }
    report.checked(SUBJECT);
    for key in config.signer_keys() {
        if let Some(path) = key.sealed_file() {
            sealed_file(config, &key, path, report);
        } else if let Some(path) = module_path(config, &key, report) {
            module(config, &key, &path, report);
        }
        if let PinSource::File(path) = &key.pin {
            pin_file(config, &key, path, report);
        }
    }
}

fn at(config: &Config, key: &SignerKey, field: &'static str, rule: &'static str, text: &str) -> Finding {
    let mut listed = config.seals.iter().chain(&config.authentications);
    let entry = listed.find(|listed| listed.key == key.key).map(|listed| listed.entry);
    let breach = Breach::of(rule, key.purpose.section(), field, text);
    let breach = match entry {
        Some(entry) => breach.in_entry(entry),
        None => breach,
    };
    match config.locate(vec![breach]).first() {
        Some(fault) => Finding::of_fault(fault),
        None => Finding::new(rule, Place::Object(format!("clé {}", key.key)), text),
    }
}

fn section(key: &SignerKey) -> &'static str {
    match key.purpose {
        Purpose::Seal => "[[seal]]",
        Purpose::Audit { .. } => "[audit]",
        Purpose::Authentication => "[[authentication]]",
    }
}

/// The module of a key: the configuration's own, else the URI's; the URI is judged on the way.
#[cfg(feature = "appliance")]
fn module_path(config: &Config, key: &SignerKey, report: &mut Report) -> Option<std::path::PathBuf> {
    let in_uri = match crate::token::KeyUri::parse(&key.uri) {
        Ok(uri) => uri.module_path,
        Err(cause) => {
            let text = format!("{} uri de la clé {} : {cause}", section(key), key.key);
            report.found(at(config, key, "uri", "token-uri", &text));
            return key.module.clone();
        }
    };
    let path = key.module.clone().or(in_uri);
    if path.is_none() {
        let text = format!(
            "{} key = {:?} : le module PKCS#11 n'est pas nommé ; donnez module",
            section(key),
            key.key.as_str()
        );
        report.found(at(config, key, "", "module-missing", &text));
    }
    path
}

/// Without PKCS#11 code only the configuration's own word is known.
#[cfg(not(feature = "appliance"))]
fn module_path(_: &Config, key: &SignerKey, report: &mut Report) -> Option<std::path::PathBuf> {
    report.not_checked(SUBJECT, "l'URI des clés : ce programme est construit sans PKCS#11");
    key.module.clone()
}

fn module(config: &Config, key: &SignerKey, path: &Path, report: &mut Report) {
    let refuse = |rule, cause: &str| {
        let text = format!("le module {} de la clé {} {cause}", path.display(), key.key);
        at(config, key, "module", rule, &text)
    };
    match file::access(path) {
        Ok(access) if access.kind == file::Kind::File => {}
        Ok(_) => {
            report.found(refuse("module-unusable", "n'est pas un fichier ; donnez la bibliothèque du fabricant"));
            return;
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            report.not_checked(SUBJECT, not_readable(path));
            return;
        }
        Err(cause) => {
            let words =
                format!("ne peut pas être lu ({}) ; installez-le ou corrigez module", system_words(&cause));
            report.found(refuse("module-missing", &words));
            return;
        }
    }
    let mut head = [0; 18];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let is_shared = head.starts_with(ELF) && matches!(head.get(16..), Some([3, 0] | [0, 3]));
    match read {
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            report.not_checked(SUBJECT, not_readable(path));
        }
        Ok(()) if is_shared => {}
        _ => report.found(refuse(
            "module-unusable",
            "n'est pas une bibliothèque partagée ; donnez le fichier .so du fabricant",
        )),
    }
}

/// A key without a token: told whatever its file is, since nobody must take it for an HSM's.
fn sealed_file(config: &Config, key: &SignerKey, path: &Path, report: &mut Report) {
    let text = format!(
        "la clé {} est scellée dans le fichier {} : ce n'est pas un HSM, qui tient le système et sa clé d'enveloppe la tient",
        key.key,
        path.display()
    );
    report.found(at(config, key, "uri", "key-without-token", &text));
    match file::access(path) {
        Ok(access) if access.kind == file::Kind::File => {}
        Ok(_) => {
            let text = format!("le fichier de clé scellée {} n'est pas un fichier ; corrigez uri", path.display());
            report.found(at(config, key, "uri", "file-unusable", &text));
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            report.not_checked(SUBJECT, not_readable(path));
        }
        Err(cause) => {
            let text = format!(
                "le fichier de clé scellée {} ne peut pas être lu ({}) ; générez la clé (sceau keys generate), ou corrigez uri",
                path.display(),
                system_words(&cause)
            );
            report.found(at(config, key, "uri", "file-missing", &text));
        }
    }
}

fn pin_file(config: &Config, key: &SignerKey, path: &Path, report: &mut Report) {
    match file::access(path) {
        Ok(access) if access.kind != file::Kind::File => {
            let text = format!("le fichier du PIN {} n'est pas un fichier ; corrigez pin_file", path.display());
            report.found(at(config, key, "pin_file", "file-unusable", &text));
        }
        Ok(_) => {}
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            report.not_checked(SUBJECT, not_readable(path));
        }
        Err(cause) => {
            let words = system_words(&cause);
            let text = format!(
                "le fichier du PIN {} ne peut pas être lu ({words}) ; créez-le, ou corrigez pin_file",
                path.display()
            );
            report.found(at(config, key, "pin_file", "file-missing", &text));
        }
    }
}
