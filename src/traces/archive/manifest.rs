//! What an archive says of itself. Nothing in it is believed: the judge makes it again from what is proven and compares.

use serde::{Deserialize, Serialize};

use super::record::Person;
use super::request::{Period, Person as Selected, Request, Selection};
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// The format of an archive.
pub const FORMAT: &str = "sceau-archive-v1";
/// Largest manifest, and largest file of proofs, in bytes. Reason: 256 people with a map proof of some kB each.
pub const LEN_MAX: u64 = 4 * 1024 * 1024;

/// What no archive can prove; said in each.
const NOT_PROVED: [&str; 4] = [
    "made_at et software : la parole de qui a fait l'archive",
    "l'empreinte (lookup) est bien celle de l'identité montrée : la clé des empreintes reste dans l'appliance",
    "une personne sans entrée montrée n'en a pas sous une autre empreinte",
    "après la fin du journal signé (checkpoint.txt), rien",
];
/// What the archive of a patient cannot prove besides.
const NOT_PROVED_PATIENT: &str =
    "la complétude : chaque entrée est prouvée, mais pas que ce patient n'en a pas d'autres";

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Which ledger.
    pub origin: String,
    /// Its size at the checkpoint.
    pub size: u64,
    /// When the archive was made.
    pub made_at: String,
    /// What made it.
    pub software: String,
    /// The first instant of the period.
    pub from: String,
    /// The first instant after it.
    pub to: String,
    /// Whose entries; exactly one of this and `patient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practitioners: Option<Vec<Practitioner>>,
    /// Whose entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Patient>,
    /// Index of the order's entry, if an order asked for the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Whether all that the selection has in the period is shown, and proven to be all.
    pub complete: bool,
    /// Lines of `entries.jsonl`.
    pub entries: u64,
    /// Rows of `traces.csv`.
    pub rows: u64,
    /// Every other member.
    pub members: Vec<Member>,
    /// What is not proven.
    pub not_proved: Vec<String>,
}

/// A practitioner who was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practitioner {
    /// PS_IdNat.
    pub id: String,
    /// Keyed hash, base64.
    pub lookup: String,
}

/// A patient who was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// INS.
    pub ins: String,
    /// Its identifier system.
    pub oid: String,
    /// Keyed hash, base64.
    pub lookup: String,
}

/// A member of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Manifest {
    /// The manifest of a request; counts and members are to come.
    pub(super) fn of(request: &Request<'_>, origin: &str, size: u64) -> Self {
        let mut manifest = Self {
            format: FORMAT.to_owned(),
            origin: origin.to_owned(),
            size,
            made_at: request.made_at.to_string(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            from: request.period.from.to_string(),
            to: request.period.to.to_string(),
            practitioners: None,
            patient: None,
            order: request.mandate.as_ref().map(|mandate| mandate.entry),
            complete: false,
            entries: 0,
            rows: 0,
            members: Vec::new(),
            not_proved: Vec::new(),
        };
        match &request.selection {
            Selection::Practitioners(all) => {
                let one = |person: &Selected<_>| Practitioner {
                    id: crate::vihf::identity::PsIdNat::as_str(&person.id).to_owned(),
                    lookup: person.lookup.to_base64(),
                };
                manifest.practitioners = Some(all.iter().map(one).collect());
            }
            Selection::Patient(person) => {
                let Person { ins, oid } = Person::of(&person.id);
                manifest.patient = Some(Patient { ins, oid, lookup: person.lookup.to_base64() });
            }
        }
        manifest.conclude();
        manifest
    }

    /// What follows from the selection.
    pub fn conclude(&mut self) {
        self.complete = self.practitioners.is_some();
        self.not_proved = NOT_PROVED.map(str::to_owned).to_vec();
        if self.patient.is_some() {
            self.not_proved.push(NOT_PROVED_PATIENT.to_owned());
        }
    }

    /// The period; `None` if its instants are none.
    #[must_use]
    pub fn period(&self) -> Option<Period> {
        Some(Period { from: Instant::parse(&self.from)?, to: Instant::parse(&self.to)? })
    }

    /// The keyed hashes of the selection, with the identity that each is said to be of.
    #[must_use]
    pub fn lookups(&self) -> Option<Vec<(Digest, String)>> {
        let practitioners = self.practitioners.iter().flatten().map(|one| (&one.lookup, one.id.clone()));
        let patients = self.patient.iter().map(|one| (&one.lookup, format!("{} {}", one.oid, one.ins)));
        practitioners.chain(patients).map(|(lookup, id)| Some((Digest::from_base64(lookup)?, id))).collect()
    }

    /// The member's text.
    ///
    /// # Errors
    /// serde_json's own, which a vector never meets.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// `proofs.json`: what does not belong to one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proofs {
    /// For each practitioner of the manifest, in its order, the map proof's text.
    pub map: Vec<String>,
    /// From an earlier checkpoint, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
}

/// A consistency proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// The earlier size.
    pub size: u64,
    /// Hashes in base64 (RFC 9162 §2.1.4).
    pub proof: Vec<String>,
}

/// One line of `keys.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its number.
    pub id: u64,
    /// Whose: the keyed hash, base64.
    pub lookup: String,
    /// 32 bytes, base64.
    pub key: String,
}
