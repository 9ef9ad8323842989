//! `sceau check` on staged establishments: a right one is good, each spoiled one is found by its rule, at its place, alone.

mod certificates;
mod configuration;
mod forms;
mod hostile;
mod permissions;
mod proofs;
mod registers;
mod running;
mod units;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::certificate::TEST_POLICY;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::program::program;

/// What is found in a right establishment whose programs do not run.
const STOPPED: &str = "service-stopped";

/// A right production establishment.
fn plan() -> Plan {
    Plan::new("check").production().policy(TEST_POLICY).key_type(KeyType::P256)
}

/// What `sceau check` said.
struct Checked {
    code: Option<i32>,
    out: String,
}

/// Runs `sceau check`; the machine's clock is said to be `synchronised` (yes, no).
fn run(config: &Path, arguments: &[&str], synchronised: &str) -> Checked {
    let stubs = tempfile::tempdir().unwrap();
    write(&stubs.path().join("timedatectl"), &format!("#!/bin/sh\necho {synchronised}\n"), 0o755);
    let mut command = Command::new(program("sceau"));
    command.arg("check").arg("--config").arg(config).args(arguments).stdin(Stdio::null());
    command.env("PATH", format!("{}:/usr/bin:/bin", stubs.path().display()));
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Checked { code: output.status.code(), out: String::from_utf8(output.stdout).unwrap() }
}

/// One finding: rule, file name (or object), line, column.
type Seen = (String, String, Option<u64>, Option<u64>);

impl Checked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// Everything found but that nothing runs.
    fn seen(&self) -> Vec<Seen> {
        let report = self.json();
        let findings = report["findings"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        findings
            .iter()
            .filter(|finding| finding["rule"] != STOPPED)
            .map(|finding| {
                for member in ["message", "remedy", "severity"] {
                    assert!(!text(&finding[member]).is_empty(), "{member} of {finding}");
                }
                assert_french(&text(&finding["message"]));
                assert_french(&text(&finding["remedy"]));
                let place = &finding["place"];
                let name = match place["file"].as_str() {
                    Some(file) => Path::new(file).file_name().unwrap().to_string_lossy().into_owned(),
                    None => text(&place["object"]),
                };
                (text(&finding["rule"]), name, place["line"].as_u64(), place["column"].as_u64())
            })
            .collect()
    }
}

/// None of the words that the TOML parser or the typed reader would say.
fn assert_french(text: &str) {
    const INNER: [&str; 14] = [
        "expected",
        "unknown field",
        "unknown variant",
        "missing field",
        "invalid type",
        "invalid value",
        "duplicate",
        "parse error",
        "recursion",
        "unclosed",
        "No such file",
        "os error",
        "wanted",
        "extra ",
    ];
    for word in INNER {
        assert!(!text.contains(word), "{word:?} in {text:?}");
    }
}

fn check(of: &Establishment, arguments: &[&str]) -> Checked {
    run(&of.config(), arguments, "yes")
}

/// Asserts that the establishment has exactly these findings, and the exit code.
fn assert_seen(of: &Establishment, code: i32, expected: &[(&str, &str)]) {
    let checked = check(of, &["--json"]);
    let seen: Vec<_> = checked.seen().into_iter().map(|(rule, file, ..)| (rule, file)).collect();
    let expected: Vec<_> = expected.iter().map(|(rule, file)| ((*rule).to_owned(), (*file).to_owned())).collect();
    assert_eq!(seen, expected, "{}", checked.out);
    assert_eq!(checked.code, Some(code), "{}", checked.out);
}

/// One spoiled text: each edit replaces the first `from` (up to the line's end if it ends in `…`); `¤` in what replaces it
/// is the place that must be told.
struct Case {
    rule: &'static str,
    file: &'static str,
    edits: &'static [(&'static str, &'static str)],
}

const fn case(rule: &'static str, file: &'static str, edits: &'static [(&'static str, &'static str)]) -> Case {
    Case { rule, file, edits }
}

/// Spoils a right establishment once per case; each is found by its rule at its line and column, and by nothing else.
fn assert_each_is_found(cases: &[Case]) {
    let establishment = plan().build();
    assert_seen(&establishment, 0, &[]);
    let mut wrong = Vec::new();
    for Case { rule, file, edits } in cases {
        let path = establishment.folder.join(file);
        let right = std::fs::read_to_string(&path).unwrap();
        let mut text = right.clone();
        for (from, to) in *edits {
            let to_end = from.strip_suffix('…');
            let from = to_end.unwrap_or(from);
            let at = text.find(from).unwrap_or_else(|| panic!("{rule}: {from:?} is not in\n{text}"));
            let len = if to_end.is_some() { text[at..].find('\n').unwrap() } else { from.len() };
            text.replace_range(at..at + len, to);
        }
        let at = text.find('¤').unwrap_or_else(|| panic!("{rule}: no place"));
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = text[..at].matches('\n').count() as u64 + 1;
        let column = text[line_start..at].chars().count() as u64 + 1;
        std::fs::write(&path, text.replace('¤', "")).unwrap();
        if *file == "convention.toml" {
            ["basile", "elise"].iter().for_each(|name| establishment.sign_convention(name));
        }
        let checked = check(&establishment, &["--json"]);
        let expected: Seen = ((*rule).to_owned(), (*file).to_owned(), Some(line), Some(column));
        let seen = checked.seen();
        let weight = sceau::check::rule(rule).unwrap();
        let code = match (weight.severity, weight.verdict) {
            (sceau::check::Severity::Error, sceau::check::Verdict::Misconfigured) => 2,
            (sceau::check::Severity::Error, _) => 1,
            _ => 0,
        };
        if seen != [expected.clone()] || checked.code != Some(code) {
            wrong.push(format!("{edits:?}: {expected:?}, {code}; seen {seen:?}, {:?}\n", checked.code));
        }
        std::fs::write(&path, right).unwrap();
        if *file == "convention.toml" {
            ["basile", "elise"].iter().for_each(|name| establishment.sign_convention(name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
