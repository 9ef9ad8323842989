//! Rights tables: which transaction is open to whom, for which purpose, through which channel (vihf.md §5).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::convention::Scope;
use super::denial::{Denial, Reason};
use crate::traces::digest::Digest;
use crate::vihf::codes::Purpose;
use crate::vihf::profile::{Channel, RightsTable};

const AIR_TEXT: &str = include_str!("data/air-rights.tsv");
const INDIRECT_TEXT: &str = include_str!("data/indirect-rights.tsv");
static AIR: LazyLock<BTreeMap<&str, Row>> = LazyLock::new(|| table(AIR_TEXT, air_row));
static INDIRECT: LazyLock<BTreeMap<&str, Row>> = LazyLock::new(|| table(INDIRECT_TEXT, indirect_row));

/// Before the name of its edition, on a table's first line.
const VERSION: &str = "# version: ";
/// Longest key of a transaction in bytes: the longest known has 14.
const TRANSACTION_LEN_MAX: usize = 32;

/// Transactions that read what is in a DMP: the Web-PS access to it, the search of its documents and of one's reference, the reading of
/// one. Tests of existence, lists, administrative data and management are none (convention, article 3: usage).
const CONSULTATIONS: [&str; 4] = ["0.10", "3.1", "3.1-reference", "3.2"];

/// A transaction that some rights table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction(&'static str);

impl Transaction {
    /// The transaction of that key, if any table knows it.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        if key.len() > TRANSACTION_LEN_MAX {
            return None;
        }
        AIR.get_key_value(key).or_else(|| INDIRECT.get_key_value(key)).map(|(key, _)| Self(key))
    }

    /// Whether the transaction of that key consults a DMP: what usage is counted by.
    #[must_use]
    pub fn consults(key: &str) -> bool {
        CONSULTATIONS.contains(&key)
    }

    /// Its key, such as `3.1`.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.0
    }

    /// Keys of every table, sorted.
    pub fn known() -> impl Iterator<Item = &'static str> {
        let mut keys: Vec<_> = AIR.keys().chain(INDIRECT.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
    }
}

/// Which table this software has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Name in profiles.
    pub table: &'static str,
    /// Name of its edition, from its first line.
    pub name: &'static str,
    /// SHA-256 of its file.
    pub digest: Digest,
}

/// The edition of each table.
pub fn versions() -> impl Iterator<Item = Version> {
    [("air", AIR_TEXT), ("indirect", INDIRECT_TEXT)].into_iter().map(|(table, text)| Version {
        table,
        name: text.lines().next().and_then(|line| line.strip_prefix(VERSION)).unwrap_or_default(),
        digest: Digest::of(&[text.as_bytes()]),
    })
}

/// One transaction's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    patient: bool,
    /// None: never.
    scope: Option<Scope>,
    physician: [bool; 3],
    other: [bool; 3],
    lps: bool,
    web_ps: bool,
}

/// What a rights table is asked.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the question's own words")]
pub struct Question {
    pub table: RightsTable,
    pub scope: Scope,
    pub transaction: Transaction,
    pub purpose: Purpose,
    /// Whether the service may ask for that purpose at all.
    pub is_purpose_of_service: bool,
    pub channel: Channel,
    pub is_physician: bool,
    pub has_patient: bool,
}

/// Whether the table permits it.
///
/// # Errors
/// The refusal: transaction first, then purpose, then patient.
pub fn permit(ask: &Question) -> Result<(), Denial> {
    let rows = match ask.table {
        RightsTable::Air => &AIR,
        RightsTable::Indirect => &INDIRECT,
    };
    let key = ask.transaction.key();
    let refuse = |reason, message: String| Err(Denial::new(reason, message));
    let Some(row) = rows.get(key) else {
        return refuse(
            Reason::TransactionNotAllowed,
            format!(
                "la transaction {key} n'est pas prévue par le profil de la session ; choisissez un profil qui la prévoit"
            ),
        );
    };
    let purposes = if ask.is_physician { row.physician } else { row.other };
    let channel = match ask.channel {
        Channel::Lps => row.lps,
        Channel::WebPs => row.web_ps,
    };
    if row.scope.is_none() || purposes == [false; 3] || !channel {
        return refuse(
            Reason::TransactionNotAllowed,
            format!(
                "la transaction {key} n'est pas ouverte à ce professionnel par ce mode d'authentification et ce canal"
            ),
        );
    }
    if row.scope > Some(ask.scope) {
        return refuse(
            Reason::TransactionNotAllowed,
            format!("la transaction {key} demande une convention qui nomme la table des droits de 2025"),
        );
    }
    let [normal, regulation, emergency] = purposes;
    let permitted = match ask.purpose {
        Purpose::Normal => normal,
        Purpose::Centre15 => regulation,
        Purpose::BrisDeGlace => emergency,
    };
    if !permitted {
        return refuse(
            Reason::PurposeNotAllowed,
            format!("la transaction {key} n'est pas ouverte à ce professionnel en {}", ask.purpose.code()),
        );
    }
    if !ask.is_purpose_of_service {
        return refuse(
            Reason::PurposeNotAllowed,
            format!(
                "le mode {} n'est pas ouvert à ce service ; si c'est son rôle, faites-le inscrire dans ses purposes",
                ask.purpose.code()
            ),
        );
    }
    match (row.patient, ask.has_patient) {
        (true, false) => refuse(
            Reason::PatientRequired,
            format!("la transaction {key} porte sur un patient : donnez patient.ins"),
        ),
        (false, true) => refuse(
            Reason::PatientNotExpected,
            format!("la transaction {key} ne porte sur aucun patient : retirez patient"),
        ),
        _ => Ok(()),
    }
}

fn table(text: &'static str, row: fn(&[&str]) -> Option<Row>) -> BTreeMap<&'static str, Row> {
    lines(text).filter_map(|cells| Some((*cells.first()?, row(&cells)?))).collect()
}

fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("transaction\t"));
    lines.map(|line| line.split('\t').collect())
}

fn air_row(cells: &[&str]) -> Option<Row> {
    let scope = match *cells.get(9)? {
        "consultation" => Some(Scope::Consultation),
        "table-2025" => Some(Scope::Table2025),
        "never" => None,
        _ => return None,
    };
    let three =
        |from: usize| Some([open(cells.get(from)?)?, open(cells.get(from + 1)?)?, open(cells.get(from + 2)?)?]);
    Some(Row {
        patient: yes(cells.get(2)?)?,
        scope,
        physician: three(3)?,
        other: three(6)?,
        lps: true,
        web_ps: true,
    })
}

fn indirect_row(cells: &[&str]) -> Option<Row> {
    // "Purpose `normal` only" (the table's own heading); which profession asks makes no difference.
    let normal = [true, false, false];
    Some(Row {
        patient: yes(cells.get(2)?)?,
        scope: Some(Scope::Consultation),
        physician: normal,
        other: normal,
        lps: open(cells.get(3)?)?,
        web_ps: open(cells.get(4)?)?,
    })
}

fn open(cell: &str) -> Option<bool> {
    match cell {
        "o" => Some(true),
        "n" => Some(false),
        _ => None,
    }
}

fn yes(cell: &str) -> Option<bool> {
    match cell {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_shipped_tables_is_taken() {
        assert_eq!(AIR.len(), lines(AIR_TEXT).count());
        assert_eq!(INDIRECT.len(), lines(INDIRECT_TEXT).count());
        assert!(AIR.len() == 20 && INDIRECT.len() == 11, "{} {}", AIR.len(), INDIRECT.len());
    }

    /// Whoever changes a table gives it another name: its rows decide what professionals may do.
    #[test]
    fn each_edition_has_its_name_and_its_bytes() {
        let told: Vec<_> =
            versions().map(|version| (version.table, version.name, version.digest.to_string())).collect();
        assert_eq!(
            told,
            [
                (
                    "air",
                    "2025-07 (v1.3)",
                    "177ec134ef4482aaff6ed2d551c07d0647fee38dc141785fee9519f0317273ad".to_owned()
                ),
                (
                    "indirect",
                    "2020 (plain indirect)",
                    "7ff01f1e548f71600e2e51d73c836323b734d7d5d13fb9fa690761d22d94571d".to_owned()
                ),
            ]
        );
    }
}
