//! What the establishment declared to the Cnam (convention, annexes 2 and 3): the terms that every decision is made by.
//!
//! | file | noun |
//! |---|---|
//! | `tables` | the terms as they are written, checked beside each other |
//! | `title` | a convention's number, establishment and days |
//! | `service`, `structure` | one service, one structure |
//! | `approval` | whose signatures let a convention rule |
//! | `refusal` | why one does not rule |
//! | `difference` | what one changes of another, and what it widens |

mod approval;
mod difference;
mod refusal;
mod service;
mod structure;
mod tables;
mod title;

pub use approval::{APPROVERS_MIN, Known, NAMESPACE, judge};
pub use difference::{Change, difference, words_of_ms};
pub use refusal::NotTaken;
pub use service::{LOGIN_AGE_MAX_MS, Service};
pub use structure::{STRUCTURES_MAX, Structure, StructureTable};
pub use tables::{Declared, Tables};
pub use title::{ALARM_DAYS, Title, TitleTable};

use serde::Deserialize;

use super::declaration::Declarations;
use super::guard::Budgets;
use crate::traces::digest::Digest;
use crate::vihf::method::Method;

/// Name of the convention in the ledger's registers; its content is the file, byte for byte.
pub const REGISTER: &str = "convention";
/// The same of test mode, which takes unsigned ones: production never finds one of those in force.
pub const TEST_REGISTER: &str = "convention-test";
/// Word of the traces of a convention that was presented, taken or refused; their digest is the file's.
pub const TAKE: &str = "convention-take";

/// Which rows of the AIR rights table the convention opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Consultation, as the 2020 convention allows.
    #[default]
    Consultation,
    /// The table of July 2025, named by the convention.
    #[serde(rename = "table-2025")]
    Table2025,
}

impl Scope {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 2] = [Self::Consultation, Self::Table2025];

    /// Its word in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consultation => "consultation",
            Self::Table2025 => "table-2025",
        }
    }
}

/// The terms, whole and checked; without any, nothing is permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Convention {
    /// Number, establishment and days; none: terms inside `sceau.toml`, which test mode alone takes.
    pub title: Option<Title>,
    /// Methods of annexe 2 that the establishment declared.
    pub methods: Vec<Method>,
    /// Rows of the rights table.
    pub rights: Scope,
    /// Method 3: longest time from CPS with PIN to the contactless reading, in milliseconds; 0 allows none.
    pub contactless_delay_ms: u64,
    /// Whether keys that are sealed in a file of the appliance may be used, without an HSM.
    pub sealed_keys: bool,
    /// Declared structures (annexe 3), at most [`STRUCTURES_MAX`].
    pub structures: Vec<Structure>,
    /// Services with their lifetimes.
    pub services: Vec<Service>,
    /// When a login may be declared instead of proved.
    pub declarations: Declarations,
    /// From which volumes on an alarm is raised, and from which on somebody is stopped.
    pub guard: Budgets,
}

impl Convention {
    /// The service of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The structure of that identifier.
    #[must_use]
    pub fn structure(&self, id: &str) -> Option<&Structure> {
        self.structures.iter().find(|structure| structure.id.as_str() == id)
    }

    /// Whether that certificate (SHA-256 of its DER) is one that the structure's assertions may bear.
    #[must_use]
    pub fn admits(&self, structure: &str, certificate: &Digest) -> bool {
        self.structure(structure).is_some_and(|structure| structure.admits(certificate))
    }

    /// Longest life of any session in milliseconds.
    #[must_use]
    pub fn session_lifetime_max_ms(&self) -> u64 {
        self.services.iter().map(|service| service.login_age_max_ms).max().unwrap_or(0)
    }
}
