//! One entry of the register as it is written, in every form that a register has.

use serde::{Deserialize, Serialize};

use super::authenticator::{Authenticator, AuthenticatorRecord};
use super::practice::Practice;
use super::{Practitioner, Subject};
use crate::policy::application::start_of_day;
use crate::vihf::codes::{PHARMACIST, Role};
use crate::vihf::identity::PsIdNat;
use crate::vihf::method::Method;
use crate::vihf::text::Text;

/// How an identity may have been checked at the enrolment: by the card where there is one.
pub const EVIDENCE: [&str; 3] = ["cps", "identity-document", "electronic-identity"];

/// A practitioner as TOML, JSON and the ledger write one; a table of cells has the same columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the guide tells each member")]
pub struct Record {
    pub id: String,
    pub name: String,
    pub profession: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specialty: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub structures: Vec<String>,
    pub services: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enrolled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled_how: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled_on: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authenticator: Vec<AuthenticatorRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject: Vec<Subject>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

/// What of it is asked.
#[derive(Clone, Copy)]
pub(super) struct Demands<'a> {
    pub(super) physician_specialties: &'a [&'a str],
    pub(super) structure_exists: &'a dyn Fn(&str) -> bool,
    pub(super) service_exists: &'a dyn Fn(&str) -> bool,
    /// Whoever is enrolled has the evidence for it.
    pub(super) evidence: bool,
}

impl Record {
    /// The practitioner; none if anything was refused, each with its rule, member, cause and remedy.
    pub(super) fn check(
        &self,
        entry: usize,
        demands: Demands<'_>,
        refuse: &mut dyn FnMut(&'static str, &'static str, String),
    ) -> Option<Practitioner> {
        let mut refused = false;
        let mut refuse = |rule, field, cause: String| {
            refused = true;
            refuse(rule, field, cause);
        };
        let is_pharmacist = self.profession == PHARMACIST;
        let qualification = match (&self.specialty, &self.section) {
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
        for id in self.structures.iter().filter(|id| !(demands.structure_exists)(id)) {
            let cause = format!("structures : {id:?} n'est pas une [[structure]] déclarée");
            refuse("unknown-structure", "structures", cause);
        }
        let services = self.services.iter().filter_map(|text| {
            let Some(practice) = Practice::parse(text) else {
                let cause = format!(
                    "services : {text:?} n'a pas de période ; écrivez SERVICE AAAA-MM-JJ/AAAA-MM-JJ, la fin après le début"
                );
                refuse("bad-value", "services", cause);
                return None;
            };
            if !(demands.service_exists)(&practice.service) {
                let cause = format!("services : {:?} n'est pas un [[service]] de la configuration", practice.service);
                refuse("unknown-service", "services", cause);
            }
            Some(practice)
        });
        let services = services.collect();
        let mut day = |field: &'static str, text: &Option<String>| {
            let day = text.as_deref().map(start_of_day);
            if let (Some(None), Some(text)) = (day, text) {
                refuse("bad-value", field, format!("{field} = {text:?} n'est pas une date AAAA-MM-JJ"));
            }
            day.flatten()
        };
        let (trained_at, enrolled_at) =
            (day("trained_on", &self.trained_on), day("enrolled_on", &self.enrolled_on));
        let evidence = [&self.enrolled_by, &self.enrolled_how, &self.enrolled_on];
        let given = evidence.iter().filter(|part| part.is_some()).count();
        if given != evidence.len() && (given > 0 || self.enrolled && demands.evidence) {
            let cause = "enrolled_by, enrolled_how et enrolled_on : l'enrôlement dit qui a vérifié l'identité, comment et quand ; donnez les trois";
            refuse("enrolment-incomplete", "enrolled_by", cause.to_owned());
        }
        if let Some(how) = self.enrolled_how.as_deref().filter(|how| !EVIDENCE.contains(how)) {
            let cause = format!("enrolled_how : {how:?} est inconnu ; choisissez parmi {}", EVIDENCE.join(", "));
            refuse("bad-value", "enrolled_how", cause);
        }
        if let Some(Err(e)) = self.enrolled_by.as_deref().map(Text::parse) {
            refuse("bad-value", "enrolled_by", format!("enrolled_by : {e}"));
        }
        let authenticators = self.authenticators(&mut refuse);
        let id = PsIdNat::parse(&self.id).map_err(|e| refuse("bad-identifier", "id", format!("id : {e}"))).ok();
        let name = Text::parse(&self.name).map_err(|e| refuse("bad-value", "name", format!("name : {e}"))).ok();
        let role = qualification.and_then(|qualification| {
            Role::parse(&self.profession, qualification, demands.physician_specialties)
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
            structures: self.structures.clone(),
            services,
            enrolled: self.enrolled || enrolled_at.is_some(),
            authenticators,
            trained_at,
            subjects: self.subject.clone(),
            suspended: self.suspended,
            record: self.clone(),
        })
    }

    fn authenticators(&self, refuse: &mut dyn FnMut(&'static str, &'static str, String)) -> Vec<Authenticator> {
        const FIELD: &str = "authenticator";
        let mut found: Vec<Authenticator> = Vec::new();
        for record in &self.authenticator {
            let Some(method) = Method::parse(&record.method) else {
                let cause = format!("authenticator : {:?} n'est pas une méthode de l'annexe 2", record.method);
                refuse("bad-value", FIELD, cause);
                continue;
            };
            if !record.has_id() {
                let cause = format!(
                    "authenticator : l'identifiant {:?} n'en est pas un ; 1 à 64 caractères visibles sans espace ni |",
                    record.id
                );
                refuse("bad-value", FIELD, cause);
            }
            if let Some(day) = record.paired_on.as_deref().filter(|day| start_of_day(day).is_none()) {
                refuse("bad-value", FIELD, format!("authenticator : {day:?} n'est pas une date AAAA-MM-JJ"));
            }
            found.push(Authenticator { method, id: record.id.clone(), revoked: record.revoked });
        }
        found
    }
}
