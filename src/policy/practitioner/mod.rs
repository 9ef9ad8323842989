//! A professional of the establishment, whose names, role, rights and means of login come from the register alone.
//!
//! | file | noun |
//! |---|---|
//! | `record` | an entry as it is written |
//! | `practice`, `authenticator` | a right to act in a service; a paired means of login |
//! | `register` | all of them by national id, and the document that the ledger keeps |
//! | [`review`] | what of an entry is to be looked at again |
//! | `columns` | an entry as a line of a table |
//! | [`import`] | a file that is to become the register ([`super::register`]): all of its lines are good, or each bad one is told |

mod authenticator;
mod columns;
pub mod import;
mod practice;
mod record;
mod register;
pub mod review;

pub use authenticator::{Authenticator, AuthenticatorRecord};
pub use practice::Practice;
pub use record::{EVIDENCE, Record};
pub use register::{NotChanged, Practitioners, PractitionersFile, REGISTER};

use serde::{Deserialize, Serialize};

use super::denial::{Denial, Reason};
use crate::vihf::codes::Role;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::text::Text;

/// A professional of the establishment (convention, requirements #1 to #3).
#[derive(Clone, Debug)]
pub struct Practitioner {
    /// Place in the register, from 0.
    pub entry: usize,
    /// National id.
    pub id: PsIdNat,
    /// `PRENOM NOM`.
    pub display_name: Text,
    /// Profession, with specialty or section.
    pub role: Role,
    /// Structures of practice as written; empty: every declared one.
    pub structures: Vec<String>,
    /// Services of practice, each with its period.
    pub services: Vec<Practice>,
    /// Identity checked and authenticator paired.
    pub enrolled: bool,
    /// Means of login; empty: the register does not follow them, the methods of convention and application serve.
    pub authenticators: Vec<Authenticator>,
    /// First instant of the day of the training in the use of the DMP.
    pub trained_at: Option<Instant>,
    /// Who the practitioner is for identity providers: the pairings.
    pub subjects: Vec<Subject>,
    /// Nothing is issued while true.
    pub suspended: bool,
    /// The entry as it is written.
    pub record: Record,
}

/// What an identity provider calls a practitioner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Name of the provider.
    pub provider: String,
    /// `sub` there.
    pub subject: String,
}

impl Practitioner {
    /// Whether that provider means this practitioner by that subject.
    #[must_use]
    pub fn is_paired(&self, provider: &str, subject: &str) -> bool {
        self.subjects.iter().any(|pairing| pairing.provider == provider && pairing.subject == subject)
    }

    /// Whether this practitioner may act in that service at `now`.
    #[must_use]
    pub fn acts_in(&self, service: &str, now: Instant) -> bool {
        self.services.iter().any(|practice| practice.service == service && practice.is_open(now))
    }

    /// Whether this practitioner acts for that structure.
    #[must_use]
    pub fn acts_for(&self, structure: &str) -> bool {
        self.structures.is_empty() || self.structures.iter().any(|known| known == structure)
    }

    /// Whether a login by that method may be this practitioner's.
    ///
    /// # Errors
    /// Every authenticator of the method is revoked, or none was ever paired.
    pub fn has(&self, method: Method) -> Result<(), Denial> {
        let mut of_method = self.authenticators.iter().filter(|paired| paired.method == method).peekable();
        if self.authenticators.is_empty() || of_method.clone().any(|paired| !paired.revoked) {
            return Ok(());
        }
        if of_method.peek().is_some() {
            return Err(Denial::new(
                Reason::AuthenticatorRevoked,
                "le moyen d'authentification de ce professionnel est révoqué ; faites-en apparier un autre",
            ));
        }
        Err(Denial::new(
            Reason::MethodNotAllowed,
            "aucun moyen de cette méthode n'est apparié à ce professionnel ; faites-en apparier un",
        ))
    }

    /// Whether a login by that method, made while the entry was `before`, counts no more although the method serves: by an
    /// authenticator that was lost since, or of before there was one that serves.
    #[must_use]
    pub fn outlived(&self, before: &Self, method: Method) -> bool {
        let serves = |of: &Self, id: &str| {
            of.authenticators.iter().any(|one| one.method == method && one.id == id && !one.revoked)
        };
        let lost = before
            .authenticators
            .iter()
            .any(|one| one.method == method && serves(before, &one.id) && !serves(self, &one.id));
        self.has(method).is_ok() && (lost || before.has(method).is_err())
    }

    /// Whether anything may be issued for this practitioner.
    ///
    /// # Errors
    /// Suspended, not enrolled, or not trained.
    pub fn in_force(&self, now: Instant) -> Result<(), Denial> {
        let refuse = |reason, message: &str| Err(Denial::new(reason, message));
        if self.suspended {
            return refuse(
                Reason::PractitionerSuspended,
                "ce professionnel est suspendu ; adressez-vous au responsable de la sécurité",
            );
        }
        if !self.enrolled {
            return refuse(
                Reason::PractitionerNotEnrolled,
                "ce professionnel n'est pas enrôlé ; faites vérifier son identité puis appariez son moyen d'authentification",
            );
        }
        if self.trained_at.is_none_or(|at| at > now) {
            return refuse(
                Reason::TrainingMissing,
                "la formation de ce professionnel n'est pas enregistrée ; renseignez trained_on",
            );
        }
        Ok(())
    }
}

/// The refusal for whom no register names.
pub(super) fn unknown_practitioner() -> Denial {
    Denial::new(Reason::PractitionerUnknown, "ce professionnel n'est pas au registre ; faites-le enrôler")
}
