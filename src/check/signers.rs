//! Signers: does each make a signature that verifies, with a key that may seal? Asked as `sceaud` asks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::rand;

use super::finding::{Finding, Place};
use super::not_readable;
use super::report::Report;
use super::service::Answer;
use crate::config::{Appraised, Audit, Config, Named, SignerKey, system_words};
use crate::seal::connection::{Connection, SignerError};
use crate::seal::key::KeyDescription;
use crate::seal::verifier::Verifier;
use crate::seal::wire::{Failure, NONCE_LEN, self_test_message};
use crate::sys::{file, peer};

const SUBJECT: &str = "keys";
/// Longest wait for a signer, in milliseconds, whatever `[limits] signature_ms` says.
const SIGNER_WAIT_MAX_MS: u64 = 5_000;

/// Tries every signer process that listens; `answer` is what `sceaud` says of itself.
pub(super) fn probe(config: &Config, named: &Named, answer: Option<&Answer>, report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        report.not_checked(SUBJECT, "le système refuse ce qu'il faut pour joindre les signataires");
        return;
    };
    let seals = named.seals.iter().map(Expected::of_seal);
    for expected in seals.chain(named.audit.iter().map(Expected::of_audit)) {
        for instance in 1..=expected.key.processes {
            signer(config, &expected, instance, answer, &runtime, report);
        }
    }
}

/// A signer's key, and the public half that it must have.
struct Expected {
    key: SignerKey,
    verifier: Option<Verifier>,
    /// What to tell of another key: rule, file at fault, words.
    other_key: (&'static str, PathBuf, String),
}

impl Expected {
    fn of_seal(seal: &Appraised) -> Self {
        let words = crate::certificate::Refusal::OtherKey.to_string();
        Self {
            key: seal.key.signer(),
            verifier: Verifier::new(seal.certificate.algorithm().into(), seal.certificate.spki()),
            other_key: ("certificate-other-key", seal.key.certificate.clone(), words),
        }
    }

    fn of_audit(audit: &Audit) -> Self {
        let words = "la clé du token n'est pas celle de ce fichier ; corrigez [audit] uri, ou remettez l'AUDIT.pub de cette clé";
        Self {
            key: audit.key.signer.clone(),
            verifier: Verifier::of_audit(&audit.public),
            other_key: ("audit-other-key", audit.key.public_key.clone(), words.to_owned()),
        }
    }
}

fn signer(
    config: &Config,
    expected: &Expected,
    instance: u16,
    answer: Option<&Answer>,
    runtime: &tokio::runtime::Runtime,
    report: &mut Report,
) {
    let socket = expected.key.socket(&config.sockets.signers, instance);
    let name = format!("{}-{instance}", expected.key.key);
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
            let client = match config.sockets.signer_client.as_str() {
                "" => file::user(access.uid),
                client => client.to_owned(),
            };
            report.not_checked(
                SUBJECT,
                format!("le signataire {name} n'admet que {client} ; relancez par : sudo -u {client} sceau check"),
            );
        }
        Ok(_) => {
            let deadline = Duration::from_millis(config.limits.signature_ms.min(SIGNER_WAIT_MAX_MS));
            match runtime.block_on(tried(&socket, deadline)) {
                Ok((key, nonce, signature)) => {
                    if let Some(finding) = judged(config, expected, &key, &nonce, &signature) {
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
        // Root too, where a unit leaves it no right to pass over modes (the appliance's screen).
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
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
    expected: &Expected,
    key: &KeyDescription,
    nonce: &[u8; NONCE_LEN],
    signature: &[u8],
) -> Option<Finding> {
    let name = &expected.key.key;
    if !expected.verifier.as_ref().is_some_and(|verifier| verifier.is_key(key)) {
        let (rule, file, words) = &expected.other_key;
        return Some(Finding::new(rule, Place::file(file), &format!("clé {name} : {words}")));
    }
    if !config.is_test()
        && let Err(refusal) = key.requirements()
    {
        let text = format!("clé {name} : {refusal}");
        return Some(Finding::new("key-unprotected", Place::Object(format!("clé {name}")), &text));
    }
    let message = self_test_message(nonce);
    let verifies = expected.verifier.as_ref().is_some_and(|verifier| verifier.verifies(&message, signature));
    (!verifies).then(|| {
        let text = format!("la signature d'essai de la clé {name} est fausse ; vérifiez le token et son module");
        Finding::new("signature-invalid", Place::Object(format!("clé {name}")), &text)
    })
}
