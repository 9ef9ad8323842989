//! The register as an array of objects, read one by one so that each bad one has its line.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::{Lines, Slip, Written};

/// Reads every entry that can be read.
pub(super) fn read<R: Written>(text: &str) -> Lines<R> {
    let mut lines = Lines::default();
    let mut at = Place { rest: text, line: 1 };
    at.skip_space();
    if !at.skip('[') {
        lines.slips.push(Slip::of(
            at.line,
            "",
            "json-syntax",
            "ce fichier n'est pas un tableau JSON ; il commence par [",
        ));
        return lines;
    }
    at.skip_space();
    let mut goes_on = !at.skip(']');
    while goes_on {
        at.skip_space();
        let mut values = Deserializer::from_str(at.rest).into_iter::<IgnoredAny>();
        let good = at.rest.starts_with('{') && matches!(values.next(), Some(Ok(_)));
        let (object, line) = (at.rest.get(..values.byte_offset()).unwrap_or_default(), at.line);
        if !good {
            lines.slips.push(syntax(at.line));
            return lines;
        }
        if !lines.count() {
            return lines;
        }
        match serde_json::from_str::<R>(object) {
            Ok(record) => lines.records.push((line, record)),
            Err(error) => lines.slips.push(shape::<R>(line + error.line() as u64 - 1, &error.to_string())),
        }
        at.skip_bytes(object.len());
        at.skip_space();
        goes_on = at.skip(',');
        if !goes_on && !at.skip(']') {
            lines.slips.push(syntax(at.line));
            return lines;
        }
    }
    at.skip_space();
    if !at.rest.is_empty() {
        lines.slips.push(Slip::of(
            at.line,
            "",
            "json-syntax",
            "quelque chose suit la fin du tableau ; retirez-le",
        ));
    }
    lines
}

/// Where the reading is.
struct Place<'t> {
    rest: &'t str,
    line: u64,
}

impl Place<'_> {
    fn skip_bytes(&mut self, len: usize) {
        let (before, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.line += memchr::memchr_iter(b'\n', before.as_bytes()).count() as u64;
        self.rest = rest;
    }

    fn skip_space(&mut self) {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.skip_bytes(self.rest.len() - rest.len());
    }

    fn skip(&mut self, mark: char) -> bool {
        let rest = self.rest.strip_prefix(mark);
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }
}

fn syntax(line: u64) -> Slip {
    let cause = "ce qui commence ici n'est pas un objet JSON, ou une virgule ou une accolade manque ; rien n'est lu au-delà";
    Slip::of(line, "", "json-syntax", cause)
}

/// The parser's words, of which the member's name alone is taken.
fn shape<R: Written>(line: u64, words: &str) -> Slip {
    let member = words.split('`').nth(1).unwrap_or_default();
    let known = |member: &str| R::COLUMNS.contains(&member) || R::MEMBERS.contains(&member);
    let (rule, cause) = if words.starts_with("unknown field") {
        ("unknown-key", "ce membre est inconnu ; les membres sont ceux du guide")
    } else if words.starts_with("missing field") {
        ("missing-key", "ce membre manque ; ajoutez-le")
    } else if words.starts_with("duplicate field") {
        ("duplicate-key", "ce membre est donné deux fois ; gardez-en un")
    } else {
        ("wrong-type", "une valeur n'est pas de la forme attendue ; corrigez-la d'après le guide")
    };
    // Somebody's own words stay out of the report, unless they are ours as well.
    let column = if known(member) { member } else { "" };
    Slip::of(line, column, rule, cause)
}
