//! Keys: their URI, their module, and whether their signers make signatures that verify. No PIN is ever tried here.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::rand;

use super::finding::{Finding, Place};
use super::report::Report;
use super::service::Answer;
use super::{is_root, not_readable};
use crate::config::{Appraised, Config, Named, PinSource, SealKey, system_words};
use crate::policy::breach::Breach;
use crate::seal::connection::{Connection, SignerError};
use crate::seal::key::{KeyDescription, requirements};
use crate::seal::verifier::Verifier;
use crate::seal::wire::{Failure, NONCE_LEN, self_test_message};
use crate::sys::{file, peer};

const SUBJECT: &str = "keys";
/// Longest wait for a signer, in milliseconds, whatever `[limits] signature_ms` says.
const SIGNER_WAIT_MAX_MS: u64 = 5_000;
/// Begins every shared object (ELF, e_ident), and e_type of one (ET_DYN, little or big endian) at byte 16.
const ELF: &[u8] = b"\x7fELF";

/// Looks at every seal key.
pub(super) fn probe(config: &Config, named: &Named, answer: Option<&Answer>, report: &mut Report) {
    if config.seals.is_empty() {
        report.not_checked(SUBJECT, "aucune clé de cachet n'est configurée");
        return;
    }
    report.checked(SUBJECT);
    for key in &config.seals {
        let path = module_path(config, key, report);
        if let Some(path) = path {
            module(config, key, &path, report);
        }
        if let PinSource::File(path) = &key.pin {
            pin_file(config, key, path, report);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        report.not_checked(SUBJECT, "le système refuse ce qu'il faut pour joindre les signataires");
        return;
    };
    for seal in &named.seals {
        for instance in 1..=seal.key.processes {
            signer(config, seal, instance, answer, &runtime, report);
        }
    }
}

fn at(config: &Config, key: &SealKey, field: &'static str, rule: &'static str, text: &str) -> Finding {
    let breach = Breach::of(rule, "seal", field, text).in_entry(key.entry);
    match config.locate(vec![breach]).first() {
        Some(fault) => Finding::of_fault(fault),
        None => Finding::new(rule, Place::Object(format!("clé {}", key.key)), text),
    }
}

/// The module of a key: the configuration's own, else the URI's; the URI is judged on the way.
#[cfg(feature = "appliance")]
fn module_path(config: &Config, key: &SealKey, report: &mut Report) -> Option<std::path::PathBuf> {
    let in_uri = match crate::token::KeyUri::parse(&key.uri) {
        Ok(uri) => uri.module_path,
        Err(cause) => {
            let text = format!("[[seal]] uri de la clé {} : {cause}", key.key);
            report.found(at(config, key, "uri", "token-uri", &text));
            return key.module.clone();
        }
    };
    let path = key.module.clone().or(in_uri);
    if path.is_none() {
        let text =
            format!("[[seal]] key = {:?} : le module PKCS#11 n'est pas nommé ; donnez module", key.key.as_str());
        report.found(at(config, key, "", "module-missing", &text));
    }
    path
}

/// Without PKCS#11 code only the configuration's own word is known.
#[cfg(not(feature = "appliance"))]
fn module_path(_: &Config, key: &SealKey, report: &mut Report) -> Option<std::path::PathBuf> {
    report.not_checked(SUBJECT, "l'URI des clés : ce programme est construit sans PKCS#11");
    key.module.clone()
}

fn module(config: &Config, key: &SealKey, path: &Path, report: &mut Report) {
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

fn pin_file(config: &Config, key: &SealKey, path: &Path, report: &mut Report) {
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

fn signer(
    config: &Config,
    seal: &Appraised,
    instance: u16,
    answer: Option<&Answer>,
    runtime: &tokio::runtime::Runtime,
    report: &mut Report,
) {
    let socket = seal.key.socket(&config.sockets.signers, instance);
    let name = format!("{}-{instance}", seal.key.key);
    let running = matches!(answer, Some(Answer::Status { .. } | Answer::Halted(_)));
    let found = file::access(&socket);
    let admitted = |owner: u32| {
        let own = peer::own_uid();
        own == owner || peer::uid_of(&config.sockets.signer_client).ok().flatten() == Some(own)
    };
    let mut tell = |rule, cause: &str| {
        let text =
            format!("signataire {name} : {cause} ; voyez systemctl status sceau-signer@{name} et son journal");
        report.found(Finding::new(rule, Place::file(&socket), &text));
    };
    match found {
        Ok(access) if !admitted(access.uid) => {
            let client = &config.sockets.signer_client;
            report.not_checked(
                SUBJECT,
                format!("le signataire {name} n'admet que {client} ; relancez par : sudo -u {client} sceau check"),
            );
        }
        Ok(_) => {
            let deadline = Duration::from_millis(config.limits.signature_ms.min(SIGNER_WAIT_MAX_MS));
            match runtime.block_on(tried(&socket, deadline)) {
                Ok((key, nonce, signature)) => {
                    if let Some(finding) = judged(config, seal, &key, &nonce, &signature) {
                        report.found(finding);
                    }
                }
                Err(SignerError::Failed(Failure::PinRefused)) => {
                    let text = format!(
                        "signataire {name} : le PIN a été refusé une fois, il ne sera pas réessayé ; corrigez le fichier du PIN, le nouveau est essayé de lui-même"
                    );
                    report.found(Finding::new("pin-refused", Place::file(&socket), &text));
                }
                // It lives, and all its places are taken by those it is for.
                Err(SignerError::Failed(Failure::Busy)) => {
                    report.not_checked(SUBJECT, format!("le signataire {name} est occupé"));
                }
                Err(SignerError::Failed(_)) => {
                    tell("signer-unreachable", "il répond que le token n'est pas joignable")
                }
                Err(SignerError::Io(cause)) => tell("signer-unreachable", &system_words(&cause)),
                Err(_) => tell("signer-unreachable", "il ne répond pas à temps ou ne parle pas notre protocole"),
            }
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            report.not_checked(SUBJECT, not_readable(&socket));
        }
        Err(_) if running => tell("signer-unreachable", "sa socket n'existe pas alors que sceaud tourne"),
        Err(_) => {
            report.not_checked(
                SUBJECT,
                format!("le signataire {name} n'est pas démarré ; la clé n'a pas été essayée, sceau check n'utilise jamais le PIN"),
            );
        }
    }
}

async fn tried(
    socket: &Path,
    deadline: Duration,
) -> Result<(KeyDescription, [u8; NONCE_LEN], Vec<u8>), SignerError> {
    let mut connection = Connection::open(socket, deadline).await?;
    let key = connection.hello().await?;
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| SignerError::Unexpected)?;
    let signature = connection.self_test(nonce).await?;
    Ok((key, nonce, signature))
}

/// What is wrong with a key that signed, if anything is: as `sceaud` judges it.
fn judged(
    config: &Config,
    seal: &Appraised,
    key: &KeyDescription,
    nonce: &[u8; NONCE_LEN],
    signature: &[u8],
) -> Option<Finding> {
    let certificate = &seal.certificate;
    if key.spki != certificate.spki() {
        let text = format!("clé {} : {}", seal.key.key, crate::certificate::Refusal::OtherKey);
        return Some(Finding::new("certificate-other-key", Place::file(&seal.key.certificate), &text));
    }
    if !config.is_test()
        && let Err(refusal) = requirements(&key.attributes)
    {
        let text = format!("clé {} : {refusal}", seal.key.key);
        return Some(Finding::new("key-unprotected", Place::Object(format!("clé {}", seal.key.key)), &text));
    }
    let verifies = Verifier::new(certificate.algorithm(), certificate.spki())
        .is_some_and(|verifier| verifier.verifies(&self_test_message(nonce), signature));
    (!verifies).then(|| {
        let text = format!(
            "la signature d'essai de la clé {} est fausse ; vérifiez le token et son module",
            seal.key.key
        );
        Finding::new("signature-invalid", Place::Object(format!("clé {}", seal.key.key)), &text)
    })
}
