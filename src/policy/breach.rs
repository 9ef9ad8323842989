//! What is wrong with one value of the configuration or of a register, and where it stands; the reader of files adds the line.

use std::collections::HashSet;

/// A value that contradicts another or breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Stable name of the rule, kebab-case.
    pub rule: &'static str,
    /// Table or array of tables that holds it; empty: the file's top.
    pub section: &'static str,
    /// Which entry of an array of tables, from 0.
    pub entry: Option<usize>,
    /// The key; empty: the entry as a whole.
    pub field: &'static str,
    /// Cause and, behind a semicolon, remedy.
    pub cause: String,
}

impl Breach {
    /// A breach in a table, or at the file's top.
    #[must_use]
    pub fn of(rule: &'static str, section: &'static str, field: &'static str, cause: impl Into<String>) -> Self {
        Self { rule, section, entry: None, field, cause: cause.into() }
    }

    /// The same in the entry of that number, from 0.
    #[must_use]
    pub fn in_entry(self, entry: usize) -> Self {
        Self { entry: Some(entry), ..self }
    }
}

/// Names that are given twice, each at its second place; what was mended away is no name.
pub fn unique<'a>(
    section: &'static str,
    field: &'static str,
    names: impl Iterator<Item = &'a str>,
    breaches: &mut Vec<Breach>,
) {
    let mut seen = HashSet::new();
    for (entry, name) in names.enumerate() {
        if !name.is_empty() && !seen.insert(name) {
            let cause =
                format!("[[{section}]] {field} = {name:?} est donné deux fois ; retirez l'une des deux entrées");
            breaches.push(Breach::of("declared-twice", section, field, cause).in_entry(entry));
        }
    }
}
