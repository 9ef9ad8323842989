//! A declared structure and the certificates that its assertions may bear (convention, annexe 3).

use serde::Deserialize;

use crate::policy::breach::{Breach, unique};
use crate::traces::digest::Digest;
use crate::vihf::codes::Sector;
use crate::vihf::identity::{Form, StructIdNat};

/// Most structures that annexe 3 of the convention lets an establishment declare.
pub const STRUCTURES_MAX: usize = 3;
/// Most certificates of one structure: the one in use, its successor, and one of each lost.
const CERTIFICATES_MAX: usize = 8;
/// Hexadecimal digits of a SHA-256.
const FINGERPRINT_DIGITS: usize = 64;

/// A declared structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Struct_IdNat, also the OU of its certificates.
    pub id: StructIdNat,
    /// Sector of activity written in its assertions.
    pub sector: Sector,
    /// SHA-256 of the certificates (DER) that it declared; none: whichever was appraised, which test mode alone takes.
    pub certificates: Option<Vec<Digest>>,
}

/// The TOML shape of a structure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructureTable {
    id: String,
    sector: String,
    certificates: Option<Vec<String>>,
}

impl Structure {
    /// Whether its assertions may bear that certificate.
    #[must_use]
    pub fn admits(&self, certificate: &Digest) -> bool {
        self.certificates.as_ref().is_none_or(|declared| declared.contains(certificate))
    }
}

/// The structures without the wrong ones, and what is wrong with those; `all_declared`: each names its certificates.
pub(super) fn check(
    tables: &[StructureTable],
    form: Form,
    all_declared: bool,
    breaches: &mut Vec<Breach>,
) -> Vec<Structure> {
    if tables.len() > STRUCTURES_MAX {
        let cause = format!(
            "[[structure]] : {} déclarées, la convention (annexe 3) en admet {STRUCTURES_MAX}",
            tables.len()
        );
        breaches.push(Breach::of("bad-value", "structure", "id", cause));
    }
    unique("structure", "id", tables.iter().map(|s| s.id.as_str()), breaches);
    let mut structures = Vec::new();
    for (entry, table) in tables.iter().enumerate() {
        let mut refuse = |rule, field, cause: String| {
            breaches.push(Breach::of(rule, "structure", field, cause).in_entry(entry));
        };
        let id = StructIdNat::parse(&table.id, form)
            .map_err(|e| refuse("bad-identifier", "id", format!("[[structure]] id = {:?} : {e}", table.id)));
        let sector = Sector::parse(&table.sector).map_err(|e| {
            refuse("bad-identifier", "sector", format!("[[structure]] sector = {:?} : {e}", table.sector));
        });
        if all_declared && table.certificates.is_none() {
            let cause = "[[structure]] certificates manque : la convention nomme les certificats de chaque structure (annexe 3) ; donnez leurs empreintes, ou [] pour n'en admettre aucun";
            refuse("missing-key", "certificates", cause.to_owned());
        }
        let certificates = table.certificates.as_deref().map(fingerprints).transpose();
        let certificates = certificates.map_err(|cause| refuse("bad-value", "certificates", cause));
        if let (Ok(id), Ok(sector), Ok(certificates)) = (id, sector, certificates) {
            structures.push(Structure { id, sector, certificates });
        }
    }
    structures
}

fn fingerprints(texts: &[String]) -> Result<Vec<Digest>, String> {
    if texts.len() > CERTIFICATES_MAX {
        return Err(format!(
            "[[structure]] certificates : {} empreintes, le maximum est {CERTIFICATES_MAX} ; retirez celles qui ne servent plus",
            texts.len()
        ));
    }
    let read = |text: &String| {
        fingerprint(text).ok_or_else(|| {
            "[[structure]] certificates : une empreinte est un SHA-256 en 64 chiffres hexadécimaux ; openssl x509 -noout -fingerprint -sha256 -in CERTIFICAT la donne".to_owned()
        })
    };
    texts.iter().map(read).collect()
}

/// A SHA-256 as `openssl x509 -fingerprint` prints it, colons or none.
fn fingerprint(text: &str) -> Option<Digest> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    if digits.len() != FINGERPRINT_DIGITS {
        return None;
    }
    let mut bytes = [0; FINGERPRINT_DIGITS / 2];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| pair.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(Digest::new(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it() {
        let digest = Digest::of(&[b"der"]);
        let digits: Vec<String> = digest.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(fingerprint(&digits.join(":")), Some(digest));
        assert_eq!(fingerprint(&digits.concat().to_lowercase()), Some(digest));
        for wrong in ["", "00", &digits[1..].join(":"), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }
}
