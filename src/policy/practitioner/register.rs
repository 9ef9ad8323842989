//! The register of practitioners: all of them by national id, its document in the ledger, and the changes of single entries.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{Demands, Record};
use super::{Practitioner, Subject};
use crate::policy::breach::Breach;
use crate::vihf::identity::PsIdNat;
use crate::vihf::method::Method;

/// Name of the register in the ledger.
pub const REGISTER: &str = "practitioners";

/// All practitioners by national id, in the order of the register.
#[derive(Clone, Debug, Default)]
pub struct Practitioners {
    all: Vec<Arc<Practitioner>>,
    by_id: HashMap<String, usize>,
    /// Entries of the ledger that serve no more, as they are written: a change of another entry leaves them there, and what of
    /// them is revoked stays so.
    left_out: Vec<Record>,
}

/// The TOML shape of the register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PractitionersFile {
    #[serde(default)]
    practitioner: Vec<Record>,
}

/// The register in the ledger. The salt keeps its digest, which is in an entry for good, from confirming a guess of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    sceau_practitioners: u32,
    #[serde(rename = "salt")]
    _salt: String,
    practitioners: Vec<Record>,
}

#[derive(Serialize)]
struct Written<'a> {
    sceau_practitioners: u32,
    salt: &'a str,
    practitioners: Vec<&'a Record>,
}

/// Why a single entry was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// Nobody has that national id.
    Unknown,
    /// The practitioner has no such authenticator.
    AuthenticatorUnknown,
    /// It is so already.
    AsItIs,
}

impl Practitioners {
    /// Takes the right entries of a register's file, and tells what is wrong with the others; `physician_specialties` are
    /// the prefixes of the default profile. Each breach names the entry, the field, the cause and the remedy.
    pub fn check(
        file: PractitionersFile,
        physician_specialties: &[String],
        structure_exists: impl Fn(&str) -> bool,
        service_exists: impl Fn(&str) -> bool,
    ) -> (Self, Vec<Breach>) {
        let families: Vec<&str> = physician_specialties.iter().map(String::as_str).collect();
        let demands = Demands {
            physician_specialties: &families,
            structure_exists: &structure_exists,
            service_exists: &service_exists,
            evidence: false,
        };
        let mut breaches = Vec::new();
        let taken = Self::of(file.practitioner.iter(), demands, &mut |entry, id, rule, field, cause| {
            let cause = format!("practitioner n° {} (id = {id:?}) : {cause}", entry + 1);
            breaches.push(Breach::of(rule, "practitioner", field, cause).in_entry(entry));
        });
        (taken, breaches)
    }

    /// Takes the right entries; the others are told: entry, id, rule, member, cause and remedy.
    pub(super) fn of<'r>(
        records: impl ExactSizeIterator<Item = &'r Record>,
        demands: Demands<'_>,
        refuse: &mut dyn FnMut(usize, &str, &'static str, &'static str, String),
    ) -> Self {
        let mut register = Self {
            all: Vec::with_capacity(records.len()),
            by_id: HashMap::with_capacity(records.len()),
            left_out: Vec::new(),
        };
        let (mut subjects, mut authenticators) = (HashSet::new(), HashSet::new());
        for (entry, record) in records.enumerate() {
            let mut refuse = |rule, field, cause: String| refuse(entry, &record.id, rule, field, cause);
            let Some(practitioner) = record.check(entry, demands, &mut refuse) else { continue };
            // One login must never be two people's.
            if practitioner.subjects.iter().any(|pairing| !subjects.insert(pairing.clone())) {
                let cause =
                    "subject : ce sujet est déjà apparié ; un compte du fournisseur est à une seule personne";
                refuse("subject-twice", "subject", cause.to_owned());
                continue;
            }
            let mut paired = practitioner.authenticators.iter().map(|paired| (paired.method, paired.id.clone()));
            if paired.any(|paired| !authenticators.insert(paired)) {
                let cause =
                    "authenticator : ce moyen est déjà apparié ; un moyen est à une seule personne, une fois";
                refuse("authenticator-twice", "authenticator", cause.to_owned());
                continue;
            }
            if register.by_id.contains_key(practitioner.id.as_str()) {
                let cause = "ce professionnel est déclaré deux fois ; retirez l'une des deux entrées";
                refuse("practitioner-twice", "id", cause.to_owned());
            } else {
                register.push(practitioner);
            }
        }
        register
    }

    fn push(&mut self, practitioner: Practitioner) {
        self.by_id.insert(practitioner.id.as_str().to_owned(), self.all.len());
        self.all.push(Arc::new(practitioner));
    }

    /// Reads the ledger's document, and how many of its entries serve no more: the profile changed since they were judged.
    ///
    /// Services and structures that the configuration has no longer stand, and open nothing. None: this version writes no
    /// such document.
    #[must_use]
    pub fn parse(document: &[u8], physician_specialties: &[String]) -> Option<(Self, usize)> {
        let read: Document =
            serde_json::from_slice(document).ok().filter(|read: &Document| read.sceau_practitioners == 1)?;
        let families: Vec<&str> = physician_specialties.iter().map(String::as_str).collect();
        let demands = Demands {
            physician_specialties: &families,
            structure_exists: &|_| true,
            service_exists: &|_| true,
            evidence: false,
        };
        let mut taken = Self::of(read.practitioners.iter(), demands, &mut |_, _, _, _, _| {});
        let served: HashSet<usize> = taken.all.iter().map(|practitioner| practitioner.entry).collect();
        let records = read.practitioners.into_iter().enumerate();
        taken.left_out = records.filter(|(entry, _)| !served.contains(entry)).map(|(_, record)| record).collect();
        let lost = taken.left_out.len();
        Some((taken, lost))
    }

    /// The ledger's document: compact JSON.
    ///
    /// # Errors
    /// None that the values of a register can cause.
    pub fn document(&self, salt: &str) -> Result<Vec<u8>, serde_json::Error> {
        let served = self.all.iter().map(|practitioner| &practitioner.record);
        let practitioners = served.chain(&self.left_out).collect();
        serde_json::to_vec(&Written { sceau_practitioners: 1, salt, practitioners })
    }

    /// Professions that the nomenclature has withdrawn: code, since when, how many practitioners carry it.
    pub fn withdrawn_professions(&self) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
        let mut withdrawn = BTreeMap::new();
        for practitioner in &self.all {
            let profession = practitioner.role.profession();
            if let Some(since) = profession.deprecated_since() {
                *withdrawn.entry((profession.code(), since)).or_default() += 1;
            }
        }
        withdrawn.into_iter().map(|((code, since), number)| (code, since, number))
    }

    /// Pairings with providers that do not exist.
    #[must_use]
    pub fn of_unknown_providers(&self, exists: impl Fn(&str) -> bool) -> Vec<Breach> {
        let unknown = self.all.iter().filter_map(|practitioner| {
            let Subject { provider, .. } =
                practitioner.subjects.iter().find(|pairing| !exists(&pairing.provider))?;
            let cause = format!(
                "practitioner n° {} : subject : {provider:?} n'est pas un [[identity_provider]] de la configuration",
                practitioner.entry + 1,
            );
            let breach = Breach::of("unknown-provider", "practitioner", "subject", cause);
            Some(breach.in_entry(practitioner.entry))
        });
        unknown.collect()
    }

    /// The practitioner of that national id.
    #[must_use]
    pub fn get(&self, id: &PsIdNat) -> Option<&Arc<Practitioner>> {
        self.named(id.as_str())
    }

    /// The same by an id as it is written.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&Arc<Practitioner>> {
        self.all.get(*self.by_id.get(id)?)
    }

    /// The entry of that id as it is written, whether it serves or is left out.
    pub(super) fn record(&self, id: &str) -> Option<&Record> {
        let served = self.named(id).map(|practitioner| &practitioner.record);
        served.or_else(|| self.left_out.iter().find(|record| record.id == id))
    }

    /// All of them, in the order of the register.
    #[must_use]
    pub fn all(&self) -> &[Arc<Practitioner>] {
        &self.all
    }

    /// The next ones behind that id, `len` at most; from the first without it. None: nobody has that id.
    #[must_use]
    pub fn page(&self, after: Option<&str>, len: usize) -> Option<&[Arc<Practitioner>]> {
        let from = match after {
            None => 0,
            Some(id) => self.by_id.get(id)? + 1,
        };
        let rest = self.all.get(from..)?;
        rest.get(..len.min(rest.len()))
    }

    /// The register in which that authenticator is lost.
    ///
    /// # Errors
    /// Unknown, or so already.
    pub fn revoking(&self, id: &str, method: Method, authenticator: &str) -> Result<Self, NotChanged> {
        self.with(id, |practitioner| {
            let at =
                practitioner.authenticators.iter().position(|one| one.method == method && one.id == authenticator);
            let at = at.ok_or(NotChanged::AuthenticatorUnknown)?;
            let (one, record) =
                (practitioner.authenticators.get_mut(at), practitioner.record.authenticator.get_mut(at));
            let (one, record) = one.zip(record).ok_or(NotChanged::AuthenticatorUnknown)?;
            if one.revoked {
                return Err(NotChanged::AsItIs);
            }
            (one.revoked, record.revoked) = (true, true);
            Ok(())
        })
    }

    fn with(
        &self,
        id: &str,
        change: impl FnOnce(&mut Practitioner) -> Result<(), NotChanged>,
    ) -> Result<Self, NotChanged> {
        let mut register = self.clone();
        let at = register.by_id.get(id).and_then(|at| register.all.get_mut(*at)).ok_or(NotChanged::Unknown)?;
        change(Arc::make_mut(at))?;
        Ok(register)
    }
}
