//! The register of practitioners, keyed by national id: names, role, places and enrolment come from here alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::application::start_of_day;
use super::breach::Breach;
use super::denial::{Denial, Reason};
use crate::vihf::codes::{PHARMACIST, Role};
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;
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
    /// Services of practice.
    pub services: Vec<String>,
    /// Identity checked and authenticator paired.
    pub enrolled: bool,
    /// First instant of the day of the training in the use of the DMP.
    pub trained_at: Option<Instant>,
    /// Who the practitioner is for identity providers: the pairings.
    pub subjects: Vec<Subject>,
    /// Nothing is issued while true.
    pub suspended: bool,
}

/// What an identity provider calls a practitioner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
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

/// All practitioners by national id.
#[derive(Clone, Debug, Default)]
pub struct Practitioners(HashMap<String, Arc<Practitioner>>);

/// The TOML shape of the register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PractitionersFile {
    #[serde(default)]
    practitioner: Vec<PractitionerTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PractitionerTable {
    id: String,
    name: String,
    profession: String,
    specialty: Option<String>,
    section: Option<String>,
    #[serde(default)]
    structures: Vec<String>,
    services: Vec<String>,
    #[serde(default)]
    enrolled: bool,
    #[serde(default)]
    suspended: bool,
    trained_on: Option<String>,
    #[serde(default)]
    subject: Vec<Subject>,
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
        let mut by_id = HashMap::with_capacity(file.practitioner.len());
        let mut breaches = Vec::new();
        let mut paired = HashSet::new();
        let prefixes: Vec<&str> = physician_specialties.iter().map(String::as_str).collect();
        for (entry, table) in file.practitioner.into_iter().enumerate() {
            let id = table.id.clone();
            let mut refuse = |rule, field, cause: String| {
                let cause = format!("practitioner n° {} (id = {id:?}) : {cause}", entry + 1);
                breaches.push(Breach::of(rule, "practitioner", field, cause).in_entry(entry));
            };
            let Some(practitioner) =
                check(entry, table, &prefixes, &structure_exists, &service_exists, &mut refuse)
            else {
                continue;
            };
            // One login must never be two people's.
            if practitioner.subjects.iter().any(|pairing| !paired.insert(pairing.clone())) {
                let cause =
                    "subject : ce sujet est déjà apparié ; un compte du fournisseur est à une seule personne";
                refuse("subject-twice", "subject", cause.to_owned());
                continue;
            }
            if by_id.contains_key(practitioner.id.as_str()) {
                let cause = "ce professionnel est déclaré deux fois ; retirez l'une des deux entrées";
                refuse("practitioner-twice", "id", cause.to_owned());
            } else {
                by_id.insert(practitioner.id.as_str().to_owned(), Arc::new(practitioner));
            }
        }
        (Self(by_id), breaches)
    }

    /// Professions that the nomenclature has withdrawn: code, since when, how many practitioners carry it.
    pub fn withdrawn_professions(&self) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
        let mut withdrawn = BTreeMap::new();
        for practitioner in self.0.values() {
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
        let unknown = self.0.values().filter_map(|practitioner| {
            let pairing = practitioner.subjects.iter().find(|pairing| !exists(&pairing.provider))?;
            let cause = format!(
                "practitioner n° {} : subject : {:?} n'est pas un [[identity_provider]] de la configuration",
                practitioner.entry + 1,
                pairing.provider
            );
            let breach = Breach::of("unknown-provider", "practitioner", "subject", cause);
            Some(breach.in_entry(practitioner.entry))
        });
        let mut breaches: Vec<_> = unknown.collect();
        breaches.sort_by_key(|breach| breach.entry);
        breaches
    }

    /// The practitioner of that national id.
    #[must_use]
    pub fn get(&self, id: &PsIdNat) -> Option<&Arc<Practitioner>> {
        self.0.get(id.as_str())
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Practitioner>> {
        self.0.values()
    }
}

/// The practitioner of one entry; none if anything was refused.
fn check(
    entry: usize,
    table: PractitionerTable,
    prefixes: &[&str],
    structure_exists: impl Fn(&str) -> bool,
    service_exists: impl Fn(&str) -> bool,
    refuse: &mut impl FnMut(&'static str, &'static str, String),
) -> Option<Practitioner> {
    let mut refused = false;
    let mut refuse = |rule, field, cause: String| {
        refused = true;
        refuse(rule, field, cause);
    };
    let is_pharmacist = table.profession == PHARMACIST;
    let qualification = match (&table.specialty, &table.section) {
        (Some(_), _) if is_pharmacist => {
            let cause = "specialty : un pharmacien (21) a une section ; donnez section";
            refuse("contradiction", "specialty", cause.to_owned());
            None
        }
        (_, Some(_)) if !is_pharmacist => {
            let cause = "section : seuls les pharmaciens (21) en ont une ; retirez-la";
            refuse("contradiction", "section", cause.to_owned());
            None
        }
        (specialty, section) => Some(specialty.as_deref().or(section.as_deref())),
    };
    for id in table.structures.iter().filter(|id| !structure_exists(id)) {
        let cause = format!("structures : {id:?} n'est pas une [[structure]] déclarée");
        refuse("unknown-structure", "structures", cause);
    }
    for name in table.services.iter().filter(|name| !service_exists(name)) {
        let cause = format!("services : {name:?} n'est pas un [[service]] de la configuration");
        refuse("unknown-service", "services", cause);
    }
    let trained_at = table.trained_on.as_deref().map(start_of_day);
    if let (Some(None), Some(day)) = (trained_at, &table.trained_on) {
        refuse("bad-value", "trained_on", format!("trained_on = {day:?} n'est pas une date AAAA-MM-JJ"));
    }
    let id = PsIdNat::parse(&table.id).map_err(|e| refuse("bad-identifier", "id", format!("id : {e}"))).ok();
    let name = Text::parse(&table.name).map_err(|e| refuse("bad-value", "name", format!("name : {e}"))).ok();
    let role = qualification.and_then(|qualification| {
        Role::parse(&table.profession, qualification, prefixes)
            .map_err(|e| refuse("bad-code", "profession", e.to_string()))
            .ok()
    });
    if refused {
        return None;
    }
    Some(Practitioner {
        entry,
        id: id?,
        display_name: name?,
        role: role?,
        structures: table.structures,
        services: table.services,
        enrolled: table.enrolled,
        trained_at: trained_at.flatten(),
        subjects: table.subject,
        suspended: table.suspended,
    })
}
