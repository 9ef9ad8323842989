//! The register of applications: which Unix user is which homologated software, and what it may ask for.
//!
//! | file | noun |
//! |---|---|
//! | `record`, `columns` | an entry as it is written; as a line of a table |
//! | [`remote`] | applications of other machines, which the gate knows by their certificates |
//! | `register` | all of them by Unix user, and the document that the ledger keeps |
//! | [`import`] | a file that is to become the register ([`super::register`]) |
//! | [`review`] | what of an entry is to be looked at again |

mod columns;
pub mod import;
mod record;
mod register;
pub mod remote;
pub mod review;

pub use record::Record;
pub use register::{Applications, ApplicationsFile, NotChanged, REGISTER};

use super::denial::{Denial, Reason};
use super::fingerprint::Fingerprint;
use crate::proof::Audience;
use crate::vihf::assertion::Lps;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::Channel;

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 3_600_000;

/// A registered application (convention, annexe 3: software homologated for the DMP).
#[derive(Clone, Debug)]
pub struct Application {
    /// Place in the register, from 0.
    pub entry: usize,
    /// Unix user as the register names it.
    pub user: String,
    /// Its number: what the kernel vouches for, or the gate's certificate ([`remote`]).
    pub uid: u32,
    /// Public keys that the gate knows it by; none for a Unix user.
    pub certificates: Vec<Fingerprint>,
    /// Identity of the software, written in every assertion.
    pub lps: Lps,
    /// First instant at which its homologation no longer holds.
    pub homologation_ends_at: Instant,
    /// Services it may act for.
    pub services: Vec<String>,
    /// Channels it may use.
    pub channels: Vec<Channel>,
    /// Methods it may tell of.
    pub methods: Vec<Method>,
    /// Profiles it may ask for.
    pub profiles: Vec<String>,
    /// What identity providers call it: whom their proofs must be made for.
    pub audiences: Vec<Audience>,
    /// Whether its word about a login may be enough, without proof; what the register says, if anything.
    /// [`super::declaration::Declarations::admit`] decides.
    pub may_declare: Option<bool>,
    /// Nothing is issued while true.
    pub suspended: bool,
    /// The entry as it is written.
    pub record: Record,
}

impl Application {
    /// Whether the application may ask for anything at `now`.
    ///
    /// # Errors
    /// Suspended, or its homologation has ended.
    pub fn in_force(&self, now: Instant) -> Result<(), Denial> {
        if self.suspended {
            return Err(Denial::new(
                Reason::ApplicationSuspended,
                "cette application est suspendue ; adressez-vous au responsable de la sécurité",
            ));
        }
        if now >= self.homologation_ends_at {
            return Err(Denial::new(
                Reason::HomologationExpired,
                "l'homologation DMP de cette application est échue ; mettez à jour le registre des applications",
            ));
        }
        Ok(())
    }
}

/// The refusal for a Unix user that is in no register.
#[must_use]
pub fn unknown_application() -> Denial {
    Denial::new(
        Reason::ApplicationUnknown,
        "l'utilisateur Unix appelant n'est pas une application déclarée ; ajoutez-le au registre des applications",
    )
}

/// First instant of the day `AAAA-MM-JJ` in UTC.
pub(super) fn start_of_day(text: &str) -> Option<Instant> {
    Instant::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == "AAAA-MM-JJ".len())
}

/// First instant after the day `AAAA-MM-JJ` in UTC.
pub(crate) fn end_of_day(text: &str) -> Option<Instant> {
    Some(start_of_day(text)?.plus_ms(DAY_MS))
}
