//! The usage that conventions ask for: how many DMPs each service consulted.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::digest::Digest;
use super::entry::Entry;
use super::entry::event::Event;
use super::entry::outcome::Outcome;
use super::entry::word::Word;
use crate::vihf::instant::Instant;

/// DMPs that each service shall have consulted in three completed months (convention of 2020, annexe 2).
pub const TARGET: u64 = 100;

/// The count, taking entries as they come, the oldest first.
///
/// A DMP is a patient's keyed hash: nobody's identity is needed. What counts is an assertion for a patient, for a transaction that
/// consults, that was handed over; what was recorded and never left consulted nothing, and a look whether there is a DMP is none into it.
#[derive(Debug)]
pub struct Usage {
    /// Whether a transaction, by its key, consults a DMP.
    consults: fn(&str) -> bool,
    from: Instant,
    to: Instant,
    /// Assertions of the time whose disposition is to come.
    open: HashMap<u64, (Word, Digest)>,
    services: BTreeMap<Word, Service>,
}

/// What one service did.
#[derive(Debug, Default)]
struct Service {
    assertions: u64,
    patients: HashSet<Digest>,
}

/// One line of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The service.
    pub service: String,
    /// Assertions handed over.
    pub assertions: u64,
    /// Distinct DMPs.
    pub dmps: u64,
}

impl Usage {
    /// Counts from `from` to before `to`; `consults` tells transactions that consult a DMP by their keys.
    #[must_use]
    pub fn new(from: Instant, to: Instant, consults: fn(&str) -> bool) -> Self {
        Self { consults, from, to, open: HashMap::new(), services: BTreeMap::new() }
    }

    /// Takes the next entry of the ledger. Those behind `to` are needed too, for the dispositions of those before.
    pub fn take(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Issued(issued) if (self.from..self.to).contains(&entry.time) => {
                if let Some(patient) = &issued.patient
                    && (self.consults)(issued.transaction.as_str())
                {
                    self.open.insert(entry.index, (issued.setting.service.clone(), patient.lookup));
                }
            }
            Event::Outcome(outcome) if outcome.outcome.may_come(true) => {
                // A disposition; later outcomes find nothing open.
                let Some((service, patient)) = self.open.remove(&outcome.of) else { return };
                if outcome.outcome == Outcome::Released {
                    let service = self.services.entry(service).or_default();
                    service.assertions += 1;
                    service.patients.insert(patient);
                }
            }
            _ => {}
        }
    }

    /// The services that consulted something, by name.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        let one = |(service, done): (&Word, &Service)| Count {
            service: service.to_string(),
            assertions: done.assertions,
            dmps: done.patients.len() as u64,
        };
        self.services.iter().map(one).collect()
    }
}
