//! Professions of the national health record (code system 1.2.250.1.71.1.2.7).

use super::table::{Concept, SUBJECT_ROLE, concept_of};
use super::{CodeError, ValueSet};

const SYSTEM: &str = "1.2.250.1.71.1.2.7";

/// Code of physicians, who always carry a specialty.
pub const PHYSICIAN: &str = "10";

/// Code of pharmacists, who always carry a section.
pub const PHARMACIST: &str = "21";

/// A profession of the shipped table; it may be deprecated, which is for the caller to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profession(&'static Concept);

impl Profession {
    /// Accepts a code of the table, character by character.
    pub fn parse(code: &str) -> Result<Profession, CodeError> {
        let found = SUBJECT_ROLE.find(SYSTEM, code).map(Profession);
        found.ok_or_else(|| CodeError::unknown(ValueSet::Profession, code))
    }
}

concept_of!(Profession);
