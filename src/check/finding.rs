//! One thing that `sceau check` found: rule, place, message, remedy.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::rule::{RULES, Rule, rule};
use crate::config::{Fault, Position};

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, and where in it if it is a text.
    File(PathBuf, Option<Position>),
    /// What is no file: a key, the clock, the service.
    Object(String),
}

impl Place {
    /// A file as a whole.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self::File(path.to_owned(), None)
    }

    /// As a JSON object.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::File(file, position) => json!({
                "file": file.display().to_string(),
                "line": position.map(|position| position.line),
                "column": position.map(|position| position.column),
            }),
            Self::Object(object) => json!({ "object": object }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, None) => write!(f, "{}", plain(&file.display().to_string())),
            Self::File(file, Some(at)) => {
                write!(f, "{}, ligne {}, colonne {}", plain(&file.display().to_string()), at.line, at.column)
            }
            Self::Object(object) => f.write_str(&plain(object)),
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it breaks.
    pub rule: &'static Rule,
    /// Where.
    pub place: Place,
    /// Cause, French.
    pub message: String,
    /// What to do, French.
    pub remedy: String,
}

impl Finding {
    /// A finding from a text of the house's form: cause, and behind the last semicolon the remedy; without one the rule's
    /// own remedy stands.
    ///
    /// A name that is no rule's would be our mistake: it is told under the first rule, so that nothing found is lost, and a
    /// test holds every name that is used against the list.
    #[must_use]
    pub fn new(name: &str, place: Place, text: &str) -> Self {
        let rule = rule(name).unwrap_or(&RULES[0]);
        let (message, remedy) = text.rsplit_once(" ; ").unwrap_or((text, rule.remedy));
        Self { rule, place, message: plain(message), remedy: plain(remedy) }
    }

    /// A fault of a file as a finding.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        Self::new(fault.rule, Place::File(fault.file.clone(), fault.position), &fault.cause)
    }

    /// As a JSON object.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "rule": self.rule.name,
            "severity": self.rule.severity.name(),
            "place": self.place.json(),
            "message": self.message,
            "remedy": self.remedy,
        })
    }
}

/// The text without what would move the cursor of a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
