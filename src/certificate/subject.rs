//! The subject of a structure's certificates: the layout of IGC-Santé (vihf.md §6), or the other certificate's own.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use x509_parser::prelude::*;

use super::rfc2253;
use crate::vihf::identity::{Form, IdentityError, StructIdNat};

/// `ub-state-name` (X.520, RFC 5280 appendix A.1), in characters.
const STATE_LEN_MAX: usize = 128;
/// `ub-organization-name`, `ub-organizational-unit-name` and `ub-common-name`, in characters.
const NAME_LEN_MAX: usize = 64;

/// `C=FR, ST=<département> (<nn>), O=<raison sociale>, OU=<Struct_IdNat>, CN=<application>`, each value checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `ST`.
    pub(super) department: String,
    /// `O`.
    pub(super) organisation: String,
    /// `OU`.
    pub(super) structure: StructIdNat,
    /// `CN`.
    pub(super) application: String,
}

/// Why a value cannot stand in a subject; `field` is the option that gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// No character.
    #[error("{field} est vide ; donnez sa valeur")]
    Empty {
        /// The option.
        field: &'static str,
    },
    /// More characters than X.520 admits.
    #[error("{field} compte {found} caractères, X.520 en admet {max} ; abrégez")]
    Length {
        /// The option.
        field: &'static str,
        /// Characters received.
        found: usize,
        /// Most characters.
        max: usize,
    },
    /// Control characters, or a space at an end: what nobody sees and no two people type alike.
    #[error(
        "{field} contient un caractère invisible ou commence ou finit par une espace ; recopiez la valeur sans lui"
    )]
    Invisible {
        /// The option.
        field: &'static str,
    },
    /// Not `Rhône (69)`.
    #[error(
        "--department doit être le nom du département et son numéro entre parenthèses, comme \"Rhône (69)\" ou \"Corse-du-Sud (2A)\""
    )]
    Department,
    /// Not a Struct_IdNat.
    #[error("--structure : {0}")]
    Structure(#[from] IdentityError),
}

impl Subject {
    /// Checks the four values; `form` is that of the structure's number.
    ///
    /// # Errors
    /// The first value that cannot stand.
    pub fn new(
        department: &str,
        organisation: &str,
        structure: &str,
        application: &str,
        form: Form,
    ) -> Result<Self, SubjectError> {
        let subject = Self {
            department: value("--department", department, STATE_LEN_MAX)?,
            organisation: value("--organisation", organisation, NAME_LEN_MAX)?,
            structure: StructIdNat::parse(structure, form)?,
            application: value("--application", application, NAME_LEN_MAX)?,
        };
        if is_department(department) { Ok(subject) } else { Err(SubjectError::Department) }
    }
}

fn value(field: &'static str, text: &str, max: usize) -> Result<String, SubjectError> {
    let found = text.chars().count();
    // What an assertion could not carry in its Issuer must not be certified either.
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if text.trim().is_empty() {
        Err(SubjectError::Empty { field })
    } else if found > max {
        Err(SubjectError::Length { field, found, max })
    } else if text.trim() != text || text.contains(invisible) {
        Err(SubjectError::Invisible { field })
    } else {
        Ok(text.to_owned())
    }
}

/// `<name> (<nn>)`: two digits, `2A` or `2B`, or three digits overseas.
fn is_department(text: &str) -> bool {
    let Some((name, number)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) else {
        return false;
    };
    let is_number = match number.as_bytes() {
        b"2A" | b"2B" => true,
        [a, b] | [a, b, _] if !(a.is_ascii_digit() && b.is_ascii_digit()) => false,
        [_, _] => true,
        [_, _, c] => c.is_ascii_digit(),
        _ => false,
    };
    is_number && !name.trim().is_empty()
}

/// The subject of another certificate or request, as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherSubject {
    der: Vec<u8>,
    text: String,
    units: Vec<String>,
}

impl OtherSubject {
    /// Reads the first certificate, or else the first request, of a PEM text; none if it holds neither, or a name that
    /// an assertion cannot carry. The request's signature is not looked at: only its name is taken.
    #[must_use]
    pub fn parse(pem: &[u8]) -> Option<Self> {
        if let Ok(der) = CertificateDer::from_pem_slice(pem) {
            let (_, x509) = X509Certificate::from_der(&der).ok()?;
            return Self::of(x509.subject());
        }
        let der = CertificateSigningRequestDer::from_pem_slice(pem).ok()?;
        let (_, request) = X509CertificationRequest::from_der(&der).ok()?;
        Self::of(&request.certification_request_info.subject)
    }

    /// The subject of a certificate in DER.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        Self::of(x509.subject())
    }

    fn of(name: &X509Name<'_>) -> Option<Self> {
        let units = name.iter_organizational_unit().filter_map(|ou| ou.as_str().ok()).map(str::to_owned).collect();
        Some(Self { der: name.as_raw().to_vec(), text: rfc2253(name)?, units })
    }

    /// The name, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name as text (RFC 2253).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its organizational units, among which the structure.
    #[must_use]
    pub fn units(&self) -> &[String] {
        &self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRUCTURE: &str = "1690781810";

    fn new(department: &str, organisation: &str, application: &str) -> Result<Subject, SubjectError> {
        Subject::new(department, organisation, STRUCTURE, application, Form::Strict)
    }

    #[test]
    fn a_department_is_a_name_and_a_number() {
        for right in ["Rhône (69)", "Corse-du-Sud (2A)", "La Réunion (974)", "Côte-d'Or (21)", "Ain (le) (01)"]
        {
            assert!(new(right, "CH", "A").is_ok(), "{right}");
        }
        for wrong in
            ["Rhône", "69", "(69)", " (69)", "Rhône(69)", "Rhône (6)", "Rhône (2C)", "Rhône (69", "Rhône (9a4)"]
        {
            assert!(new(wrong, "CH", "A").is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_are_in_characters_and_name_the_field() {
        let long = |len: usize| "é".repeat(len);
        assert!(new("Rhône (69)", &long(64), &long(64)).is_ok());
        let error = |field, found| SubjectError::Length { field, found, max: 64 };
        assert_eq!(new("Rhône (69)", &long(65), "A"), Err(error("--organisation", 65)));
        assert_eq!(new("Rhône (69)", "CH", &long(65)), Err(error("--application", 65)));
        let department = |len: usize| format!("{} (69)", long(len - 5));
        assert!(new(&department(128), "CH", "A").is_ok());
        let max = SubjectError::Length { field: "--department", found: 129, max: 128 };
        assert_eq!(new(&department(129), "CH", "A"), Err(max));
    }

    #[test]
    fn what_nobody_sees_is_refused() {
        for wrong in ["CH\u{200b}", "CH\n", " CH", "CH\u{a0}", "C\0H", "C\u{202e}H"] {
            assert_eq!(new("Rhône (69)", wrong, "A"), Err(SubjectError::Invisible { field: "--organisation" }));
        }
        assert_eq!(new("Rhône (69)", " ", "A"), Err(SubjectError::Empty { field: "--organisation" }));
        let structure = Subject::new("Rhône (69)", "CH", "1690781811", "A", Form::Strict);
        assert!(matches!(structure, Err(SubjectError::Structure(_))));
    }
}
