//! The program's forms: text, JSON, SARIF, exit codes, its command line, and the same by `sceau lint`.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::defects::cut;
use super::foreign::WORKSHOP;
use crate::support::program::program;

fn verify(arguments: &[&str]) -> Output {
    Command::new(program("sceau-verify")).arg("vihf").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn written(name: &str, content: &str) -> String {
    let path = WORKSHOP.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn text_tells_defect_place_remedy_and_verdict() {
    let trust = WORKSHOP.trust();
    let good = written("form-good.xml", &WORKSHOP.sealed());
    let output = verify(&[&good, "--trust", trust.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).ends_with("form-good.xml : BON\n"), "{}", text(&output.stdout));

    let bad = written("form-bad.xml", &WORKSHOP.sealed().replace("CAMILLE", "CAMILLO"));
    let output = verify(&[&bad, "--trust", trust.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let page = text(&output.stdout);
    assert!(page.contains(":3:3: défaut [signature-digest] "), "{page}");
    assert!(page.contains("    place  : Assertion/Signature\n") && page.contains("    remède : "), "{page}");
    assert!(page.ends_with("form-bad.xml : MAUVAIS : 1 défaut(s)\n"), "{page}");

    let output = verify(&[&good]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains(" : NON JUGÉ : "), "{}", text(&output.stdout));
}

/// No identity of a patient or practitioner in a report, whichever rule is broken.
#[test]
fn reports_repeat_no_identity() {
    let sealed = WORKSHOP.sealed();
    for (from, to) in [
        ("899900063480", "899900063489"),
        ("207058575627097", "207058575627099"),
        ("207058575627097", "abc207058575627097"),
    ] {
        let file = written("form-identity.xml", &sealed.replace(from, to));
        for form in ["texte", "json", "sarif"] {
            let page = text(&verify(&[&file, "--format", form]).stdout);
            assert!(
                !page.contains(to) && !page.contains(from) && page.contains("-key") | page.contains("-form"),
                "{page}"
            );
        }
    }
}

#[test]
fn sarif_is_sarif() {
    let file = written("form sarif é.xml", &WORKSHOP.sealed().replace(">3.0<", ">2.0<"));
    let output = verify(&[&file, "--format", "sarif"]);
    assert_eq!(output.status.code(), Some(1));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), sceau::lint::Rule::ALL.len());
    let results = run["results"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert!(
            place["artifactLocation"]["uri"].as_str().unwrap().ends_with("form%20sarif%20%C3%A9.xml"),
            "{place}"
        );
        assert!(
            place["region"]["startLine"].as_u64().unwrap() >= 1
                && place["region"]["startColumn"].as_u64().unwrap() >= 1
        );
        assert!(matches!(result["level"].as_str(), Some("error" | "warning" | "note")));
    }
    assert!(results.iter().any(|result| result["ruleId"] == "signature-digest"));
}

#[test]
fn mistakes_are_answered_in_french_with_code_2() {
    let good = written("form-mistakes.xml", &WORKSHOP.sealed());
    let empty = written("form-empty.pem", "");
    let leaf = written("form-leaf.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let toml = written("form-profile.toml", "name = 1");
    let certificate = cut(&WORKSHOP.sealed(), "<X509Certificate>", "</X509Certificate>");
    let certificate = certificate.replace("<X509Certificate>", "").replace("</X509Certificate>", "");
    let seal = written(
        "form-seal.pem",
        &format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", certificate.trim()),
    );
    let folder = WORKSHOP.path().to_str().unwrap();
    for (arguments, words) in [
        (vec!["absent.xml"], "il n'existe pas"),
        (vec![folder], "c'est un dossier"),
        (vec![good.as_str(), "--trust", &empty], "aucun certificat PEM"),
        (vec![good.as_str(), "--trust", &leaf], "n'est pas lisible"),
        (vec![good.as_str(), "--trust", &seal], "CA:TRUE"),
        (vec![good.as_str(), "--trust", "absent.pem"], "il n'existe pas"),
        (vec![good.as_str(), "--at", "hier"], "--at : l'instant"),
        (vec![good.as_str(), "--profile", "inconnu"], "dmp-air, dmp-air-simplifie, dmp-indirecte"),
        (vec![good.as_str(), "--profile", &toml], "--profile : "),
        (vec![], "il manque"),
    ] {
        let output = verify(&arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {stderr}");
        assert!(stderr.contains(words) && stderr.lines().count() == 1, "{arguments:?} {stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn standard_input_a_profile_file_and_local_instants_are_taken() {
    let trust = WORKSHOP.trust();
    let sealed = WORKSHOP.sealed();
    let own = written("form-own.toml", "extends = \"dmp-air\"\nname = \"court\"\nlifetime_max_ms = 10000\n");
    let file = written("form-own.xml", &sealed);
    let output = verify(&[&file, "--trust", trust.to_str().unwrap(), "--profile", &own, "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (report["findings"][0]["rule"].as_str(), report["profile"].as_str()),
        (Some("lifetime-too-long"), Some("court"))
    );

    let mut child = Command::new(program("sceau-verify"))
        .args(["vihf", "-", "--trust"])
        .arg(&trust)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), sealed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).ends_with("- : BON\n")), (Some(0), true));

    // An hour in another zone is the same instant.
    let at = time::OffsetDateTime::from_unix_timestamp(WORKSHOP.issued.ms() / 1000 + 1).unwrap();
    let at = at.to_offset(time::UtcOffset::from_hms(2, 0, 0).unwrap());
    let at = at.format(&time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(verify(&[&file, "--trust", trust.to_str().unwrap(), "--at", &at]).status.code(), Some(0));
}

#[test]
fn sceau_lint_says_the_same() {
    let trust = WORKSHOP.trust();
    for (name, content) in
        [("lint-good.xml", WORKSHOP.sealed()), ("lint-bad.xml", WORKSHOP.sealed().replace(">3.0<", ">2.0<"))]
    {
        let file = written(name, &content);
        for form in ["texte", "json", "sarif"] {
            let arguments = [file.as_str(), "--trust", trust.to_str().unwrap(), "--format", form];
            let lint =
                Command::new(program("sceau")).arg("lint").args(arguments).stdin(Stdio::null()).output().unwrap();
            let verify = verify(&arguments);
            assert_eq!((lint.status.code(), text(&lint.stdout)), (verify.status.code(), text(&verify.stdout)));
        }
    }
}

/// The guide's table is the code's list.
#[test]
fn the_guide_has_every_rule() {
    use sceau::lint::{Rule, Severity};
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verificateur.md")).unwrap();
    let rows: Vec<_> =
        guide.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 5).collect();
    let expected = Rule::ALL.iter().map(|rule| {
        let severity = match rule.severity() {
            Severity::Error => "défaut",
            Severity::Warning => "avertissement",
            Severity::Note => "note",
        };
        format!("| `{rule}` | {severity} | {} | {} |", rule.source(), rule.remedy())
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}
