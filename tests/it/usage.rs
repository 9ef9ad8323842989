//! The command lines speak French: help is complete, a mistake is told with its remedy, no patient's INS is repeated.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output, Stdio};

use crate::support::program::program;

/// A test INS, and one of Corsica with spaces: what somebody could type in the wrong place.
const INS: [&str; 2] = ["207058671442424", "2 07 05 2A 714 424 24"];

/// What clap or Cargo would say in English.
const ENGLISH: [&str; 13] = [
    "Usage:",
    "Options:",
    "Arguments:",
    "Commands:",
    "COMMAND",
    "Print ",
    "[default",
    "possible values",
    "error:",
    "tip:",
    "required",
    "unexpected",
    "For more information",
];

/// Every command line, and every option it takes.
const COMMANDS: [(&[&str], &[&str]); 62] = [
    (&["sceau", "metrics"], &["--config", "--socket", "--http", "--help"]),
    (&["sceau", "connectors"], &["list", "inspect", "attach", "detach", "apply", "--help"]),
    (&["sceau", "connectors", "list"], &["--config", "--socket", "--json", "--help"]),
    (&["sceau", "connectors", "inspect"], &["--vendors", "--json", "--help"]),
    (
        &["sceau", "connectors", "attach"],
        &[
            "--name",
            "--image",
            "--root-hash",
            "--door",
            "--interface",
            "--peer",
            "--listen",
            "--device",
            "--setting",
            "--sign-with",
            "--json",
            "--config",
            "--socket",
            "--help",
        ],
    ),
    (&["sceau", "connectors", "detach"], &["--name", "--sign-with", "--json", "--config", "--socket", "--help"]),
    (&["sceau", "connectors", "apply"], &["--config", "--root", "--help"]),
    (
        &["sceau", "modules", "attach"],
        &["--name", "--image", "--root-hash", "--sign-with", "--json", "--config", "--socket", "--help"],
    ),
    (&["sceau", "modules", "detach"], &["--name", "--sign-with", "--json", "--config", "--socket", "--help"]),
    (&["sceau", "convention"], &["show", "diff", "check", "approve", "take", "--help"]),
    (&["sceau", "convention", "show"], &["--config", "--socket", "--json", "--help"]),
    (&["sceau", "convention", "diff"], &["--config", "--socket", "--json", "--help"]),
    (&["sceau", "convention", "check"], &["--config", "--socket", "--help"]),
    (&["sceau", "convention", "approve"], &["--config", "--socket", "--key", "--against", "--out", "--help"]),
    (&["sceau", "convention", "take"], &["--config", "--socket", "--json", "--help"]),
    (&["sceaud"], &["--config", "--help", "--version"]),
    (&["sceau-relayd"], &["--config", "--help", "--version"]),
    (&["sceau-gate"], &["--config", "--help", "--version"]),
    (&["sceau-connect"], &["enrol", "run", "status", "secret", "install", "uninstall", "--help", "--version"]),
    (&["sceau-connect", "enrol"], &["--appliance", "--application", "--code", "--wait", "--config", "--help"]),
    (&["sceau-connect", "run"], &["--config", "--help"]),
    (&["sceau-connect", "status"], &["--config", "--json", "--help"]),
    (&["sceau-connect", "secret"], &["--out", "--config", "--help"]),
    (&["sceau-connect", "install"], &["--config", "--help"]),
    (&["sceau-connect", "uninstall"], &["--config", "--help"]),
    (&["sceau-signer"], &["--config", "--instance", "--help", "--version"]),
    (&["sceau"], &["issue", "keys", "traces", "lint", "status", "check", "--help", "--version"]),
    (
        &["sceau", "keys"],
        &["generate", "wrapping-key", "csr", "import-certificate", "audit-public", "list", "--help"],
    ),
    (&["sceau", "traces"], &["checkpoint", "export", "verify", "usage", "reconcile", "--help"]),
    (&["sceau", "traces", "checkpoint"], &["--config", "--out", "--help"]),
    (
        &["sceau", "keys", "audit-public"],
        &[
            "--config",
            "--key",
            "--module",
            "--uri",
            "--sealed",
            "--pin-file",
            "--use",
            "--origin",
            "--out",
            "--help",
        ],
    ),
    (&["sceau", "keys", "wrapping-key"], &["--out", "--help"]),
    (
        &["sceau", "keys", "generate"],
        &[
            "--config",
            "--key",
            "--module",
            "--uri",
            "--sealed",
            "--pin-file",
            "--use",
            "--type",
            "--json",
            "--help",
        ],
    ),
    (
        &["sceau", "keys", "csr"],
        &[
            "--config",
            "--key",
            "--module",
            "--uri",
            "--sealed",
            "--pin-file",
            "--use",
            "--department",
            "--organisation",
            "--structure",
            "--application",
            "--same-subject-as",
            "--out",
            "--test",
            "--help",
        ],
    ),
    (
        &["sceau", "keys", "import-certificate"],
        &[
            "--config",
            "--key",
            "--module",
            "--uri",
            "--sealed",
            "--pin-file",
            "--use",
            "--structure",
            "--out",
            "--same-subject-as",
            "--into-token",
            "--json",
            "--help",
        ],
    ),
    (&["sceau", "keys", "list"], &["--config", "--module", "--uri", "--pin-file", "--json", "--help"]),
    (&["sceau", "status"], &["--config", "--socket", "--json", "--help"]),
    (&["sceau", "bench"], &["--config", "--key", "--seconds", "--json", "--help"]),
    (&["sceau", "lint"], &["--trust", "--profile", "--at", "--json", "--format", "--help"]),
    (
        &["sceau", "traces", "export"],
        &[
            "--practitioner",
            "--patient",
            "--from",
            "--to",
            "--encrypt-for",
            "--since",
            "--out",
            "--sign-with",
            "--json",
            "--config",
            "--socket",
            "--help",
        ],
    ),
    (&["sceau", "traces", "verify"], &["--config", "--since", "--json", "--help"]),
    (&["sceau", "traces", "usage"], &["--config", "--rolling", "--json", "--help"]),
    (&["sceau", "traces", "reconcile"], &["--config", "--json", "--help"]),
    (
        &["sceau", "practitioners"],
        &["import", "export", "list", "suspend", "revoke-authenticator", "review", "--help"],
    ),
    (
        &["sceau", "practitioners", "import"],
        &["--format", "--dry-run", "--sign-with", "--json", "--config", "--socket", "--help"],
    ),
    (&["sceau", "practitioners", "export"], &["--out", "--format", "--config", "--socket", "--help"]),
    (&["sceau", "practitioners", "list"], &["--json", "--config", "--socket", "--help"]),
    (
        &["sceau", "practitioners", "suspend"],
        &["--practitioner", "--sign-with", "--json", "--config", "--socket", "--help"],
    ),
    (
        &["sceau", "practitioners", "revoke-authenticator"],
        &[
            "--practitioner",
            "--method",
            "--authenticator",
            "--sign-with",
            "--json",
            "--config",
            "--socket",
            "--help",
        ],
    ),
    (&["sceau", "practitioners", "review"], &["--within", "--unused", "--json", "--config", "--socket", "--help"]),
    (
        &["sceau", "applications"],
        &[
            "import",
            "export",
            "list",
            "review",
            "invite",
            "enrolments",
            "certificate",
            "revoke-certificate",
            "--help",
        ],
    ),
    (
        &["sceau", "applications", "invite"],
        &["--application", "--sign-with", "--json", "--config", "--socket", "--help"],
    ),
    (&["sceau", "applications", "enrolments"], &["--json", "--config", "--socket", "--help"]),
    (
        &["sceau", "applications", "import"],
        &["--format", "--dry-run", "--sign-with", "--json", "--config", "--socket", "--help"],
    ),
    (&["sceau", "applications", "export"], &["--out", "--format", "--config", "--socket", "--help"]),
    (&["sceau", "applications", "list"], &["--json", "--config", "--socket", "--help"]),
    (&["sceau", "applications", "review"], &["--within", "--unused", "--json", "--config", "--socket", "--help"]),
    (&["sceau-verify"], &["vihf", "traces", "--help", "--version"]),
    (&["sceau-verify", "traces"], &["--key", "--since", "--json", "--help"]),
    (&["sceau-verify", "vihf"], &["--trust", "--profile", "--at", "--json", "--format", "--help"]),
    (&["sceau", "check"], &["--config", "--units", "--json", "--nagios", "--help"]),
    (
        &["sceau", "issue"],
        &[
            "--config",
            "--socket",
            "--practitioner",
            "--method",
            "--instant",
            "--initial-instant",
            "--proof-file",
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
            "--help",
        ],
    ),
];

fn run<S: AsRef<OsStr>>(command: &[&str], more: &[S]) -> Output {
    let program = program(command[0]);
    Command::new(program).args(&command[1..]).args(more).stdin(Stdio::null()).output().unwrap()
}

fn assert_french(said: &str) {
    for english in ENGLISH {
        assert!(!said.contains(english), "{english:?} in\n{said}");
    }
}

/// What is said on standard error, once exit code, silence of standard output, and language are right.
fn refused<S: AsRef<OsStr>>(command: &[&str], more: &[S]) -> String {
    let output = run(command, more);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
    assert_french(&said);
    said
}

/// The names at the beginning of the help's entries.
fn entries(help: &str) -> Vec<&str> {
    let starts = help.lines().filter(|line| line.starts_with("  "));
    starts.filter_map(|line| line.split_whitespace().find(|word| !word.ends_with(','))).collect()
}

#[test]
fn help_is_french_and_lists_every_option_and_the_exit_codes() {
    for (command, options) in COMMANDS {
        for flag in ["--help", "-h"] {
            let output = run(command, &[flag]);
            let help = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{command:?} {flag}");
            assert_french(&help);
            let entries = entries(&help);
            for option in options {
                assert!(entries.contains(option), "{command:?}: {option} is not in\n{help}");
            }
            let listed = entries.iter().filter(|entry| entry.starts_with("--")).count();
            let known = options.iter().filter(|option| option.starts_with("--")).count();
            assert_eq!(listed, known, "{command:?}: an option that this test does not know\n{help}");
            for part in ["Utilisation : ", "Options :", "Codes de sortie : 0 "] {
                assert!(help.contains(part), "{part} is not in\n{help}");
            }
            let has_default = options.contains(&"--config");
            assert_eq!(help.contains("[par défaut :"), has_default, "{help}");
        }
    }
}

#[test]
fn version_is_the_packages() {
    for name in ["sceau", "sceaud", "sceau-signer"] {
        let output = run(&[name], &["--version"]);
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn without_a_verb_the_help_is_the_answer() {
    let help = String::from_utf8(run(&["sceau"], &["--help"]).stdout).unwrap();
    assert_eq!(refused::<&str>(&["sceau"], &[]), help);
}

#[test]
fn each_mistake_is_told_in_french_with_its_remedy() {
    let issue: &[&str] = &["sceau", "issue"];
    let status: &[&str] = &["sceau", "status"];
    let complete = ["--practitioner", "899900063480", "--transaction", "3.1"];
    let with = |more: &[&'static str]| [&complete[..], more].concat();
    let cases: [(&[&str], Vec<&str>, &[&str]); 17] = [
        (
            &["sceau"],
            vec!["isue"],
            &[
                "verbe inconnu « isue »",
                "essayez « suspend, issue »",
                "issue, attest, seal, keys, operators, order, convention, suspend, resume, suspensions, practitioners, applications, connectors, modules, traces, lint, status, metrics, check, bench",
            ],
        ),
        (
            &["sceau"],
            vec!["help"],
            &[
                "verbe inconnu « help »",
                "issue, attest, seal, keys, operators, order, convention, suspend, resume, suspensions, practitioners, applications, connectors, modules, traces, lint, status, metrics, check, bench",
            ],
        ),
        (&["sceau"], vec!["--json"], &["argument inconnu « --json »"]),
        (status, vec!["--confg", "x"], &["argument inconnu « --confg »", "essayez « --config »"]),
        (&["sceaud"], vec!["foo"], &["argument inconnu « foo »"]),
        (&["sceau-signer"], vec![], &["il manque : --instance <INSTANCE>", "ajoutez"]),
        (issue, vec![], &["il manque : --practitioner <PS_IDNAT>, --transaction <TD>"]),
        (issue, with(&["--instant", "2026-01-01T00:00:00Z"]), &["il manque : --method <METHODE>"]),
        (issue, with(&["--ins-oid", "1.2.250.1.213.1.4.10"]), &["il manque : --ins <->"]),
        (issue, with(&["--ins", "x"]), &["--ins <-> est refusée", "valeur admise : « - »"]),
        (issue, with(&["--ins"]), &["--ins <-> attend une valeur", "valeur admise : « - »"]),
        (status, vec!["--config"], &["--config <FICHIER> attend une valeur"]),
        (status, vec!["--config="], &["--config <FICHIER> attend une valeur"]),
        (status, vec!["--json=x"], &["--json n'attend pas de valeur"]),
        (status, vec!["--json", "--json"], &["--json est donné deux fois"]),
        (&["sceaud"], vec!["--config", "a", "--config", "b"], &["--config <FICHIER> est donné deux fois"]),
        (&["sceau-signer"], vec!["--instance", "a-1", "b-1"], &["argument inconnu « b-1 »"]),
    ];
    for (command, more, parts) in cases {
        let said = refused(command, &more);
        for part in parts {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
        let (program, typed) = (command[0], command.join(" "));
        assert!(said.starts_with(&format!("{program} : ")), "{said}");
        assert!(said.ends_with(&format!(" Voir « {typed} --help ».\n")), "{said}");
    }
    let said = refused(issue, &[OsString::from("--practitioner"), OsString::from_vec(vec![0xff])]);
    assert!(said.contains("pas du texte UTF-8"), "{said}");
}

#[test]
fn an_ins_given_as_an_argument_is_not_repeated() {
    for ins in INS {
        let issue: &[&str] = &["sceau", "issue"];
        let cases: [(&[&str], Vec<String>); 12] = [
            (issue, vec!["--ins".into(), ins.into()]),
            (issue, vec![format!("--ins={ins}")]),
            (issue, vec![format!("--inz={ins}")]),
            (issue, vec![format!("--ins{ins}")]),
            (issue, vec![format!("--{ins}")]),
            (issue, vec![format!("-{ins}")]),
            (issue, vec![ins.into()]),
            (issue, vec!["--ins".into(), "-".into(), ins.into()]),
            (issue, vec![format!("--receipt={ins}")]),
            (&["sceau"], vec![ins.into()]),
            (&["sceaud"], vec![ins.into()]),
            (&["sceau-signer"], vec![ins.into()]),
        ];
        for (command, more) in cases {
            let said = refused(command, &more);
            // Not even a part of it that would help to guess the rest.
            assert!(!said.contains(&ins[..4]) && !said.contains(&ins[ins.len() - 4..]), "{more:?}\n{said}");
            assert!(said.contains("--help »"), "{said}");
        }
    }
}

#[test]
fn a_wrong_seal_is_told_in_french_with_key_field_value_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sceau.toml");
    let cases = [
        ("seal-a", "pin_file = \"p\"\nprocesses = 99", "processes = 99 ; donnez un nombre de 1 à 16"),
        ("seal-a", "pin_file = \"p\"\nsessions = 0", "sessions = 0 ; donnez un nombre de 1 à 64"),
        ("seal-a", "", "donnez pin_file ou pin_credential"),
        ("seal-a", "pin_file = \"p\"\npin_credential = \"p\"", "retirez l'un des deux"),
        ("seal-a", "pin_credential = \"a/b\"", "donnez le nom du credential systemd"),
        ("Seal A", "pin_file = \"p\"", "donnez 1 à 32 caractères"),
    ];
    for (key, fields, part) in cases {
        let seal = format!(
            "[[seal]]\nstructure = \"1\"\nkey = \"{key}\"\nuri = \"pkcs11:\"\ncertificate = \"c\"\n{fields}\n"
        );
        std::fs::write(&file, seal).unwrap();
        let said = sceau::config::Config::load(&file).unwrap_err().to_string();
        assert!(said.contains(&format!("[[seal]] key = \"{key}\" : ")) && said.contains(part), "{said}");
    }
}
