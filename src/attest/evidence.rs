//! Evidence: what the machine claims, and the TPM's word that covers it.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answer, No};
use super::task::Tasks;
use crate::certificate::SealCertificate;
use crate::config::Config;
use crate::evidence::binding::qualifying_data;
use crate::evidence::document::{
    Attested, Claims, Document as _, Evidence, Ledger, Marshalled, PCRS, PcrValue, Seal,
};
use crate::evidence::nonce::Nonce;
use crate::sys::call::{Reply, call};
use crate::tpm::{TpmError, quote};

/// Longest firmware log in bytes. Reason: the kernel's own are some ten to two hundred thousand.
const EVENT_LOG_LEN_MAX: u64 = 2 * 1024 * 1024;
/// Longest log of systemd in bytes.
const USERSPACE_LOG_LEN_MAX: u64 = 1024 * 1024;
/// Longest wait for sceaud's newest checkpoint: a TPM's audit key signs in a second.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(10);
/// Longest checkpoint in bytes, with its frame.
const CHECKPOINT_LEN_MAX: usize = 16 * 1024;
/// Where an image says its version (os-release(5)).
const OS_RELEASE: &str = "/etc/os-release";

/// The newest checkpoint, as sceaud signs it at this moment; none if it cannot, which the log says and evidence shows.
pub(super) fn checkpoint(config: &Config) -> Option<String> {
    let method = "fr.sceau.Admin.Checkpoint";
    let asked = call(&config.sockets.admin, method, &json!({}), CHECKPOINT_WAIT, CHECKPOINT_LEN_MAX);
    match asked {
        Ok(Reply { error: None, parameters }) => parameters.get("note").and_then(Value::as_str).map(str::to_owned),
        Ok(Reply { error: Some(error), .. }) => {
            tracing::warn!(error, "evidence without checkpoint: sceaud gives none");
            None
        }
        Err(cause) => {
            tracing::warn!(%cause, "evidence without checkpoint: sceaud does not answer");
            None
        }
    }
}

impl Tasks {
    /// Evidence for that nonce; `checkpoint` is the ledger's newest.
    pub(super) fn evidence(&mut self, nonce: Nonce, checkpoint: Option<String>) -> Result<Answer, No> {
        let event_log = log(&self.config.tpm.event_log, EVENT_LOG_LEN_MAX)?.ok_or_else(|| {
            let path = self.config.tpm.event_log.display();
            let message = format!(
                "le journal de démarrage {path} n'existe pas : le noyau n'a pas de journal TPM, ou securityfs n'est pas monté ; \
                 corrigez [tpm] event_log"
            );
            No::Unavailable("event-log", message)
        })?;
        let userspace_log = log(&self.config.tpm.userspace_log, USERSPACE_LOG_LEN_MAX)?;
        let mut tpm = self.open()?;
        let enrolled = self.enrolled()?.ok_or(TpmError::Missing)?;
        let key = self.own_key(&enrolled, &mut tpm)?;
        let claims = self.claims(self.counter_value(&mut tpm)?, checkpoint)?;
        let qualifying = qualifying_data(&nonce, &claims);
        let (quoted, values) = tpm.quote(&key, &qualifying, &PCRS)?;
        let pcrs = PCRS.into_iter().zip(values).map(|(pcr, sha256)| PcrValue { pcr, sha256 }).collect();
        let evidence = Evidence {
            format: Evidence::FORMAT.to_owned(),
            nonce,
            claims,
            endorsement: enrolled.endorsement,
            attestation_key: Marshalled(key.public),
            quote: attested(quoted),
            pcrs,
            event_log: Marshalled(event_log),
            userspace_log: userspace_log.map(Marshalled),
            keys: Vec::new(),
            counter: None,
            consistency: None,
        };
        Ok(Answer::Evidence { evidence: evidence.text() })
    }

    fn claims(&self, counter: Option<u64>, checkpoint: Option<String>) -> Result<Claims, No> {
        let config = &self.config;
        let mut seals = Vec::new();
        for seal in &config.seals {
            let certificate = read(&seal.certificate)?;
            let certificate = SealCertificate::parse(&certificate).map_err(|cause| {
                No::Unavailable("configuration", format!("certificat de la clé {} : {cause}", seal.key))
            })?;
            seals.push(Seal {
                structure: seal.structure.clone(),
                key: seal.key.to_string(),
                certificate: Marshalled(certificate.der().to_vec()),
            });
        }
        let ledger = match (&config.audit, checkpoint) {
            (Some(audit), Some(checkpoint)) => {
                let key = String::from_utf8_lossy(&read(&audit.public_key)?).trim_end().to_owned();
                Some(Ledger { audit_key: key, checkpoint })
            }
            _ => None,
        };
        Ok(Claims {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            image: image_version(),
            convention: config.convention_digest,
            seals,
            ledger,
            counter,
        })
    }
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

/// A log of measurements; none if it is not there.
fn log(path: &Path, len_max: u64) -> Result<Option<Vec<u8>>, No> {
    let refused = |cause: &dyn std::fmt::Display| {
        No::Unavailable(
            "event-log",
            format!("{} ne peut pas être lu ({cause}) ; vérifiez ses droits", path.display()),
        )
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(refused(&cause)),
    };
    let mut bytes = Vec::new();
    file.take(len_max + 1).read_to_end(&mut bytes).map_err(|cause| refused(&cause))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= len_max) {
        Ok(Some(bytes))
    } else {
        Err(refused(&format!("plus de {len_max} octets")))
    }
}

/// `IMAGE_VERSION` of the running system, where it is an image.
fn image_version() -> Option<String> {
    let text = std::fs::read_to_string(OS_RELEASE).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="))?;
    Some(value.trim_matches('"').to_owned())
}
