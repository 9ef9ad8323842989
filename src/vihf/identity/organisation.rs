//! Registration numbers of an organisation (vihf.md §7).

use serde::Deserialize;

use super::ascii::{Ascii, read_from_text, refuse_zeros, require_form, shown};
use super::{Identifier, IdentityError, luhn};

/// How strictly the form of a FINESS is read. Nothing else ever depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Production: form and check digit as the register gives them.
    Strict,
    /// A profile marked `test`: nine digits or upper-case letters, since the national test structures carry letters
    /// (`0B0127189`) and no valid check digit.
    Test,
}

/// FINESS: 9 characters, the last a Luhn check digit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finess(Ascii<9>);

impl Finess {
    /// Accepts nine digits whose Luhn formula holds, or a Corsican number: `2A` or `2B` and seven digits.
    ///
    /// The check digit of a Corsican number is not verified: no public rule gives its letter a value, and a refused
    /// hospital would be worse than a typing error, which the register of structures shows anyway.
    pub fn parse(value: &str, form: Form) -> Result<Finess, IdentityError> {
        let identifier = Identifier::Finess;
        match form {
            Form::Test => {
                require_form(identifier, value, 9..=9, |_, c| c.is_ascii_digit() || c.is_ascii_uppercase())?
            }
            Form::Strict => {
                let corsican = value.starts_with("2A") || value.starts_with("2B");
                require_form(identifier, value, 9..=9, |index, c| c.is_ascii_digit() || (corsican && index == 1))?;
                if !corsican && !luhn::holds(value) {
                    return Err(IdentityError::CheckDigit { identifier, value: value.to_owned() });
                }
            }
        }
        refuse_zeros(identifier, value)?;
        Ok(Finess(Ascii::copy(value)))
    }
}

shown!(Finess);

/// SIREN: 9 digits, the last a Luhn check digit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Siren(Ascii<9>);

impl Siren {
    /// Accepts nine digits without separators.
    pub fn parse(value: &str) -> Result<Siren, IdentityError> {
        let identifier = Identifier::Siren;
        require_form(identifier, value, 9..=9, |_, c| c.is_ascii_digit())?;
        refuse_zeros(identifier, value)?;
        if !luhn::holds(value) {
            return Err(IdentityError::CheckDigit { identifier, value: value.to_owned() });
        }
        Ok(Siren(Ascii::copy(value)))
    }
}

shown!(Siren);
read_from_text!(Siren);

/// The only SIREN with so many establishments that most of its SIRET leave the Luhn formula: La Poste.
const SIREN_LA_POSTE: &str = "356000000";

/// SIRET: a SIREN and five digits, the last a Luhn check digit over all fourteen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Siret(Ascii<14>);

impl Siret {
    /// Accepts fourteen digits whose SIREN and whole satisfy the Luhn formula; for La Poste a sum of digits that is a
    /// multiple of 5 does as well (rule of INSEE).
    pub fn parse(value: &str) -> Result<Siret, IdentityError> {
        let identifier = Identifier::Siret;
        require_form(identifier, value, 14..=14, |_, c| c.is_ascii_digit())?;
        refuse_zeros(identifier, value)?;
        let siren_holds = value.get(..9).is_some_and(luhn::holds);
        let sum: u32 = value.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0'))).sum();
        let la_poste = value.starts_with(SIREN_LA_POSTE) && sum.is_multiple_of(5);
        if !siren_holds || !(luhn::holds(value) || la_poste) {
            return Err(IdentityError::CheckDigit { identifier, value: value.to_owned() });
        }
        Ok(Siret(Ascii::copy(value)))
    }
}

shown!(Siret);
read_from_text!(Siret);
