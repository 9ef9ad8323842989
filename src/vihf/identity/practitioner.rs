//! Identifiers of a practitioner (vihf.md §1, §7).

use serde::Deserialize;

use super::ascii::{Ascii, read_from_text, refuse_zeros, require_form, shown};
use super::{Identifier, IdentityError, luhn};

/// RPPS: 11 digits, the last a Luhn check digit. The key is enforced in every mode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Rpps(Ascii<11>);

impl Rpps {
    /// Accepts the 11 digits alone, without the `8` of a PS_IdNat.
    pub fn parse(value: &str) -> Result<Rpps, IdentityError> {
        let identifier = Identifier::Rpps;
        require_form(identifier, value, 11..=11, |_, c| c.is_ascii_digit())?;
        refuse_zeros(identifier, value)?;
        if !luhn::holds(value) {
            return Err(IdentityError::CheckDigit { identifier, value: value.to_owned() });
        }
        Ok(Rpps(Ascii::copy(value)))
    }
}

shown!(Rpps);
read_from_text!(Rpps);

/// ADELI: 9 characters, a department of two (`75`, `2A`, `2B`, and letters for overseas departments such as `9D`) followed by
/// 7 digits. Its key has no public rule, so that none is enforced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Adeli(Ascii<9>);

impl Adeli {
    /// Accepts a digit, a digit or upper-case letter, and seven digits.
    pub fn parse(value: &str) -> Result<Adeli, IdentityError> {
        require_form(Identifier::Adeli, value, 9..=9, |index, c| {
            c.is_ascii_digit() || (index == 1 && c.is_ascii_uppercase())
        })?;
        refuse_zeros(Identifier::Adeli, value)?;
        Ok(Adeli(Ascii::copy(value)))
    }
}

shown!(Adeli);
read_from_text!(Adeli);

/// PS_IdNat, the `NameID` of a VIHF in AIR: `8` and an RPPS, or `0` and an ADELI number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PsIdNat(Ascii<12>);

impl PsIdNat {
    /// Accepts the two national kinds. An identifier internal to a structure, which other modes know, is refused by
    /// [`IdentityError::InternalIdentifier`], so that the caller can say why.
    pub fn parse(value: &str) -> Result<PsIdNat, IdentityError> {
        if let Some(rpps) = value.strip_prefix('8') {
            Rpps::parse(rpps)?;
        } else if let Some(adeli) = value.strip_prefix('0') {
            Adeli::parse(adeli)?;
        } else if value.starts_with(['1', '3', '4', '5', '6']) && value.contains('/') {
            return Err(IdentityError::InternalIdentifier);
        } else {
            return Err(IdentityError::Prefix {
                identifier: Identifier::PsIdNat,
                allowed: "8 pour RPPS, 0 pour ADELI",
            });
        }
        Ok(PsIdNat(Ascii::copy(value)))
    }

    /// The RPPS, for a practitioner who has one.
    pub fn rpps(&self) -> Option<Rpps> {
        self.as_str().strip_prefix('8').map(|rpps| Rpps(Ascii::copy(rpps)))
    }
}

impl From<Rpps> for PsIdNat {
    fn from(rpps: Rpps) -> PsIdNat {
        PsIdNat(Ascii::copy(&format!("8{rpps}")))
    }
}

impl From<Adeli> for PsIdNat {
    fn from(adeli: Adeli) -> PsIdNat {
        PsIdNat(Ascii::copy(&format!("0{adeli}")))
    }
}

shown!(PsIdNat);
read_from_text!(PsIdNat);
