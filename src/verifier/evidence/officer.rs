//! The officer's file: what this verifier knows, in one JSON document that is replaced as a whole.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::evidence::appraisal::{Check, NonceStanding, Standing};
use crate::evidence::baseline::{Baseline, Enrolled};
use crate::evidence::document::Document;
use crate::evidence::nonce::Nonce;
use crate::sys::durable;
use crate::traces::digest::Digest;
use crate::verifier::NotJudged;
use crate::verifier::file::{open, unreadable};
use crate::vihf::instant::Instant;

/// Largest file in bytes. Reason: a verdict has some 350 bytes, so that an appliance with all of its own has 1.5 million; forty of them.
const OFFICER_LEN_MAX: usize = 64 * 1024 * 1024;
/// Most verdicts that are kept of an appliance: one a day for ten years.
const VERDICTS_MAX: usize = 3_660;
/// Most nonces that are kept of an appliance, the newest: old ones are refused as unknown instead of as spent.
const NONCES_MAX: usize = 200;
/// Longest name of an appliance in bytes.
const NAME_LEN_MAX: usize = 64;
/// Readable by its owner alone: whoever changes it changes verdicts.
const MODE: u32 = 0o600;

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Officer {
    format: String,
    /// Enrolled appliances.
    pub(super) appliances: Vec<Appliance>,
    /// Enrolments that wait for their answer.
    pub(super) pending: Vec<Pending>,
}

impl Document for Officer {
    const FORMAT: &'static str = "fr.sceau.officer/1";
    const LEN_MAX: usize = OFFICER_LEN_MAX;
}

/// An enrolled appliance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Appliance {
    pub(super) name: String,
    pub(super) enrolled_at: Instant,
    pub(super) enrolled: Enrolled,
    pub(super) baseline: Baseline,
    pub(super) nonces: Vec<Drawn>,
    pub(super) verdicts: Vec<Judged>,
}

/// A nonce of this verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drawn {
    pub(super) nonce: Nonce,
    pub(super) drawn_at: Instant,
    pub(super) expires_at: Instant,
    /// SHA-256 of the document that answered it.
    pub(super) answered_by: Option<Digest>,
}

/// A verdict that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Judged {
    pub(super) at: Instant,
    /// SHA-256 of the document.
    pub(super) document: Digest,
    pub(super) verdict: String,
    /// Names of the checks that failed or were not decided.
    pub(super) not_passed: Vec<String>,
    /// Why the officer took it as a new beginning.
    pub(super) new_baseline: Option<String>,
}

/// An enrolment that waits for the TPM's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    pub(super) id: Nonce,
    pub(super) name: String,
    pub(super) expires_at: Instant,
    pub(super) enrolled: Enrolled,
    /// SHA-256 of the secret that only the TPM can open.
    pub(super) secret: Digest,
    /// It takes the place of an appliance of that name.
    pub(super) replaces: bool,
}

/// The file, held by one command at a time.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    pub(super) officer: Officer,
    /// Held, not read; the system gives it back when the process ends, however it ends.
    _lock: File,
}

impl Kept {
    /// Reads the file under its lock; where there is none, an empty one if `new` says so.
    ///
    /// # Errors
    /// [`NotJudged::Usage`]: no such file, or not one of an officer; [`NotJudged::Held`].
    pub(super) fn open(path: &Path, new: bool) -> Result<Self, NotJudged> {
        if !new && !path.exists() {
            return Err(unreadable(path, &io::ErrorKind::NotFound.into()));
        }
        let lock = lock(path)?;
        let officer = match path.exists() {
            false => Officer { format: Officer::FORMAT.to_owned(), appliances: Vec::new(), pending: Vec::new() },
            true => {
                let bytes = open(path, OFFICER_LEN_MAX as u64)?;
                Officer::read(&bytes)
                    .map_err(|cause| NotJudged::Usage(format!("--state {} : {cause}", path.display())))?
            }
        };
        Ok(Self { path: path.to_owned(), officer, _lock: lock })
    }

    /// Puts the document in place of the file.
    ///
    /// After `Ok` it is durable. After `Err`, or a crash, the file is the old one or the new one, whole.
    ///
    /// # Errors
    /// [`NotJudged::Output`]; [`NotJudged::Usage`]: longer than what is read again.
    pub(super) fn save(&self) -> Result<(), NotJudged> {
        let text = self.officer.text();
        if text.len() > OFFICER_LEN_MAX {
            return Err(NotJudged::Usage(format!(
                "--state {} dépasserait {OFFICER_LEN_MAX} octets ; répartissez les appliances entre plusieurs fichiers",
                self.path.display()
            )));
        }
        Ok(durable::replace(&self.path, text.as_bytes(), MODE)?)
    }
}

/// A file beside it is locked, for the file itself is replaced; it stays: one that is removed can be locked twice.
fn lock(path: &Path) -> Result<File, NotJudged> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let file = File::options().create(true).append(true).open(PathBuf::from(name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NotJudged::Held(path.display().to_string())),
        Err(TryLockError::Error(cause)) => Err(cause.into()),
    }
}

impl Officer {
    /// The appliance of this name, or the only one.
    ///
    /// # Errors
    /// [`NotJudged::Usage`].
    pub(super) fn appliance(&mut self, name: Option<&str>) -> Result<&mut Appliance, NotJudged> {
        let names: Vec<String> = self.appliances.iter().map(|known| known.name.clone()).collect();
        let usage = |cause: &str| {
            let known = if names.is_empty() { "aucune".to_owned() } else { names.join(", ") };
            Err(NotJudged::Usage(format!("{cause} (connues : {known})")))
        };
        match (name, self.appliances.len()) {
            (Some(name), _) => match self.appliances.iter_mut().find(|known| known.name == name) {
                Some(found) => Ok(found),
                None => usage("--appliance : cette appliance n'est pas enrôlée ; vérifiez son nom"),
            },
            (None, 0) => usage("aucune appliance n'est enrôlée ; commencez par sceau-verify evidence enrol"),
            (None, 1) => self.appliances.first_mut().map_or_else(|| usage("aucune"), Ok),
            (None, _) => usage("plusieurs appliances sont enrôlées ; donnez --appliance"),
        }
    }

    /// Name of the appliance that a nonce was drawn for.
    pub(super) fn asked(&self, nonce: &Nonce) -> Option<&str> {
        let drew = |known: &&Appliance| known.nonces.iter().any(|drawn| drawn.nonce == *nonce);
        self.appliances.iter().find(drew).map(|known| known.name.as_str())
    }
}

impl Appliance {
    /// An appliance that was just enrolled.
    pub(super) fn new(name: String, enrolled: Enrolled, at: Instant) -> Self {
        Self {
            name,
            enrolled_at: at,
            enrolled,
            baseline: Baseline::default(),
            nonces: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// Remembers a nonce; forgets the oldest beyond the limit.
    pub(super) fn draw(&mut self, drawn: Drawn) {
        self.nonces.push(drawn);
        let beyond = self.nonces.len().saturating_sub(NONCES_MAX);
        self.nonces.drain(..beyond);
    }

    /// What is known of a nonce, for this document.
    pub(super) fn standing(&self, nonce: &Nonce, document: &Digest, now: Instant) -> NonceStanding {
        let Some(drawn) = self.nonces.iter().find(|drawn| drawn.nonce == *nonce) else {
            return NonceStanding::Unknown;
        };
        match &drawn.answered_by {
            Some(other) if other != document => NonceStanding::Spent,
            _ if now >= drawn.expires_at => NonceStanding::Expired,
            Some(_) => NonceStanding::Again(drawn.drawn_at),
            None => NonceStanding::Fresh(drawn.drawn_at),
        }
    }

    /// Spends the nonce for this document.
    pub(super) fn spend(&mut self, nonce: &Nonce, document: Digest) {
        if let Some(drawn) = self.nonces.iter_mut().find(|drawn| drawn.nonce == *nonce) {
            drawn.answered_by.get_or_insert(document);
        }
    }

    /// Adds a verdict; forgets the oldest beyond the limit.
    pub(super) fn judged(&mut self, judged: Judged) {
        self.verdicts.push(judged);
        let beyond = self.verdicts.len().saturating_sub(VERDICTS_MAX);
        self.verdicts.drain(..beyond);
    }
}

/// Name of a verdict in files and JSON.
pub(super) fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Undecided => "undecided",
        Standing::Bad => "bad",
    }
}

/// A check's name, to keep.
pub(super) fn check_name(check: Check) -> String {
    check.name().to_owned()
}

/// Whether an appliance may be called so.
///
/// # Errors
/// [`NotJudged::Usage`].
pub(super) fn name(name: &str) -> Result<(), NotJudged> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= NAME_LEN_MAX && name.chars().all(plain) {
        Ok(())
    } else {
        Err(NotJudged::Usage(format!(
            "--name : donnez un nom de lettres, chiffres, « - », « _ » et « . », de {NAME_LEN_MAX} octets au plus"
        )))
    }
}
