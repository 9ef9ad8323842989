//! The role of a practitioner: one or two coded values of the same attribute (vihf.md §3).

use super::{CodeError, PHARMACIST, PHYSICIAN, Profession, Qualification, Section, Specialty};

/// A profession with exactly the qualification that the DMP expects beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    profession: Profession,
    qualification: Option<Qualification>,
}

impl Role {
    /// After `Ok` a physician has a specialty of one of `physician_families`, a pharmacist a section, and nobody else anything.
    ///
    /// `physician_families` is profile data, such as `["SM"]`: whole families as [`Specialty::family`] gives them, so that
    /// `C` does not let `CAPA01` in.
    pub fn new<F: AsRef<str>>(
        profession: Profession,
        qualification: Option<Qualification>,
        physician_families: &[F],
    ) -> Result<Role, CodeError> {
        match (profession.code(), qualification) {
            (PHYSICIAN, None) => Err(CodeError::SpecialtyMissing),
            (PHYSICIAN, Some(Qualification::Specialty(specialty))) => {
                if physician_families.iter().any(|family| family.as_ref() == specialty.family()) {
                    Ok(Role { profession, qualification })
                } else {
                    let allowed = physician_families.iter().map(|family| family.as_ref().to_owned()).collect();
                    Err(CodeError::SpecialtyFamily { code: specialty.code(), allowed })
                }
            }
            (PHARMACIST, None) => Err(CodeError::SectionMissing),
            (PHARMACIST, Some(Qualification::Section(_))) => Ok(Role { profession, qualification }),
            (_, None) => Ok(Role { profession, qualification }),
            (profession, Some(other)) => {
                Err(CodeError::QualificationNotAllowed { profession, code: other.code() })
            }
        }
    }

    /// Reads the codes of a register: the profession says whether `qualification` is a specialty or a section.
    pub fn parse<F: AsRef<str>>(
        profession: &str,
        qualification: Option<&str>,
        physician_families: &[F],
    ) -> Result<Role, CodeError> {
        let profession = Profession::parse(profession)?;
        let qualification = match qualification {
            None => None,
            Some(code) if profession.code() == PHARMACIST => Some(Qualification::Section(Section::parse(code)?)),
            Some(code) => Some(Qualification::Specialty(Specialty::parse(code)?)),
        };
        Role::new(profession, qualification, physician_families)
    }

    /// The first value of the attribute.
    pub fn profession(&self) -> Profession {
        self.profession
    }

    /// Whether the rights table's column for physicians applies.
    #[must_use]
    pub fn is_physician(&self) -> bool {
        self.profession.code() == PHYSICIAN
    }

    /// Whether a profile with these `physician_families` takes this role too.
    #[must_use]
    pub fn fits<F: AsRef<str>>(&self, physician_families: &[F]) -> bool {
        Role::new(self.profession, self.qualification, physician_families).is_ok()
    }

    /// The second value, for physicians and pharmacists.
    pub fn qualification(&self) -> Option<Qualification> {
        self.qualification
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::subject_role_version;
    use super::*;
    use proptest::prelude::*;

    const SM: &[&str] = &["SM"];

    #[test]
    fn physicians_carry_a_specialty_pharmacists_a_section_others_nothing() {
        let physician = Role::parse("10", Some("SM26"), SM).unwrap();
        let specialty = physician.qualification().unwrap();
        assert_eq!(physician.profession().display_name(), "Médecin");
        assert_eq!(physician.profession().system(), "1.2.250.1.71.1.2.7");
        assert_eq!((specialty.code(), specialty.system()), ("SM26", "1.2.250.1.71.4.2.5"));
        let pharmacist = Role::parse("21", Some("H"), SM).unwrap().qualification().unwrap();
        assert_eq!((pharmacist.code(), pharmacist.system()), ("H", "1.2.250.1.71.4.2.6"));
        assert_eq!(pharmacist.display_name(), "Pharmacien d'établissement de santé");
        assert_eq!(Role::parse("60", None, SM).unwrap().qualification(), None);

        assert_eq!(Role::parse("10", None, SM), Err(CodeError::SpecialtyMissing));
        assert_eq!(Role::parse("21", None, SM), Err(CodeError::SectionMissing));
        let refused = CodeError::QualificationNotAllowed { profession: "40", code: "SCD01" };
        assert_eq!(Role::parse("40", Some("SCD01"), SM), Err(refused));
        let section = Some(Qualification::Section(Section::parse("A").unwrap()));
        let specialty = Some(Qualification::Specialty(Specialty::parse("SM26").unwrap()));
        let of = |code| Profession::parse(code).unwrap();
        assert!(matches!(Role::new(of("10"), section, SM), Err(CodeError::QualificationNotAllowed { .. })));
        assert!(matches!(Role::new(of("21"), specialty, SM), Err(CodeError::QualificationNotAllowed { .. })));
        assert!(matches!(Role::new(of("60"), section, SM), Err(CodeError::QualificationNotAllowed { .. })));
    }

    #[test]
    fn the_profile_says_which_families_a_physician_carries() {
        let refused = |code: &'static str, family: &str| {
            Err(CodeError::SpecialtyFamily { code, allowed: vec![family.to_owned()] })
        };
        assert_eq!(Role::parse("10", Some("SCD01"), SM), refused("SCD01", "SM"));
        assert_eq!(Role::parse("10", Some("DSM200"), SM), refused("DSM200", "SM"));
        assert_eq!(Role::parse("10", Some("CAPA01"), &["C"]), refused("CAPA01", "C"));
        assert!(Role::parse("10", Some("CAPA01"), &["SM", "CAPA"]).is_ok());
        assert!(Role::parse::<&str>("10", Some("SM26"), &[]).is_err());
    }

    #[test]
    fn withdrawn_codes_say_since_when() {
        for code in ["35", "36", "37", "38", "39"] {
            assert_eq!(Profession::parse(code).unwrap().deprecated_since(), Some("2024-12-13"));
        }
        assert_eq!(Profession::parse("40").unwrap().deprecated_since(), None);
        assert_eq!(subject_role_version(), "JDV_J65 2020");
    }

    #[test]
    fn a_code_belongs_to_one_system() {
        assert!(Profession::parse("SM26").is_err() && Profession::parse("AUTOMATE").is_err());
        assert!(
            Specialty::parse("10").is_err() && Specialty::parse("A").is_err() && Section::parse("SM26").is_err()
        );
        assert!(
            Profession::parse("").is_err()
                && Profession::parse("10 ").is_err()
                && Specialty::parse("sm26").is_err()
        );
    }

    proptest! {
        #[test]
        fn a_hostile_code_stays_out_of_the_message(code in any::<String>()) {
            if let Err(error) = Profession::parse(&code) {
                let message = error.to_string();
                prop_assert!(message.chars().all(|c| !c.is_control()) && message.len() < 160, "{message}");
            }
        }
    }
}
