//! The register of practitioners, keyed by national id: names, role, places and enrolment come from here alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::application::start_of_day;
use super::denial::{Denial, Reason};
use crate::vihf::codes::{PHARMACIST, Role};
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;
use crate::vihf::text::Text;

/// A professional of the establishment (convention, requirements #1 to #3).
#[derive(Clone, Debug)]
pub struct Practitioner {
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
    /// Nothing is issued while true.
    pub suspended: bool,
}

impl Practitioner {
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
}

impl Practitioners {
    /// Checks a register's file; `physician_specialties` are the prefixes of the default profile.
    ///
    /// # Errors
    /// A sentence that names the line's place, the field, the cause and the remedy.
    pub fn check(
        file: PractitionersFile,
        physician_specialties: &[String],
        structure_exists: impl Fn(&str) -> bool,
        service_exists: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let mut by_id = HashMap::with_capacity(file.practitioner.len());
        for (index, table) in file.practitioner.into_iter().enumerate() {
            let place = format!("practitioner n° {} (id = {:?})", index + 1, table.id);
            let practitioner = check(table, physician_specialties, &structure_exists, &service_exists)
                .map_err(|cause| format!("{place} : {cause}"))?;
            if by_id.insert(practitioner.id.as_str().to_owned(), Arc::new(practitioner)).is_some() {
                return Err(format!("{place} : ce professionnel est déclaré deux fois"));
            }
        }
        Ok(Self(by_id))
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

    /// The practitioner of that national id.
    #[must_use]
    pub fn get(&self, id: &PsIdNat) -> Option<&Arc<Practitioner>> {
        self.0.get(id.as_str())
    }
}

fn check(
    table: PractitionerTable,
    physician_specialties: &[String],
    structure_exists: impl Fn(&str) -> bool,
    service_exists: impl Fn(&str) -> bool,
) -> Result<Practitioner, String> {
    let is_pharmacist = table.profession == PHARMACIST;
    let qualification = match (&table.specialty, &table.section) {
        (Some(_), _) if is_pharmacist => {
            return Err("specialty : un pharmacien (21) a une section ; donnez section".to_owned());
        }
        (_, Some(_)) if !is_pharmacist => {
            return Err("section : seuls les pharmaciens (21) en ont une ; retirez-la".to_owned());
        }
        (specialty, section) => specialty.as_deref().or(section.as_deref()),
    };
    let prefixes: Vec<&str> = physician_specialties.iter().map(String::as_str).collect();
    if let Some(id) = table.structures.iter().find(|id| !structure_exists(id)) {
        return Err(format!("structures : {id:?} n'est pas une [[structure]] déclarée"));
    }
    if let Some(name) = table.services.iter().find(|name| !service_exists(name)) {
        return Err(format!("services : {name:?} n'est pas un [[service]] de la configuration"));
    }
    let trained_at = match &table.trained_on {
        None => None,
        Some(day) => {
            Some(start_of_day(day).ok_or_else(|| format!("trained_on = {day:?} n'est pas une date AAAA-MM-JJ"))?)
        }
    };
    Ok(Practitioner {
        id: PsIdNat::parse(&table.id).map_err(|e| format!("id : {e}"))?,
        display_name: Text::parse(&table.name).map_err(|e| format!("name : {e}"))?,
        role: Role::parse(&table.profession, qualification, &prefixes).map_err(|e| e.to_string())?,
        structures: table.structures,
        services: table.services,
        enrolled: table.enrolled,
        trained_at,
        suspended: table.suspended,
    })
}
