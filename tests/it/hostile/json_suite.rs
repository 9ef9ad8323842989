//! JSONTestSuite, which we did not write: what its authors want read is read, what they want refused is refused, in the
//! parser and at the door, and where they leave it free a table says what we do.

use std::collections::BTreeMap;
use std::fs;

use sceau::varlink::FRAME_LEN_MAX;
use sceau::varlink::json::{JsonFault, parse};

use super::{Hospital, closed, source};
use crate::support::collection::target_folder;
use crate::support::varlink::{Client, nonce};

/// Cases of the suite at the vendored commit.
const CASES: usize = 318;
const SUITE: &str = "tests/corpus/json-test-suite";

/// The suite's cases by name: the kept files, and those that are too long to keep.
fn cases() -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(source(SUITE).join("test_parsing")).unwrap().map(|entry| entry.unwrap());
    let name = |file: &fs::DirEntry| file.file_name().into_string().unwrap();
    let mut cases: BTreeMap<_, _> = files.map(|file| (name(&file), fs::read(file.path()).unwrap())).collect();
    cases.insert("n_structure_100000_opening_arrays.json".into(), b"[".repeat(100_000));
    let objects = [b"[{\"\":".repeat(50_000), b"\n".to_vec()].concat();
    cases.insert("n_structure_open_array_object.json".into(), objects);
    assert_eq!(cases.len(), CASES);
    cases
}

/// What the pure parser makes of it.
fn parsed(text: &[u8]) -> String {
    match parse(text) {
        Ok(_) => "read".into(),
        Err(error) => match error.fault {
            JsonFault::Syntax => "syntax".into(),
            JsonFault::Duplicate => format!("duplicate {}", error.path),
            JsonFault::Surrogate => format!("surrogate {}", error.path).trim_end().into(),
        },
    }
}

/// What the door answers to these bytes as one frame, or as several where they hold a NUL.
fn answered(hospital: &Hospital, client: &mut Client, bytes: &[u8], name: &str) -> String {
    let _ = client.send(bytes);
    let mut answers = Vec::new();
    for _ in bytes.split(|byte| *byte == 0) {
        let answer = client.receive_answer().unwrap_or_else(|e| panic!("{name}: no answer ({e})"));
        let refused = answer.expect_err(name);
        let (error, detail) = refused.brief();
        answers.push(format!("{error} {detail}").trim_end().to_owned());
    }
    if bytes.len() > FRAME_LEN_MAX {
        closed(client);
        *client = hospital.connect();
        answers.push("closed".into());
    }
    // The connection goes on, and each frame got one answer.
    assert_eq!(client.status()["state"], "operational", "{name}");
    answers.join(", ")
}

/// An `Issue` that is right but for its session, which is these bytes.
fn issue_of(session: &[u8]) -> Vec<u8> {
    let before = br#"{"method":"fr.sceau.Token.Issue","parameters":{"session":"#;
    let after = format!(r#","nonce":"{}","transaction":"0.1","purpose":"normal"}}}}"#, nonce());
    [before, session, after.as_bytes()].concat()
}

fn table() -> BTreeMap<String, [String; 3]> {
    let text = fs::read_to_string(source(SUITE).join("outcomes.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let [name, parser, frame, value] = columns.try_into().expect(line);
        (name, [parser, frame, value])
    });
    rows.collect()
}

#[test]
fn a_foreign_json_suite_is_read_and_refused_as_its_authors_want() {
    let (expected, hospital) = (table(), Hospital::open("json-suite", &[]));
    let (mut client, mut bystander) = (hospital.connect(), hospital.bystander());
    let mut found = BTreeMap::new();
    for (name, text) in cases() {
        let frame = answered(&hospital, &mut client, &text, &name);
        let value = answered(&hospital, &mut client, &issue_of(&text), &name);
        found.insert(name, [parsed(&text), frame, value]);
    }
    bystander.is_served();
    let rows: String = found.iter().map(|(name, outcome)| format!("{name}\t{}\n", outcome.join("\t"))).collect();
    let kept = target_folder().join("json-test-suite.tsv");
    fs::write(&kept, rows).unwrap();
    let changed: Vec<_> = found.iter().filter(|(name, outcome)| expected.get(*name) != Some(outcome)).collect();
    assert!(
        changed.is_empty(),
        "other outcomes than outcomes.tsv says (all are in {}): {changed:#?}",
        kept.display()
    );
    assert_eq!(found.len(), expected.len(), "rows without a case");
    assert_eq!(hospital.daemons.sceaud.starts(), 1);
}

/// The table itself obeys the suite: nobody can make a wrong outcome right by writing it down.
#[test]
fn the_outcomes_obey_the_foreign_suites_letters() {
    for (name, [parser, frame, value]) in table() {
        let is_unreadable = |answer: &str| answer.split(", ").all(|part| matches!(part, "Malformed" | "closed"));
        match name.as_bytes()[0] {
            b'n' => {
                assert!(parser != "read", "{name}: {parser}");
                // Half a pair is told by its place, even if the text is broken behind it too.
                let is_told = parser == "surrogate" && value == "Malformed session";
                assert!(is_unreadable(&frame) && (is_unreadable(&value) || is_told), "{name}: {frame}, {value}");
            }
            // A member given twice is JSON, and refused by the contract.
            b'y' if name.starts_with("y_object_duplicated_key") => assert_eq!(parser, "duplicate a", "{name}"),
            b'y' => {
                assert_eq!(parser, "read", "{name}");
                assert!(
                    value == "InvalidParameter session" || value == "Denied session-unknown",
                    "{name}: {value}"
                );
            }
            b'i' => {
                assert_eq!(parser == "read", !is_unreadable(&value) && !value.starts_with("Malformed"), "{name}")
            }
            _ => panic!("{name}: of no kind"),
        }
    }
}
