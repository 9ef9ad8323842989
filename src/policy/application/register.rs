//! The register of applications: all of them by Unix user, and its document in the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Application;
use super::record::{CERTIFICATES_MAX, Demands, Record};
use super::remote;
use crate::policy::breach::Breach;
use crate::policy::fingerprint::Fingerprint;

/// Name of the register in the ledger.
pub const REGISTER: &str = "applications";

/// All applications by Unix user number, in the order of the register.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    all: Vec<Arc<Application>>,
    by_uid: HashMap<u32, usize>,
    by_certificate: HashMap<Fingerprint, usize>,
}

/// Why a certificate is not added, or not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// No remote application has that name.
    Unknown,
    /// Another application has that certificate.
    OfAnother,
    /// It has as many as it may have.
    Full,
    /// It is so already.
    AsItIs,
}

/// The TOML shape of the register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationsFile {
    #[serde(default)]
    application: Vec<Record>,
}

/// The register in the ledger: it names software, nobody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    sceau_applications: u32,
    applications: Vec<Record>,
}

#[derive(Serialize)]
struct Written<'a> {
    sceau_applications: u32,
    applications: Vec<&'a Record>,
}

impl Applications {
    /// Takes the right entries of a register's file, and tells what is wrong with the others.
    ///
    /// `uid` finds a Unix user's number by its name; `services` and `profiles` are those that exist. Each breach names the
    /// application, the field, the cause and the remedy.
    pub fn check(
        file: ApplicationsFile,
        uid: impl Fn(&str) -> Option<u32>,
        service_exists: impl Fn(&str) -> bool,
        profile_exists: impl Fn(&str) -> bool,
    ) -> (Self, Vec<Breach>) {
        let demands = Demands { uid: &uid, service_exists: &service_exists, profile_exists: &profile_exists };
        let mut breaches = Vec::new();
        let taken = Self::of(&file.application, demands, &mut |entry, user, rule, field, cause| {
            let cause = format!("application user = {user:?} : {cause}");
            breaches.push(Breach::of(rule, "application", field, cause).in_entry(entry));
        });
        (taken, breaches)
    }

    /// Takes the right entries; the others are told: entry, user, rule, member, cause and remedy.
    pub(super) fn of(
        records: &[Record],
        demands: Demands<'_>,
        refuse: &mut dyn FnMut(usize, &str, &'static str, &'static str, String),
    ) -> Self {
        let mut register = Self::default();
        for (entry, record) in records.iter().enumerate() {
            let mut refuse = |rule, field, cause: String| refuse(entry, &record.user, rule, field, cause);
            let Some(application) = record.check(entry, demands, &mut refuse) else { continue };
            let uid = application.uid;
            if register.by_uid.contains_key(&uid) {
                let cause =
                    format!("l'utilisateur numéro {uid} est déclaré deux fois ; retirez l'une des deux entrées");
                refuse("application-twice", "user", cause);
                continue;
            }
            if let Some(known) = application.certificates.iter().find(|c| register.by_certificate.contains_key(c))
            {
                let cause =
                    format!("certificates : {known} est déjà d'une autre application ; gardez-le à une seule");
                refuse("certificate-twice", "certificates", cause);
                continue;
            }
            let place = register.all.len();
            register.by_certificate.extend(application.certificates.iter().map(|known| (*known, place)));
            register.by_uid.insert(uid, place);
            register.all.push(Arc::new(application));
        }
        register
    }

    /// Reads the ledger's document, and the Unix users of those of its entries that serve no more: they do not exist on this
    /// machine.
    ///
    /// Services and profiles that the configuration has no longer stand, and open nothing. None: this version writes no
    /// such document.
    #[must_use]
    pub fn parse(document: &[u8], uid: impl Fn(&str) -> Option<u32>) -> Option<(Self, Vec<String>)> {
        let read: Document =
            serde_json::from_slice(document).ok().filter(|read: &Document| read.sceau_applications == 1)?;
        let demands = Demands { uid: &uid, service_exists: &|_| true, profile_exists: &|_| true };
        let mut lost = Vec::new();
        let taken = Self::of(&read.applications, demands, &mut |_, user, _, _, _| {
            if lost.last().is_none_or(|last| last != user) {
                lost.push(user.to_owned());
            }
        });
        Some((taken, lost))
    }

    /// The ledger's document: compact JSON.
    ///
    /// # Errors
    /// None that the values of a register can cause.
    pub fn document(&self) -> Result<Vec<u8>, serde_json::Error> {
        let applications = self.all.iter().map(|application| &application.record).collect();
        serde_json::to_vec(&Written { sceau_applications: 1, applications })
    }

    /// All applications, in the order of the register.
    #[must_use]
    pub fn all(&self) -> &[Arc<Application>] {
        &self.all
    }

    /// The next ones behind that Unix user, `len` at most; from the first without it. None: it is not in the register.
    #[must_use]
    pub fn page(&self, after: Option<&str>, len: usize) -> Option<&[Arc<Application>]> {
        let from = match after {
            None => 0,
            Some(user) => self.all.iter().position(|application| application.user == user)? + 1,
        };
        let rest = self.all.get(from..)?;
        rest.get(..len.min(rest.len()))
    }

    /// The application of a Unix user by its name in the register.
    #[must_use]
    pub fn named(&self, user: &str) -> Option<&Arc<Application>> {
        self.all.iter().find(|application| application.user == user)
    }

    /// The application that the gate knows by that public key.
    #[must_use]
    pub fn of_certificate(&self, certificate: &Fingerprint) -> Option<&Arc<Application>> {
        self.all.get(*self.by_certificate.get(certificate)?)
    }

    /// Every public key that the gate admits.
    pub fn certificates(&self) -> impl Iterator<Item = &Fingerprint> {
        self.all.iter().flat_map(|application| &application.certificates)
    }

    /// The register with that public key added to a remote application, or taken away from it.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub fn with_certificate(&self, user: &str, certificate: Fingerprint, add: bool) -> Result<Self, NotChanged> {
        let known = self.named(user).filter(|known| remote::name(&known.user).is_some());
        let known = known.ok_or(NotChanged::Unknown)?;
        let holder = self.of_certificate(&certificate);
        match (holder, add) {
            (Some(holder), true) if holder.uid == known.uid => return Err(NotChanged::AsItIs),
            (Some(_), true) => return Err(NotChanged::OfAnother),
            (Some(holder), false) if holder.uid == known.uid => {}
            (_, false) => return Err(NotChanged::AsItIs),
            (None, true) if known.certificates.len() >= CERTIFICATES_MAX => return Err(NotChanged::Full),
            (None, true) => {}
        }
        let mut next = Self::default();
        for application in &self.all {
            let mut application = Application::clone(application);
            if application.uid == known.uid {
                application.certificates.retain(|one| *one != certificate);
                if add {
                    application.certificates.push(certificate);
                }
                application.record.certificates =
                    application.certificates.iter().map(Fingerprint::to_string).collect();
            }
            let place = next.all.len();
            next.by_certificate.extend(application.certificates.iter().map(|one| (*one, place)));
            next.by_uid.insert(application.uid, place);
            next.all.push(Arc::new(application));
        }
        Ok(next)
    }

    /// The application of that Unix user.
    #[must_use]
    pub fn get(&self, uid: u32) -> Option<&Arc<Application>> {
        self.all.get(*self.by_uid.get(&uid)?)
    }
}
