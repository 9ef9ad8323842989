//! `--help` is complete everywhere: every option with what it is for, and the exit codes.

use std::process::Command;

use super::parts;
use crate::support::program::program;

/// Every program and verb, with the options that it must explain.
const PROGRAMS: [(&str, &[&str], &[&str]); 5] = [
    ("sceaud", &[], &["--config"]),
    ("sceau-signer", &[], &["--config", "--instance"]),
    ("sceau", &[], &[]),
    (
        "sceau",
        &["issue"],
        &[
            "--config",
            "--socket",
            "--practitioner",
            "--method",
            "--instant",
            "--initial-instant",
            "--transaction",
            "--purpose",
            "--ins",
            "--ins-oid",
            "--structure",
            "--service",
            "--channel",
            "--profile",
            "--invisible-to-guardians",
            "--receipt",
            "--json",
        ],
    ),
    ("sceau", &["status"], &["--config", "--socket", "--json"]),
];

/// Each option's first line below "Options", and its explanation.
fn options(help: &str) -> Vec<(String, String)> {
    let mut options: Vec<(String, String)> = Vec::new();
    for line in help.lines().skip_while(|line| *line != "Options:").skip(1) {
        let text = line.trim();
        if line.starts_with("  ") && text.starts_with('-') {
            let (names, words) = text.split_once("  ").unwrap_or((text, ""));
            options.push((names.to_owned(), words.trim().to_owned()));
        } else if let Some((_, words)) = options.last_mut().filter(|_| line.starts_with("      ")) {
            words.push_str(text);
        }
    }
    options
}

#[test]
fn help_explains_every_option() {
    for (name, verb, expected) in PROGRAMS {
        let (code, out, said) = parts(&Command::new(program(name)).args(verb).arg("--help").output().unwrap());
        assert_eq!((code, said.as_str()), (Some(0), ""), "{name} {verb:?}");
        let options = options(&out);
        let named =
            |wanted: &str| options.iter().any(|(names, _)| names.split([' ', ',']).any(|name| name == wanted));
        for wanted in expected.iter().chain(&["--help"]) {
            assert!(named(wanted), "{name} {verb:?}: {wanted} is not in\n{out}");
        }
        for (names, words) in &options {
            assert!(words.len() > 5, "{name} {verb:?}: {names} is not explained in\n{out}");
        }
        assert!(!out.contains("A VIHF token appliance"), "French is what people read\n{out}");
    }
}

#[test]
fn help_tells_the_exit_codes() {
    for (name, verb, codes) in [
        ("sceaud", &[][..], &["0", "2"][..]),
        ("sceau-signer", &[], &["0", "2"]),
        ("sceau", &[], &["0", "1", "2", "3", "4"]),
        ("sceau", &["status"], &["0", "3", "4"]),
    ] {
        let (_, out, _) = parts(&Command::new(program(name)).args(verb).arg("--help").output().unwrap());
        let (_, told) = out.split_once("Codes de ").unwrap_or_else(|| panic!("{name}: no exit codes in\n{out}"));
        let told = told.split("\n\n").next().unwrap();
        for code in codes {
            assert!(told.contains(&format!("{code} ")), "{name}: {code} is not told in {told}");
        }
    }
}

#[test]
fn version_is_the_package_s() {
    for name in ["sceaud", "sceau-signer", "sceau"] {
        let (code, out, _) = parts(&Command::new(program(name)).arg("--version").output().unwrap());
        assert_eq!((code, out.trim()), (Some(0), format!("{name} {}", env!("CARGO_PKG_VERSION")).as_str()));
    }
}
