//! An officer at his workstation: `sceau-verify evidence` and his files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sceau::evidence::document::{Document, Evidence, PcrValue};
use sceau::evidence::enrolment::Challenge;
use sceau::evidence::nonce::Nonce;
use sceau::evidence::reference::{Admitted, Reference};
use serde_json::Value;
use tempfile::TempDir;

use super::attester::Attester;
use crate::support::program::program;

pub(crate) struct Officer {
    pub(super) folder: TempDir,
}

impl Officer {
    pub(crate) fn new() -> Officer {
        Officer { folder: tempfile::tempdir().unwrap() }
    }

    /// An officer who knows this appliance, its maker and its image.
    pub(super) fn of(attester: &Attester) -> Officer {
        let officer = Officer::new();
        officer.trust(attester);
        officer.enrolled(attester, "pharmacie");
        officer.admit(&[("1", &attester.pcrs())]);
        officer
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `sceau-verify evidence …` in the officer's folder.
    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program("sceau-verify"));
        command.arg("evidence").args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Exit code and all that was said.
    pub(crate) fn said(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// What is said by a command that does what it is asked.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.said(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    /// Takes the root of an appliance's maker among the known ones.
    pub(super) fn trust(&self, attester: &Attester) {
        let [root, _] = attester.tpm.authorities();
        let known = fs::read_to_string(self.path("roots.pem")).unwrap_or_default();
        self.write("roots.pem", &(known + &fs::read_to_string(root).unwrap()));
    }

    /// Reference values: versions of the image, each of PCRs 4, 7 and 11 of a machine.
    pub(crate) fn admit(&self, versions: &[(&str, &[PcrValue])]) {
        let admitted = versions.iter().map(|(version, pcrs)| Admitted {
            name: "image".to_owned(),
            version: (*version).to_owned(),
            pcrs: pcrs.iter().filter(|value| [4, 7, 11].contains(&value.pcr)).copied().collect(),
        });
        let reference = Reference { format: Reference::FORMAT.to_owned(), admitted: admitted.collect() };
        self.write("reference.json", &reference.text());
    }

    /// The challenge for an appliance's request.
    pub(super) fn challenge(&self, attester: &Attester, name: &str) -> Challenge {
        self.challenge_with(attester, name, &[])
    }

    fn challenge_with(&self, attester: &Attester, name: &str, more: &[&str]) -> Challenge {
        let (request, out) = (format!("{name}.request"), format!("{name}.challenge"));
        self.write(&request, &attester.request().text());
        let _ = fs::remove_file(self.path(&out));
        let given = ["--state", "state.json", "--name", name, "--roots", "roots.pem", "--out", &out];
        self.done(&[&["enrol", &request][..], &given, more].concat());
        Challenge::read(self.read(&out).as_bytes()).unwrap()
    }

    /// Enrols it.
    pub(super) fn enrolled(&self, attester: &Attester, name: &str) {
        self.enrolled_with(attester, name, &[]);
    }

    /// Enrols it with further words of the officer.
    pub(super) fn enrolled_with(&self, attester: &Attester, name: &str, more: &[&str]) {
        let challenge = self.challenge_with(attester, name, more);
        let answer = attester.answer(&challenge).expect("its own TPM opens the challenge");
        self.write("answer.json", &answer.text());
        let said = self.done(&["enrol", "answer.json", "--state", "state.json"]);
        assert!(said.contains(&format!("enrôlée : {name}")), "{said}");
    }

    /// A nonce for an appliance.
    pub(crate) fn nonce(&self, appliance: &str) -> Nonce {
        self.drawn(appliance, &[])
    }

    /// A nonce for an appliance as a file, with the entries that he believed last.
    pub(crate) fn question(&self, appliance: &str) -> (PathBuf, Nonce) {
        let out = self.path("question");
        let _ = fs::remove_file(&out);
        let file = out.display().to_string();
        let nonce = self.drawn(appliance, &["--out", &file]);
        (out, nonce)
    }

    /// What is on standard output alone, of a command that does what it is asked.
    fn drawn(&self, appliance: &str, more: &[&str]) -> Nonce {
        let asked = ["nonce", "--state", "state.json", "--appliance", appliance];
        let output = self.run(&[&asked[..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Nonce::parse(String::from_utf8(output.stdout).unwrap().trim_end()).unwrap()
    }

    /// Judges evidence: exit code and the JSON verdict.
    pub(super) fn judged(&self, evidence: &Evidence, more: &[&str]) -> Verdict {
        self.write("evidence.json", &evidence.text());
        self.judged_file("evidence.json", more)
    }

    pub(crate) fn judged_file(&self, file: &str, more: &[&str]) -> Verdict {
        let given = ["--state", "state.json", "--reference", "reference.json", "--roots", "roots.pem", "--json"];
        let output = self.run(&[&[file][..], &given, more].concat());
        let said = String::from_utf8([output.stdout.clone(), output.stderr].concat()).unwrap();
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
        Verdict { code: output.status.code().unwrap(), json }
    }
}

/// A verdict in JSON.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(super) code: i32,
    pub(crate) json: Value,
}

impl Verdict {
    /// Names of the checks with this status.
    pub(crate) fn with(&self, status: &str) -> Vec<&str> {
        let checks = self.json["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 16, "each check is told once");
        checks
            .iter()
            .filter(|check| check["status"] == status)
            .map(|check| check["check"].as_str().unwrap())
            .collect()
    }

    /// What a check found.
    pub(crate) fn detail(&self, name: &str) -> &str {
        let checks = self.json["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap()["detail"].as_str().unwrap()
    }

    pub(crate) fn assert_good(&self) {
        assert_eq!((self.code, self.json["verdict"].as_str()), (0, Some("good")), "{:#}", self.json);
    }

    /// Bad, for exactly these checks, with this word in what the first of them found.
    pub(crate) fn assert_fails(&self, case: &str, checks: &[&str], word: &str) {
        assert_eq!((self.code, self.json["verdict"].as_str()), (1, Some("bad")), "{case}: {:#}", self.json);
        assert_eq!(self.with("failed"), checks, "{case}: {:#}", self.json);
        assert!(self.detail(checks[0]).contains(word), "{case}: {}", self.detail(checks[0]));
        for check in self.json["checks"].as_array().unwrap().iter().filter(|check| check["status"] == "failed") {
            assert!(
                !check["meaning"].as_str().unwrap().is_empty() && !check["remedy"].as_str().unwrap().is_empty()
            );
        }
    }
}

/// A file of the officer.
pub(super) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
