//! Names that no assertion can carry are refused when the registers are read: file, entry and field are named.

use std::time::Duration;

use toml::Table;

use crate::support::daemons::run_until_exit;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;

/// Each with what the message says of it.
fn refused_texts() -> Vec<(String, &'static str)> {
    let texts = [
        ("A\0B", "U+0000"),
        ("A\u{1}B", "U+0001"),
        ("A\tB", "U+0009"),
        ("A\nB", "U+000A"),
        ("A\rB", "U+000D"),
        ("A\u{b}B", "U+000B"),
        ("A\u{7f}B", "U+007F"),
        ("A\u{85}B", "U+0085"),
        ("A\u{2028}B", "U+2028"),
        ("A\u{fffe}B", "U+FFFE"),
        ("A\u{ffff}B", "U+FFFF"),
        ("A\u{202e}B", "U+202E"),
        (" A", "espace"),
        ("", "vide"),
    ];
    let mut all: Vec<_> = texts.map(|(text, cause)| (text.to_owned(), cause)).to_vec();
    all.push(("A".repeat(10_240), "10240 octets"));
    all.push(("é".repeat(600), "1200 octets"));
    all
}

/// `sceaud` exits with 2 and says each of `parts`.
fn assert_refused(establishment: &Establishment, parts: &[&str]) {
    let refusal = run_until_exit(establishment, "sceaud", &[], Duration::from_secs(30));
    assert_eq!((refusal.code, refusal.was_ready), (Some(2), false), "{}", refusal.said);
    let (_, said) = refusal.said.split_once("sceaud : ").unwrap();
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(said.len() < 1024, "a message of {} bytes repeats what it refuses", said.len());
    // One line: what is refused must not write lines of its own into a log or a terminal.
    let controls: Vec<char> = said.trim_end().chars().filter(|c| c.is_control()).collect();
    assert!(controls.is_empty(), "{controls:?} in {said:?}");
}

fn set(register: &mut Table, list: &str, entry: usize, field: &str, text: &str) {
    register[list][entry].as_table_mut().unwrap().insert(field.into(), text.into());
}

#[test]
fn what_xml_forbids_is_refused_with_its_field() {
    let establishment = Plan::new("registers").key_type(KeyType::P256).build();
    let practitioner = establishment.practitioners[2].id.clone();
    for (text, cause) in refused_texts() {
        let file = "practitioners.toml";
        let right = std::fs::read(establishment.folder.join(file)).unwrap();
        establishment.edit_file(file, |register| set(register, "practitioner", 2, "name", &text));
        assert_refused(&establishment, &[file, "practitioner n° 3", &practitioner, "name : ", cause]);
        std::fs::write(establishment.folder.join(file), right).unwrap();

        let file = "applications.toml";
        let right = std::fs::read(establishment.folder.join(file)).unwrap();
        let user = crate::support::establishment::user_name();
        for field in ["lps_name", "lps_version", "lps_id", "homologation"] {
            establishment.edit_file(file, |register| set(register, "application", 0, field, &text));
            assert_refused(&establishment, &[file, &format!("user = {user:?}"), &format!("{field} : "), cause]);
            std::fs::write(establishment.folder.join(file), &right).unwrap();
        }
    }
}
