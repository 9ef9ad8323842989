//! The convention in force: exchanged whole, at once; every request has the one that it began with.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::Daemon;
use super::answer::{No, Unavailable};
use super::status::document::Trouble;
use crate::config::{Config, Presented, Terms, convention};
use crate::ledger::Restored;
use crate::policy::convention::{Convention, NotTaken, REGISTER, TEST_REGISTER};
use crate::traces::digest::Digest;
use crate::vihf::codes::Sector;
use crate::vihf::identity::StructIdNat;
use crate::vihf::instant::Instant;

/// A convention with what traces name it by.
#[derive(Debug)]
pub(super) struct Ruling {
    /// Empty where there is none: then nothing is permitted.
    pub(super) convention: Convention,
    /// Its structures, as sessions are decided with them.
    pub(super) structures: Vec<(StructIdNat, Sector)>,
    /// SHA-256 of the file's bytes.
    pub(super) digest: Digest,
    /// Whose signatures beside the file were right when it was last looked at.
    pub(super) approvers: Vec<String>,
    /// The file, byte for byte; empty for terms inside `sceau.toml`.
    pub(super) text: String,
    exists: bool,
}

impl Ruling {
    /// A convention that was judged.
    pub(super) fn of(presented: Presented, approvers: Vec<String>) -> Self {
        let Presented { convention, text, digest, .. } = presented;
        let structures = convention.structures.iter().map(|s| (s.id, s.sector)).collect();
        Self { convention, structures, digest, approvers, text, exists: true }
    }

    fn none() -> Self {
        let (convention, digest) = (Convention::default(), Digest::of(&[]));
        let (structures, approvers, text) = (Vec::new(), Vec::new(), String::new());
        Self { convention, structures, digest, approvers, text, exists: false }
    }

    /// Whether there is one, in its days or not.
    pub(super) fn exists(&self) -> bool {
        self.exists
    }

    /// Whether it may be decided by at `now`: there is one, and the day is one of its own.
    pub(super) fn holds_at(&self, now: Instant) -> bool {
        self.exists && self.convention.title.as_ref().is_none_or(|title| title.holds_at(now))
    }

    /// Whether anything may be issued at `now`.
    ///
    /// # Errors
    /// No convention holds.
    pub(super) fn permits(&self, now: Instant) -> Result<(), No> {
        if self.holds_at(now) { Ok(()) } else { Err(No::Unavailable(Unavailable::Convention)) }
    }
}

/// The convention of now. Nobody waits: a request keeps the one that it took, the next one takes the new.
#[derive(Debug)]
pub(super) struct Conventions {
    in_force: RwLock<Arc<Ruling>>,
    /// Why the file that was presented last was not taken.
    refused: Mutex<Option<NotTaken>>,
}

impl Conventions {
    /// The one that the ledger has, since it was signed and written there; in test mode the terms inside `sceau.toml`.
    ///
    /// The file is presented when everything stands: see [`Daemon::take_convention`].
    pub(super) fn new(config: &Config, restored: &Restored) -> Self {
        let in_force = match &config.terms {
            Terms::Inline(_) if !config.is_test() => Ruling::none(),
            Terms::Inline(_) => config
                .present_convention()
                .map_or_else(|_| Ruling::none(), |presented| Ruling::of(presented, Vec::new())),
            Terms::File(path) => {
                let kept = restored.registers.iter().find(|(name, _)| name == register(config));
                let text = kept.and_then(|(_, text)| String::from_utf8(text.clone()).ok());
                let read = text.map(|text| convention(path, &text, config.is_test()).map(|read| (read, text)));
                match read {
                    None => Ruling::none(),
                    Some(Ok((convention, text))) => {
                        let digest = Digest::of(&[text.as_bytes()]);
                        let presented = Presented { convention, text, digest, signatures: Vec::new() };
                        Ruling::of(presented, Vec::new())
                    }
                    Some(Err(_)) => {
                        // Refusals name it all the same, as the start did.
                        let digest = kept.map_or_else(|| Digest::of(&[]), |(_, text)| Digest::of(&[text]));
                        tracing::error!(
                            "the ledger's convention is none that this version reads: a new one must be signed and taken"
                        );
                        Ruling { digest, ..Ruling::none() }
                    }
                }
            }
        };
        Self { in_force: RwLock::new(Arc::new(in_force)), refused: Mutex::default() }
    }

    /// The convention of now.
    pub(super) fn current(&self) -> Arc<Ruling> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What every request is decided by from now on.
    pub(super) fn take(&self, in_force: Ruling) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(in_force);
        self.told(None);
    }

    /// What came of the file that was presented last.
    pub(super) fn told(&self, refused: Option<NotTaken>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// Why the file that was presented last was not taken.
    pub(super) fn refused(&self) -> Option<NotTaken> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a start tells of the convention in force: the terms' digest, or the register whose content it is.
pub(super) fn told_by_start(config: &Config) -> (Digest, Option<&'static str>) {
    match &config.terms {
        Terms::Inline(_) if config.is_test() => (config.digest, None),
        Terms::Inline(_) => (Digest::of(&[]), None),
        Terms::File(_) => (Digest::of(&[]), Some(register(config))),
    }
}

/// The ledger's register of conventions that this mode takes: whoever changes the mode and back brings none along that nobody
/// signed.
pub(super) fn register(config: &Config) -> &'static str {
    if config.is_test() { TEST_REGISTER } else { REGISTER }
}

impl Daemon {
    /// Whether a convention holds now.
    pub(super) fn has_convention(&self) -> bool {
        self.conventions.current().holds_at(self.clock.now())
    }

    /// What is amiss with the convention: none holds, its end is near, a new one was refused, it misses a certificate.
    pub(super) fn convention_troubles(&self) -> Vec<Trouble> {
        let (in_force, refused, now) = (self.conventions.current(), self.conventions.refused(), self.clock.now());
        let mut troubles = Vec::new();
        let mut tell = |reason, message: String| troubles.push(Trouble { reason, message: message.into() });
        let refusal = refused.map_or("", NotTaken::message);
        let title = in_force.convention.title.as_ref();
        match title {
            _ if !in_force.exists() && self.config.convention_file().is_none() => {}
            _ if !in_force.exists() => {
                tell("convention", format!("aucune convention n'est en vigueur : {refusal}"))
            }
            Some(title) if !title.holds_at(now) => {
                let days = format!("du {} au {}", title.from, title.until);
                tell(
                    "convention",
                    format!("la convention n'est pas dans ses dates ({days}) ; faites-en signer une nouvelle"),
                );
            }
            _ if refused.is_some() => tell(
                "convention-refused",
                format!("une nouvelle convention est refusée, l'ancienne reste en vigueur : {refusal}"),
            ),
            _ => {}
        }
        if let Some(title) = title.filter(|title| title.holds_at(now))
            && title.alarm(now).is_some()
        {
            let (days, until) = (title.days_left(now), &title.until);
            let text =
                format!("la convention finit dans {days} jour(s), le {until} ; faites-en signer une nouvelle");
            tell("convention-ends-soon", text);
        }
        if in_force.holds_at(now) {
            if self.seals.all().iter().any(|seal| !seal.is_keyring_declared(&in_force.convention)) {
                let text = "une clé est scellée dans un fichier, et la convention ne l'admet pas : rien n'est scellé ; faites-y mettre sealed_keys = true, ou utilisez un token";
                tell("sealed-keys-not-declared", text.to_owned());
            }
            for seal in self.seals.all().iter().filter(|seal| !seal.is_certificate_declared(&in_force.convention))
            {
                let text = format!(
                    "le certificat de la clé {} n'est pas déclaré par la convention, elle ne scelle pas ; faites-le déclarer (structure {})",
                    seal.key, seal.structure
                );
                tell("certificate-not-declared", text);
            }
        }
        troubles
    }

    /// Tells the log of a convention that ends soon, as of certificates.
    pub(super) fn alarm_convention(&self) {
        let (in_force, now) = (self.conventions.current(), self.clock.now());
        if let Some(title) = &in_force.convention.title
            && let Some(threshold_days) = title.alarm(now)
        {
            tracing::warn!(
                number = title.number,
                until = title.until,
                days_left = title.days_left(now),
                threshold_days,
                "convention alarm: it ends soon; have a new one signed and taken"
            );
        }
    }
}
