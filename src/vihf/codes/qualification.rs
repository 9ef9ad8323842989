//! What some professions carry besides their code: a specialty or a section (vihf.md §3).

use super::table::concept_of;
use super::table::{Concept, SUBJECT_ROLE};
use super::{CodeError, ValueSet};

const SPECIALTIES: &str = "1.2.250.1.71.4.2.5";
const SECTIONS: &str = "1.2.250.1.71.4.2.6";

/// A know-how of the shipped table (code system 1.2.250.1.71.4.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Specialty(&'static Concept);

/// A section of the order of pharmacists (code system 1.2.250.1.71.4.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section(&'static Concept);

/// The second value of the role attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualification {
    /// Of a physician.
    Specialty(Specialty),
    /// Of a pharmacist.
    Section(Section),
}

impl Specialty {
    /// Accepts a code of the table, character by character.
    pub fn parse(code: &str) -> Result<Specialty, CodeError> {
        let found = SUBJECT_ROLE.find(SPECIALTIES, code).map(Specialty);
        found.ok_or_else(|| CodeError::unknown(ValueSet::Specialty, code))
    }

    /// The letters that open the code and name its family: `SM` of physicians, `SCD` of dental surgeons, `DSM`, `CAPA`…
    pub fn family(&self) -> &'static str {
        self.0.code.trim_end_matches(|c: char| c.is_ascii_digit())
    }
}

impl Section {
    /// Accepts a code of the table, character by character.
    pub fn parse(code: &str) -> Result<Section, CodeError> {
        let found = SUBJECT_ROLE.find(SECTIONS, code).map(Section);
        found.ok_or_else(|| CodeError::unknown(ValueSet::Section, code))
    }
}

impl Qualification {
    fn concept(&self) -> &'static Concept {
        match self {
            Qualification::Specialty(Specialty(concept)) | Qualification::Section(Section(concept)) => concept,
        }
    }

    /// Such as `SM26` or `A`.
    pub fn code(&self) -> &'static str {
        self.concept().code
    }

    /// OID of the code system.
    pub fn system(&self) -> &'static str {
        self.concept().system
    }

    /// Label of the table.
    pub fn display_name(&self) -> &'static str {
        self.concept().display_name
    }

    /// Day (`YYYY-MM-DD`) since which the nomenclature has withdrawn the code.
    pub fn deprecated_since(&self) -> Option<&'static str> {
        self.concept().deprecated_since
    }
}

concept_of!(Specialty);
concept_of!(Section);
