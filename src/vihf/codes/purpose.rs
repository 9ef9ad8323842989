//! Purposes of use: why the record is opened (vihf.md §3).

use serde::Deserialize;

use super::{CodeError, ValueSet};

/// The three ways into a record. The set is closed by the specification, so that it is code and no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Purpose {
    /// Ordinary access.
    Normal,
    /// Emergency access, "break the glass".
    BrisDeGlace,
    /// Access by a medical regulation centre (call 15).
    Centre15,
}

impl Purpose {
    /// The whole value set.
    pub const ALL: [Purpose; 3] = [Purpose::Normal, Purpose::BrisDeGlace, Purpose::Centre15];

    /// Accepts one of the three codes, character by character.
    pub fn parse(code: &str) -> Result<Purpose, CodeError> {
        let found = Purpose::ALL.into_iter().find(|purpose| purpose.code() == code);
        found.ok_or_else(|| CodeError::unknown(ValueSet::Purpose, code))
    }

    /// The code of the VIHF, and of the token socket.
    pub fn code(self) -> &'static str {
        match self {
            Purpose::Normal => "normal",
            Purpose::BrisDeGlace => "bris_de_glace",
            Purpose::Centre15 => "centre_15",
        }
    }

    /// Label of the nomenclature.
    pub fn display_name(self) -> &'static str {
        match self {
            Purpose::Normal => "Accès normal",
            Purpose::BrisDeGlace => "Accès en bris de glace",
            Purpose::Centre15 => "Accès par un centre de régulation médicale",
        }
    }

    /// OID of the code system.
    pub fn system(self) -> &'static str {
        "1.2.250.1.213.1.1.4.248"
    }

    /// Name of the code system.
    pub fn system_name(self) -> &'static str {
        "mode acces VIHF 2.0"
    }
}

impl TryFrom<String> for Purpose {
    type Error = CodeError;

    fn try_from(code: String) -> Result<Purpose, CodeError> {
        Purpose::parse(&code)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::vihf::text::Text;

    #[test]
    fn the_codes_are_those_of_the_socket() {
        for (code, purpose) in [
            ("normal", Purpose::Normal),
            ("bris_de_glace", Purpose::BrisDeGlace),
            ("centre_15", Purpose::Centre15),
        ] {
            assert_eq!(Purpose::parse(code), Ok(purpose));
            assert_eq!(serde_json::from_str::<Purpose>(&format!("{code:?}")).unwrap(), purpose);
            assert!(Text::parse(purpose.display_name()).is_ok());
        }
        for code in ["", "Normal", "bris de glace", "centre15"] {
            assert!(Purpose::parse(code).is_err(), "{code}");
        }
    }
}
