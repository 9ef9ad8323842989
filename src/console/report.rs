//! What a visit with a stick came to, as text: on the screen, and in `sceau/answers/result.txt`.

use std::fmt::Write as _;

use super::error::{ConsoleError, Refusal};

/// Name of the text on the stick.
pub(super) const RESULT: &str = "result.txt";

/// What was done, refused and is left to do.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) done: Vec<String>,
    pub(super) refused: Vec<Refusal>,
    pub(super) next: Vec<String>,
    /// Gravest exit code so far.
    pub(super) code: u8,
}

impl Report {
    pub(super) fn did(&mut self, what: impl Into<String>) {
        self.done.push(what.into());
    }

    pub(super) fn next(&mut self, what: impl Into<String>) {
        self.next.push(what.into());
    }

    /// Adds what went wrong.
    pub(super) fn failed(&mut self, error: &ConsoleError) {
        self.refused.extend(error.refusals());
        self.code = self.code.max(error.exit_code());
    }

    /// The text; `at` and `machine` say when and where.
    pub(super) fn text(&self, at: &str, machine: &str, state: &str) -> String {
        let mut text = format!("Sceau, {at}\nMachine : {machine}\nÉtat : {state}\n");
        let mut list = |title: &str, lines: &mut dyn Iterator<Item = String>| {
            let mut lines = lines.peekable();
            if lines.peek().is_some() {
                let _ = writeln!(text, "\n{title}");
            }
            for line in lines {
                let _ = writeln!(text, "  - {}", line.replace('\n', "\n    "));
            }
        };
        list("Fait :", &mut self.done.iter().map(|line| plain(line)));
        list(
            "Refusé :",
            &mut self.refused.iter().map(|Refusal { at, text }| match text.rsplit_once(" ; ") {
                Some((cause, remedy)) => format!("{} : {}\nRemède : {}", plain(at), plain(cause), plain(remedy)),
                None => format!("{} : {}", plain(at), plain(text)),
            }),
        );
        list("Ensuite :", &mut self.next.iter().map(|line| plain(line)));
        text
    }
}

/// The text without what would move a terminal's cursor: names and words come from sticks and tokens. Line ends stay.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
