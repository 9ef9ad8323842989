//! Struct_IdNat, the national identifier of a structure (vihf.md §3, §6).

use super::ascii::{Ascii, require_form, shown};
use super::{Adeli, Finess, Form, Identifier, IdentityError, Rpps, Siren, Siret};

/// What the number behind the first digit of a Struct_IdNat is (code system 1.2.250.1.71.1.2.14, TRE_G07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StructKind {
    /// `0`: practice of a practitioner with an ADELI number.
    AdeliPractice,
    /// `1`: FINESS of an establishment.
    Finess,
    /// `2`: SIREN.
    Siren,
    /// `3`: SIRET.
    Siret,
    /// `4`: practice of a practitioner with an RPPS.
    RppsPractice,
}

/// Struct_IdNat: `Identifiant_Structure` of a VIHF and `OU` of the structure's certificates; compared character by character.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StructIdNat(Ascii<15>);

impl StructIdNat {
    /// Accepts a first digit that names the kind and then:
    /// `0` an ADELI number and 2 or 3 digits (the width is not public), `1` a FINESS, `2` a SIREN, `3` a SIRET, `4` an RPPS
    /// and 3 digits. `form` waives form and check digit of the FINESS only; every other key is enforced.
    pub fn parse(value: &str, form: Form) -> Result<StructIdNat, IdentityError> {
        let mut rest = value.chars();
        let prefix = rest.next();
        let number = rest.as_str();
        match prefix {
            Some('0') => {
                let adeli = practice(number, 9, 11..=12)?;
                Adeli::parse(adeli)?;
            }
            Some('1') => {
                Finess::parse(number, form)?;
            }
            Some('2') => {
                Siren::parse(number)?;
            }
            Some('3') => {
                Siret::parse(number)?;
            }
            Some('4') => {
                let rpps = practice(number, 11, 14..=14)?;
                Rpps::parse(rpps)?;
            }
            _ => {
                return Err(IdentityError::Prefix {
                    identifier: Identifier::StructIdNat,
                    allowed: "1 pour FINESS, 2 pour SIREN, 3 pour SIRET, 0 ou 4 pour un cabinet",
                });
            }
        }
        Ok(StructIdNat(Ascii::copy(value)))
    }

    /// What the number is.
    pub fn kind(&self) -> StructKind {
        match self.as_str().as_bytes().first() {
            Some(b'0') => StructKind::AdeliPractice,
            Some(b'2') => StructKind::Siren,
            Some(b'3') => StructKind::Siret,
            Some(b'4') => StructKind::RppsPractice,
            _ => StructKind::Finess,
        }
    }

    /// The number behind the kind.
    pub fn number(&self) -> &str {
        self.as_str().get(1..).unwrap_or_default()
    }
}

/// The practitioner's own number, which opens a practice's: `owner_len` characters, before the digits that rank the practice.
fn practice(number: &str, owner_len: usize, len: std::ops::RangeInclusive<usize>) -> Result<&str, IdentityError> {
    require_form(Identifier::StructIdNat, number, len, |index, c| {
        c.is_ascii_digit() || (index < owner_len && c.is_ascii_uppercase())
    })?;
    Ok(number.get(..owner_len).unwrap_or_default())
}

shown!(StructIdNat);
