//! Sectors of activity that a VIHF may carry (value set JDV_J61, vihf.md §3).

use super::table::{Concept, SECTORS};
use super::{CodeError, ValueSet};

const SYSTEM: &str = "1.2.250.1.71.4.2.4";

/// A sector of activity, the `Secteur_Activite` of a VIHF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sector(&'static Concept);

impl Sector {
    /// Accepts a code of the value set, character by character.
    pub fn parse(code: &str) -> Result<Sector, CodeError> {
        let found = SECTORS.find(SYSTEM, code).map(Sector);
        found.ok_or_else(|| CodeError::unknown(ValueSet::Sector, code))
    }

    /// Such as `SA01`.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// OID of the code system.
    pub fn system(&self) -> &'static str {
        self.0.system
    }

    /// Label, where one is known.
    pub fn display_name(&self) -> Option<&'static str> {
        Some(self.0.display_name).filter(|label| !label.is_empty())
    }
}

/// The attribute's value: code, `^`, code system.
impl std::fmt::Display for Sector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}^{}", self.code(), self.system())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_value_set_has_the_sectors_of_the_specification_and_no_other() {
        let mut allowed: Vec<String> = (1..=61).chain([63, 64, 65, 68, 69]).map(|n| format!("SA{n:02}")).collect();
        allowed.extend(["EXP_PATIENT".to_owned(), "SNR".to_owned()]);
        for code in &allowed {
            assert_eq!(Sector::parse(code).unwrap().code(), code);
        }
        for code in ["SA00", "SA62", "SA66", "SA67", "SA70", "sa01", "SA1", "", "SA01^1.2.250.1.71.4.2.4"] {
            assert!(Sector::parse(code).is_err(), "{code}");
        }
        assert_eq!(SECTORS.concepts().len(), allowed.len());
    }

    #[test]
    fn the_attribute_joins_code_and_system() {
        let sector = Sector::parse("SA01").unwrap();
        assert_eq!(sector.to_string(), "SA01^1.2.250.1.71.4.2.4");
        assert_eq!(sector.display_name(), Some("Établissement public de santé"));
        assert_eq!(Sector::parse("SA06").unwrap().display_name(), None);
    }
}
