//! Why a value is no identifier.

use std::fmt;

use thiserror::Error;

/// The kind of identifier an error speaks of; its `Display` is the French noun with its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// Number of the shared directory of health professionals.
    Rpps,
    /// Number of the older departmental register.
    Adeli,
    /// National identifier of a practitioner.
    PsIdNat,
    /// Number of a health establishment.
    Finess,
    /// Number of a legal unit.
    Siren,
    /// Number of an establishment of a legal unit.
    Siret,
    /// National identifier of a structure.
    StructIdNat,
    /// National health identity number of a patient.
    Ins,
    /// Identifier system of an INS.
    InsOid,
}

/// Why a value is no identifier. `index` counts characters from 0; the French message counts from 1.
///
/// Only [`IdentityError::CheckDigit`] holds the value, and it is never made for a patient: an INS stays out of messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Too few or too many characters.
    #[error("{identifier} doit compter {} caractères, et non {found} : recopiez-le en entier, sans espace ni séparateur", range(*min, *max))]
    Length {
        /// What was being read.
        identifier: Identifier,
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// Characters received.
        found: usize,
    },
    /// A character that cannot stand there.
    #[error("{identifier} a un caractère inattendu en position {} : reprenez le numéro {}", index + 1, identifier.origin())]
    Character {
        /// What was being read.
        identifier: Identifier,
        /// Where, from 0, in that identifier (behind the prefix of a PS_IdNat or Struct_IdNat).
        index: usize,
    },
    /// The check digit contradicts the rest.
    #[error("{identifier} {value} a une clé de contrôle fausse : un chiffre est mal recopié, reprenez le numéro {}", identifier.origin())]
    CheckDigit {
        /// What was being read.
        identifier: Identifier,
        /// The number, of the right length and made of digits.
        value: String,
    },
    /// The key of an INS contradicts the rest. The number is withheld.
    #[error("l'INS a une clé de contrôle fausse : un caractère est mal recopié, reprenez le numéro {}", Identifier::Ins.origin())]
    InsKey,
    /// Zeros alone satisfy a check digit; they are a placeholder of some import, never a number.
    #[error("{identifier} n'a que des zéros : remplacez cette valeur de remplissage par le numéro pris {}", identifier.origin())]
    AllZero {
        /// What was being read.
        identifier: Identifier,
    },
    /// A PS_IdNat internal to a structure (prefix 1, 3, 4, 5 or 6, with `/`): it exists, and AIR does not allow it (vihf.md §1).
    #[error(
        "l'identifiant interne d'un professionnel n'est pas admis en AIR : donnez son identifiant national, 8 suivi du RPPS ou 0 suivi de l'ADELI"
    )]
    InternalIdentifier,
    /// The first character names no kind that we know.
    #[error("{identifier} ne commence pas par un type connu ({allowed}) : reprenez l'identifiant {}", identifier.origin())]
    Prefix {
        /// What was being read.
        identifier: Identifier,
        /// The kinds that exist, for the reader.
        allowed: &'static str,
    },
    /// The OID is none of the four INS systems.
    #[error(
        "l'OID n'est pas celui d'un INS : donnez 1.2.250.1.213.1.4.8 (NIR), .9 (NIA), .10 (test) ou .11 (démonstration)"
    )]
    UnknownOid,
}

impl Identifier {
    /// Where a person finds the right value.
    fn origin(self) -> &'static str {
        match self {
            Identifier::Rpps | Identifier::Adeli | Identifier::PsIdNat => "dans l'Annuaire Santé",
            Identifier::Finess | Identifier::StructIdNat => "dans le répertoire FINESS",
            Identifier::Siren | Identifier::Siret => "dans le répertoire Sirene",
            Identifier::Ins | Identifier::InsOid => "auprès du téléservice INSi",
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Identifier::Rpps => "le RPPS",
            Identifier::Adeli => "le numéro ADELI",
            Identifier::PsIdNat => "le PS_IdNat",
            Identifier::Finess => "le FINESS",
            Identifier::Siren => "le SIREN",
            Identifier::Siret => "le SIRET",
            Identifier::StructIdNat => "le Struct_IdNat",
            Identifier::Ins => "l'INS",
            Identifier::InsOid => "l'OID de l'INS",
        })
    }
}

fn range(min: usize, max: usize) -> String {
    if min == max { min.to_string() } else { format!("{min} à {max}") }
}
