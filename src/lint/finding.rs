//! Findings: a rule that is broken, where, and what was found there.

use super::rule::{Rule, Severity};
use crate::xmldsig::{Element, Position, moves};

/// Most findings of one report: a document that breaks more is told so, and a hostile one cannot fill a disk.
const FINDINGS_MAX: usize = 200;
/// Longest value repeated in a finding, in characters.
const QUOTED_MAX: usize = 100;

/// Where in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Element names from the document element down; empty for the document itself.
    pub path: String,
    /// Line and character, from 1.
    pub position: Position,
}

impl Place {
    /// The document as a whole, at a position.
    #[must_use]
    pub fn document(position: Position) -> Self {
        Self { path: String::new(), position }
    }
}

impl From<Element<'_>> for Place {
    fn from(element: Element<'_>) -> Self {
        Self { path: element.path(), position: element.position() }
    }
}

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Its severity here; a rule's own unless the circumstances excuse it.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What was found, in French; holds no identity of a patient or practitioner.
    pub message: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    more: usize,
}

impl Findings {
    /// Adds a finding at an element.
    pub(super) fn at(&mut self, rule: Rule, element: Element<'_>, message: impl Into<String>) {
        self.excused(rule, rule.severity(), element, message);
    }

    /// Adds a finding whose severity is not its rule's.
    pub(super) fn excused(
        &mut self,
        rule: Rule,
        severity: Severity,
        element: Element<'_>,
        message: impl Into<String>,
    ) {
        // Telling a place costs a walk through the document.
        if self.list.len() >= FINDINGS_MAX {
            self.more += 1;
            return;
        }
        self.push(rule, severity, element.into(), message.into());
    }

    /// Adds a finding of the document itself.
    pub(super) fn document(&mut self, rule: Rule, position: Position, message: impl Into<String>) {
        self.push(rule, rule.severity(), Place::document(position), message.into());
    }

    fn push(&mut self, rule: Rule, severity: Severity, place: Place, message: String) {
        if self.list.len() >= FINDINGS_MAX {
            self.more += 1;
        } else {
            self.list.push(Finding { rule, severity, place, message });
        }
    }

    /// Whether a rule was found broken.
    pub(super) fn has(&self, rule: Rule) -> bool {
        self.list.iter().any(|finding| finding.rule == rule)
    }

    /// The findings in document order, and how many more there were.
    pub(super) fn sorted(mut self) -> (Vec<Finding>, usize) {
        self.list.sort_by_key(|finding| (finding.place.position, finding.rule));
        (self.list, self.more)
    }
}

/// A foreign text, harmless on a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if moves(c) { '\u{fffd}' } else { c }).collect()
}

/// A value of the document, short and harmless on a terminal.
pub(super) fn short(value: &str) -> String {
    let kept: String = value.chars().take(QUOTED_MAX).collect();
    let mut text = harmless(&kept);
    if value.chars().nth(QUOTED_MAX).is_some() {
        text.push('…');
    }
    text
}

/// The same between quotation marks.
pub(super) fn quoted(value: &str) -> String {
    format!("« {} »", short(value))
}
