//! Why a code is refused.

use std::fmt;

use thiserror::Error;

/// A set of codes that an error speaks of; its `Display` is a French noun with its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueSet {
    /// Professions.
    Profession,
    /// Specialties of physicians.
    Specialty,
    /// Sections of pharmacists.
    Section,
    /// Sectors of activity.
    Sector,
    /// Purposes of use.
    Purpose,
}

/// Why a code, or a combination of codes, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// The value set holds no such code.
    #[error("{set} « {code} » n'est pas dans la nomenclature embarquée : corrigez le code dans le registre")]
    Unknown {
        /// The set that was searched.
        set: ValueSet,
        /// The code; of a hostile value only 24 harmless characters.
        code: String,
    },
    /// A physician without specialty: the DMP refuses the token.
    #[error("un médecin (10) doit avoir un savoir-faire : ajoutez sa spécialité au registre")]
    SpecialtyMissing,
    /// A pharmacist without section: the DMP refuses the token.
    #[error("un pharmacien (21) doit avoir une section de l'Ordre : ajoutez-la au registre")]
    SectionMissing,
    /// A specialty or section for somebody who has none in a VIHF.
    #[error("la profession {profession} n'admet pas le code {code} à côté d'elle : retirez-le du registre")]
    QualificationNotAllowed {
        /// Code of the profession.
        profession: &'static str,
        /// Code of the specialty or section.
        code: &'static str,
    },
    /// A specialty of a family that the profile does not allow to physicians.
    #[error("la spécialité {code} n'est pas de celles qu'un médecin porte dans ce profil ({}) : donnez sa spécialité ordinale", allowed.join(", "))]
    SpecialtyFamily {
        /// Code of the specialty.
        code: &'static str,
        /// Families that the profile allows.
        allowed: Vec<String>,
    },
}

impl CodeError {
    pub(super) fn unknown(set: ValueSet, code: &str) -> CodeError {
        let harmless = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        CodeError::Unknown { set, code: code.chars().filter(harmless).take(24).collect() }
    }
}

impl fmt::Display for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueSet::Profession => "la profession",
            ValueSet::Specialty => "la spécialité",
            ValueSet::Section => "la section",
            ValueSet::Sector => "le secteur d'activité",
            ValueSet::Purpose => "le motif d'accès",
        })
    }
}
