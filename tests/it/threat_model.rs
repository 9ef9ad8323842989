//! The promise of SECURITY.md: each validation it names is a test that exists, and each threat has one or says "not yet".

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The threats of the privacy study's template that the establishment has to answer for.
const STUDY_THREATS: [&str; 5] = ["SI_DMP_R01", "SI_DMP_R02", "SIH_R01", "ENROL_R01", "ENROL_R02"];

/// One row of a table whose columns are Threat, Action and Validation.
struct Row {
    threat: String,
    validation: String,
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The rows of every table of threats in a Markdown text.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut in_threats = false;
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        match cells.as_slice() {
            ["Threat", "Action", "Validation"] => in_threats = true,
            [rule, ..] if rule.starts_with("---") => {}
            [threat, action, validation] if in_threats && line.starts_with('|') => {
                assert!(!action.is_empty(), "no action against: {threat}");
                rows.push(Row { threat: (*threat).to_owned(), validation: (*validation).to_owned() });
            }
            _ => {
                assert!(!(in_threats && line.starts_with('|')), "not three cells: {line}");
                in_threats = false;
            }
        }
    }
    rows
}

/// The `module::test` names between backticks.
fn named(validation: &str) -> Vec<(&str, &str)> {
    validation
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|name| name.split_once("::").unwrap_or_else(|| panic!("`{name}` is no module::test")))
        .collect()
}

/// The works that a validation leaves to later: "not yet: the ledger".
fn not_yet(validation: &str) -> Option<&str> {
    validation.split_once("not yet").map(|(_, works)| works.trim_start_matches(':').trim())
}

/// The Rust sources below a folder, or the file itself.
fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

/// Whether a file holds this function with a test's attribute above it (`#[test]`, `#[tokio::test]`, or as
/// a function of a `proptest!` block, which carries `#[test]` too).
fn holds_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let line = line.trim_start_matches("async ");
        line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
            && lines[..at]
                .iter()
                .rev()
                .take_while(|above| above.starts_with("#[") || above.starts_with("///"))
                .any(|above| above.starts_with("#[test") || above.starts_with("#[tokio::test"))
    })
}

/// Whether a test of this name is in the module: a module of the integration binary, a test binary, or a room's own.
fn exists(module: &str, name: &str) -> bool {
    let mut files = Vec::new();
    for place in [format!("tests/it/{module}.rs"), format!("tests/it/{module}"), format!("tests/{module}.rs")] {
        sources(&source(&place), &mut files);
    }
    sources(&source(&format!("tests/{module}")), &mut files);
    let mut rooms = Vec::new();
    sources(&source("src"), &mut rooms);
    rooms.retain(|path| {
        path.components().any(|part| Path::new(part.as_os_str()).file_stem() == Some(module.as_ref()))
    });
    files.extend(rooms);
    files.iter().filter(|path| path.is_file()).any(|path| holds_test(&fs::read_to_string(path).unwrap(), name))
}

fn security() -> String {
    fs::read_to_string(source("SECURITY.md")).unwrap()
}

#[test]
fn every_validation_is_a_test_that_exists() {
    let text = security();
    let rows = rows(&text);
    let names: Vec<(&str, &str)> = rows.iter().flat_map(|row| named(&row.validation)).collect();
    assert!(names.len() >= rows.len() / 2, "most threats are validated by a test");
    let missing: Vec<String> = names
        .iter()
        .filter(|(module, name)| !exists(module, name))
        .map(|(module, name)| format!("{module}::{name}"))
        .collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_threat_has_a_validation_or_says_which_work_brings_it() {
    for row in rows(&security()) {
        let later = not_yet(&row.validation);
        assert!(later.is_some() || !named(&row.validation).is_empty(), "nothing validates: {}", row.threat);
        assert!(later.is_none_or(|works| !works.is_empty()), "not yet, and no work named: {}", row.threat);
    }
}

#[test]
fn the_threats_of_the_privacy_study_are_answered() {
    let rows = rows(&security());
    for threat in STUDY_THREATS {
        assert!(rows.iter().any(|row| row.threat.contains(&format!("**{threat}**"))), "{threat} is missing");
    }
}

#[test]
fn a_name_without_a_test_is_noticed() {
    assert!(exists("threat_model", "a_name_without_a_test_is_noticed"));
    assert!(!exists("threat_model", "a_name_without"));
    // A function that is no test validates nothing.
    assert!(!exists("threat_model", "security"));
    assert!(!exists("absent", "a_name_without_a_test_is_noticed"));
}
