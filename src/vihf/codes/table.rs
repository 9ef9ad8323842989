//! The code tables that the binary carries.

use std::sync::LazyLock;

/// Professions, specialties and sections (value set JDV_J65).
pub(super) static SUBJECT_ROLE: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../data/subject-role.tsv")));

/// Sectors of activity (value set JDV_J61).
pub(super) static SECTORS: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../data/sectors.tsv")));

/// One coded concept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Concept {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    /// Empty when no label is known.
    pub(super) display_name: &'static str,
    /// Day of withdrawal, `YYYY-MM-DD`.
    pub(super) deprecated_since: Option<&'static str>,
}

/// What a type that wraps a concept tells of it.
macro_rules! concept_of {
    ($name:ident) => {
        impl $name {
            /// The code.
            pub fn code(&self) -> &'static str {
                self.0.code
            }

            /// OID of the code system.
            pub fn system(&self) -> &'static str {
                self.0.system
            }

            /// Label of the table.
            pub fn display_name(&self) -> &'static str {
                self.0.display_name
            }

            /// Day (`YYYY-MM-DD`) since which the nomenclature has withdrawn the code.
            pub fn deprecated_since(&self) -> Option<&'static str> {
                self.0.deprecated_since
            }
        }
    };
}

pub(super) use concept_of;

/// Concepts ordered by system and code.
pub(super) struct Table {
    version: &'static str,
    concepts: Vec<Concept>,
}

impl Table {
    /// Reads lines of `code`, `codeSystem`, `displayName`, `deprecatedSince`, separated by TAB; `#` opens a comment, and the
    /// comment `# version: …` names the edition. A malformed line is left out: the files are ours, and a test shows that
    /// every line of them is taken.
    fn read(text: &'static str) -> Table {
        let version = text.lines().find_map(|line| line.strip_prefix("# version: ")).unwrap_or_default();
        let mut concepts: Vec<Concept> = text.lines().filter_map(concept).collect();
        concepts.sort_by_key(|concept| (concept.system, concept.code));
        Table { version, concepts }
    }

    /// The edition of the nomenclature.
    pub(super) fn version(&self) -> &'static str {
        self.version
    }

    /// The concept of exactly this system and code, in O(log n).
    pub(super) fn find(&'static self, system: &str, code: &str) -> Option<&'static Concept> {
        let place = self.concepts.binary_search_by_key(&(system, code), |concept| (concept.system, concept.code));
        place.ok().and_then(|index| self.concepts.get(index))
    }

    /// Every concept, ordered.
    #[cfg(test)]
    pub(super) fn concepts(&'static self) -> &'static [Concept] {
        &self.concepts
    }
}

fn concept(line: &'static str) -> Option<Concept> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.split('\t');
    let (code, system, display_name, since) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || code.is_empty() || system.is_empty() {
        return None;
    }
    let deprecated_since = Some(since).filter(|since| !since.is_empty());
    Some(Concept { system, code, display_name, deprecated_since })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::vihf::text::Text;

    #[test]
    fn every_line_of_the_shipped_tables_is_taken_and_fit_for_a_vihf() {
        let shipped = [
            (include_str!("../data/subject-role.tsv"), &*SUBJECT_ROLE, 294, false),
            (include_str!("../data/sectors.tsv"), &*SECTORS, 68, true),
        ];
        for (text, table, count, label_may_lack) in shipped {
            let lines = text.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!((lines, table.concepts().len()), (count, count));
            assert!(table.version().starts_with("JDV_J6"));
            for concept in table.concepts() {
                assert!(concept.code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{concept:?}");
                assert!(concept.system.starts_with("1.2.250.1."), "{concept:?}");
                let label = Text::parse(concept.display_name);
                assert!(label.is_ok() || (label_may_lack && concept.display_name.is_empty()), "{concept:?}");
                if let Some(since) = concept.deprecated_since {
                    let day = time::macros::format_description!("[year]-[month]-[day]");
                    assert!(time::Date::parse(since, day).is_ok(), "{concept:?}");
                }
                assert_eq!(table.find(concept.system, concept.code), Some(concept), "doubled code");
            }
            let unique = table.concepts().windows(2).all(|w| (w[0].system, w[0].code) < (w[1].system, w[1].code));
            assert!(unique);
        }
    }

    #[test]
    fn a_malformed_line_is_left_out_and_so_noticed() {
        for line in ["", "10", "10\tx\tMédecin", "\tx\tMédecin\t", "10\t\tMédecin\t", "10\tx\tMédecin\t\t"] {
            assert_eq!(concept(line), None, "{line:?}");
        }
        assert!(concept("10\tx\tMédecin\t").is_some_and(|c| c.deprecated_since.is_none()));
    }
}
