//! Evidence: what the machine claims, and the TPM's word that covers it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answer, No};
use super::task::Tasks;
use crate::certificate::SealCertificate;
use crate::config::{CONVENTION_LEN_MAX, Config, SealKey};
use crate::evidence::binding::qualifying_data;
use crate::evidence::document::{
    Attested, Claims, Document as _, Evidence, KeyCertificate, Ledger, Marshalled, PCRS, PcrValue,
};
use crate::evidence::nonce::Nonce;
use crate::sys::call::{Reply, call};
use crate::tpm::{TpmError, quote};
use crate::traces::digest::Digest;

/// Longest wait for each answer of sceaud: a TPM's audit key signs a checkpoint in a second.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Reasons of sceaud without a checkpoint that end by themselves in a machine that starts: the audit key's signer is opening its
/// token, the counter has not answered yet.
const COMING: [&str; 2] = ["audit-key", "counter"];
/// Longest answer of sceaud in bytes: a convention's text in JSON, with its frame.
const ANSWER_LEN_MAX: usize = 4 * CONVENTION_LEN_MAX;
/// Where an image says its version (os-release(5)).
const OS_RELEASE: &str = "/etc/os-release";

/// What sceaud says of itself at this moment; what it does not say, the log tells and evidence shows.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The ledger's newest checkpoint.
    checkpoint: Option<String>,
    /// SHA-256 of the convention in force.
    convention: Option<Digest>,
    /// There is no checkpoint yet of what a machine that is starting will soon have: its audit key, or its counter's word.
    pub(super) is_early: bool,
}

impl Heard {
    /// Asks sceaud.
    pub(super) fn of(config: &Config) -> Self {
        let mut reason = String::new();
        let checkpoint = asked(config, "fr.sceau.Admin.Checkpoint", "note", |told| reason.push_str(told));
        let convention = asked(config, "fr.sceau.Admin.Convention", "hash", |_| ());
        // Who halted waits for people.
        let is_early = COMING.contains(&reason.as_str())
            && asked(config, "fr.sceau.Admin.Instance", "halted", |_| ()).is_none();
        Self { checkpoint, convention: convention.and_then(|hash| Digest::from_hex(&hash)), is_early }
    }
}

fn asked(config: &Config, method: &str, member: &str, refused: impl FnOnce(&str)) -> Option<String> {
    match call(&config.sockets.admin, method, &json!({}), ANSWER_WAIT, ANSWER_LEN_MAX) {
        Ok(Reply { error: None, parameters }) => parameters.get(member).and_then(Value::as_str).map(str::to_owned),
        Ok(Reply { error: Some(error), parameters }) => {
            let reason = parameters.get("reason").and_then(Value::as_str).unwrap_or_default();
            tracing::warn!(method, error, reason, "evidence without what sceaud was asked: it does not give it");
            refused(reason);
            None
        }
        Err(cause) => {
            tracing::warn!(method, %cause, "evidence without what sceaud was asked: it does not answer");
            None
        }
    }
}

impl Tasks {
    /// Evidence for that nonce, with what sceaud said.
    pub(super) fn evidence(&mut self, nonce: Nonce, heard: Heard) -> Result<Answer, No> {
        let mut tpm = self.open()?;
        let enrolled = self.enrolled()?.ok_or(TpmError::Missing)?;
        let key = self.own_key(&enrolled, &mut tpm)?;
        let claims = self.claims(self.counter_value(&mut tpm)?, heard)?;
        let qualifying = qualifying_data(&nonce, &claims);
        let (quoted, values) = tpm.quote(&key, &qualifying, &PCRS)?;
        let keys = self.certified_keys(&mut tpm, &key, &qualifying)?;
        let pcrs = PCRS.into_iter().zip(values).map(|(pcr, sha256)| PcrValue { pcr, sha256 }).collect();
        let evidence = Evidence {
            format: Evidence::FORMAT.to_owned(),
            nonce,
            claims,
            endorsement: enrolled.endorsement,
            attestation_key: Marshalled(key.public),
            quote: attested(quoted),
            pcrs,
            // Root's alone to read: who asks for evidence as root adds them, and the quoted PCRs tell whether they are right.
            event_log: Marshalled::default(),
            userspace_log: None,
            keys,
            counter: None,
            consistency: None,
        };
        Ok(Answer::Evidence { evidence: evidence.text() })
    }

    /// What the configuration of this moment says: sceaud may have been started with another one since we were.
    fn claims(&self, counter: Option<u64>, heard: Heard) -> Result<Claims, No> {
        let config = Config::load(&self.config.path).map_err(|cause| {
            tracing::warn!(%cause, "the configuration is refused");
            let message = "la configuration est refusée ; sceau check dit pourquoi";
            No::Unavailable("configuration", message.to_owned())
        })?;
        let (seals, authentications) = (certificates(&config.seals)?, certificates(&config.authentications)?);
        let ledger = match (&config.audit, heard.checkpoint) {
            (Some(audit), Some(checkpoint)) => {
                let key = String::from_utf8_lossy(&read(&audit.public_key)?).trim_end().to_owned();
                Some(Ledger { audit_key: key, checkpoint })
            }
            _ => None,
        };
        Ok(Claims {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            image: image_version(),
            convention: heard.convention.unwrap_or_default(),
            seals,
            authentications,
            ledger,
            counter,
        })
    }
}

/// The certificates of these keys.
fn certificates(keys: &[SealKey]) -> Result<Vec<KeyCertificate>, No> {
    let of = |key: &SealKey| {
        let certificate = SealCertificate::parse(&read(&key.certificate)?).map_err(|cause| {
            No::Unavailable("configuration", format!("certificat de la clé {} : {cause}", key.key))
        })?;
        Ok(KeyCertificate {
            structure: key.structure.clone(),
            key: key.key.to_string(),
            certificate: Marshalled(certificate.der().to_vec()),
            keyring: key.signer().keyring(),
        })
    };
    keys.iter().map(of).collect()
}

fn attested(quoted: quote::Attested) -> Attested {
    Attested { attest: Marshalled(quoted.attest), signature: Marshalled(quoted.signature) }
}

/// A file that the configuration names.
fn read(path: &Path) -> Result<Vec<u8>, No> {
    std::fs::read(path).map_err(|cause| {
        No::Unavailable(
            "configuration",
            format!("{} ne peut pas être lu ({cause}) ; vérifiez ses droits", path.display()),
        )
    })
}

/// `IMAGE_VERSION` of the running system, where it is an image.
fn image_version() -> Option<String> {
    let text = std::fs::read_to_string(OS_RELEASE).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="))?;
    Some(value.trim_matches('"').to_owned())
}
