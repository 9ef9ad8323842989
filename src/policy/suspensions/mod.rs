//! The register of suspensions: one canonical document of whom nothing is issued for, beside the registers of the files.
//!
//! Practitioners are named by the ledger's keyed lookups: neither the document nor its hash, which leaves in archives, tells
//! who was suspended to anyone without the ledger's key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::denial::{Denial, Reason};
use super::guard::{Measure, WINDOW_MAX_MS};
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// Name of the register in the ledger.
pub const REGISTER: &str = "suspensions";
/// How long it is remembered that somebody was resumed, in milliseconds: longer than any window, slots included.
const RESUMED_KEPT_MS: u64 = 2 * WINDOW_MAX_MS;

/// Who is suspended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suspended {
    /// Everybody.
    Establishment,
    /// An application, by its Unix user as the register names it.
    Application(String),
    /// A practitioner, by the ledger's lookup.
    Practitioner(Digest),
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// An operator's order.
    Order,
    /// More assertions than the guard lets pass.
    Tokens,
    /// More patients than the guard lets pass.
    Patients,
}

impl From<Measure> for Cause {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::Tokens => Self::Tokens,
            Measure::Patients => Self::Patients,
        }
    }
}

impl Cause {
    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Tokens => "tokens",
            Self::Patients => "patients",
        }
    }
}

/// Since when, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub since: Instant,
    /// Why.
    pub cause: Cause,
}

/// When somebody was resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resumed {
    at: Instant,
    /// The entries before this index no longer count for them.
    before: u64,
}

/// One change of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the register")]
pub enum Change {
    Suspend { who: Suspended, suspension: Suspension },
    Resume { who: Suspended, at: Instant, before: u64 },
}

/// Everybody who is suspended, and who was not long ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspensions {
    suspended: BTreeMap<Suspended, Suspension>,
    resumed: BTreeMap<Suspended, Resumed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    sceau_suspensions: u32,
    suspended: Vec<SuspendedRow>,
    resumed: Vec<ResumedRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuspendedRow {
    who: String,
    since: String,
    cause: Cause,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumedRow {
    who: String,
    at: String,
    before: u64,
}

const ESTABLISHMENT: &str = "establishment";
const APPLICATION: &str = "application:";
const PRACTITIONER: &str = "practitioner:";

impl Suspended {
    fn text(&self) -> String {
        match self {
            Self::Establishment => ESTABLISHMENT.to_owned(),
            Self::Application(user) => format!("{APPLICATION}{user}"),
            Self::Practitioner(lookup) => format!("{PRACTITIONER}{}", lookup.to_base64()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == ESTABLISHMENT {
            return Some(Self::Establishment);
        }
        let application = text.strip_prefix(APPLICATION).map(|user| Self::Application(user.to_owned()));
        application.or_else(|| Digest::from_base64(text.strip_prefix(PRACTITIONER)?).map(Self::Practitioner))
    }

    /// Its kind: nobody's name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Establishment => "establishment",
            Self::Application(_) => "application",
            Self::Practitioner(_) => "practitioner",
        }
    }

    fn denial(&self) -> Denial {
        let (reason, message) = match self {
            Self::Establishment => (
                Reason::EstablishmentSuspended,
                "l'établissement est suspendu ; deux opérateurs doivent lever la suspension, adressez-vous au responsable de la \
                 sécurité",
            ),
            Self::Application(_) => (
                Reason::ApplicationSuspended,
                "cette application est suspendue ; adressez-vous au responsable de la sécurité",
            ),
            Self::Practitioner(_) => (
                Reason::PractitionerSuspended,
                "ce professionnel est suspendu ; adressez-vous au responsable de la sécurité",
            ),
        };
        Denial::new(reason, message)
    }
}

impl Suspensions {
    /// Reads what [`Suspensions::document`] writes, and nothing else.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        let read: Document = serde_json::from_slice(document).ok()?;
        let suspended = read.suspended.into_iter().map(|row| {
            let suspension = Suspension { since: Instant::parse(&row.since)?, cause: row.cause };
            Some((Suspended::parse(&row.who)?, suspension))
        });
        let resumed = read.resumed.into_iter().map(|row| {
            let resumed = Resumed { at: Instant::parse(&row.at)?, before: row.before };
            Some((Suspended::parse(&row.who)?, resumed))
        });
        let register =
            Self { suspended: suspended.collect::<Option<_>>()?, resumed: resumed.collect::<Option<_>>()? };
        (register.document() == document).then_some(register)
    }

    /// The register's one text: its SHA-256 is in the ledger.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        let suspended = self.suspended.iter().map(|(who, suspension)| SuspendedRow {
            who: who.text(),
            since: suspension.since.to_string(),
            cause: suspension.cause,
        });
        let resumed = self.resumed.iter().map(|(who, resumed)| ResumedRow {
            who: who.text(),
            at: resumed.at.to_string(),
            before: resumed.before,
        });
        let document =
            Document { sceau_suspensions: 1, suspended: suspended.collect(), resumed: resumed.collect() };
        // Only a map with keys that are no strings fails, and there is none.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// Changes it. Who is suspended already stays so since then and for that cause; who was resumed longer ago than any
    /// window is forgotten.
    pub fn change(&mut self, change: &Change) {
        let now = match change {
            Change::Suspend { who, suspension } => {
                self.suspended.entry(who.clone()).or_insert(*suspension);
                suspension.since
            }
            Change::Resume { who, at, before } => {
                self.suspended.remove(who);
                self.resumed.insert(who.clone(), Resumed { at: *at, before: *before });
                *at
            }
        };
        let kept = i64::try_from(RESUMED_KEPT_MS).unwrap_or(i64::MAX);
        self.resumed.retain(|_, resumed| now.ms_since(resumed.at) < kept);
    }

    /// Whether that one is suspended.
    #[must_use]
    pub fn has(&self, who: &Suspended) -> bool {
        self.suspended.contains_key(who)
    }

    /// The refusal of a request, if the establishment, its application or its practitioner is suspended; in that order.
    #[must_use]
    pub fn denial(&self, application: &str, practitioner: Digest) -> Option<Denial> {
        if self.suspended.is_empty() {
            return None;
        }
        let (application, practitioner) =
            (Suspended::Application(application.to_owned()), Suspended::Practitioner(practitioner));
        let asked = [Suspended::Establishment, application, practitioner];
        asked.iter().find(|who| self.has(who)).map(Suspended::denial)
    }

    /// Whether an entry of that index counts for this one: none does from before it was resumed.
    #[must_use]
    pub fn counts(&self, who: &Suspended, index: u64) -> bool {
        self.resumed.get(who).is_none_or(|resumed| index >= resumed.before)
    }

    /// Everybody who is suspended: the establishment, applications, practitioners.
    pub fn all(&self) -> impl Iterator<Item = (&Suspended, &Suspension)> {
        self.suspended.iter()
    }
}

#[cfg(test)]
mod tests;
