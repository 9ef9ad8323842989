//! The officer at his workstation: `sceau-verify evidence`, what he brings on a stick and what he makes of the answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::scratch;
use super::stick::Stick;
use super::support::program::program;

/// The appliance's name in his files.
const NAME: &str = "pharmacie";

/// His folder.
pub(crate) struct Officer {
    folder: TempDir,
}

impl Officer {
    /// One who knows the makers of the machine's TPM.
    pub(crate) fn new(authorities: &[PathBuf]) -> Officer {
        let folder = scratch::folder();
        let known: String = authorities.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        fs::write(folder.path().join("roots.pem"), known).unwrap();
        Officer { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `sceau-verify evidence …`: exit code, what it said on standard output, and the rest.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(program("sceau-verify"));
        let output = command.arg("evidence").args(arguments).current_dir(self.folder.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, said, complaint) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}{complaint}");
        said
    }

    fn take(&self, stick: &Stick, name: &str) {
        fs::write(self.path(name), stick.files().content(&format!("sceau/answers/{name}"))).unwrap();
    }

    fn bring(&self, stick: &Stick, name: &str) {
        stick.files().put(&self.path(name), &format!("sceau/{name}"));
    }

    /// Answers the appliance's request of enrolment with a challenge for its TPM.
    pub(crate) fn challenge(&self, stick: &Stick) {
        self.take(stick, "enrolement.json");
        self.take(stick, "AUDIT.pub");
        // The ledger's key is in a token, not in the TPM: he takes it from the same hands as the request.
        let given = [
            "--key",
            "AUDIT.pub",
            "--state",
            "state.json",
            "--name",
            NAME,
            "--roots",
            "roots.pem",
            "--out",
            "defi.json",
        ];
        self.done(&[&["enrol", "enrolement.json"][..], &given].concat());
        self.bring(stick, "defi.json");
    }

    /// Takes the answer to the challenge: the TPM is the one of the certificate.
    pub(crate) fn enrolled(&self, stick: &Stick) {
        self.take(stick, "reponse.json");
        self.done(&["enrol", "reponse.json", "--state", "state.json"]);
        stick.files().remove("sceau/defi.json");
    }

    /// Brings a nonce, and how long the ledger was when he believed it last.
    pub(crate) fn nonce(&self, stick: &Stick) {
        let _ = fs::remove_file(self.path("nonce.txt"));
        self.done(&["nonce", "--state", "state.json", "--appliance", NAME, "--out", "nonce.txt"]);
        self.bring(stick, "nonce.txt");
    }

    /// Judges the evidence on the stick by published reference values: exit code and the JSON verdict.
    pub(crate) fn judges(&self, stick: &Stick, reference: &Path) -> (i32, Value) {
        self.take(stick, "preuve.json");
        let reference = reference.display().to_string();
        let given = ["--state", "state.json", "--reference", &reference, "--roots", "roots.pem", "--json"];
        let (code, said, complaint) = self.run(&[&["preuve.json"][..], &given].concat());
        let verdict = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{complaint}"));
        (code, verdict)
    }

    /// His files as they are now, for a test that goes its own way.
    pub(crate) fn twin(&self) -> Officer {
        let folder = scratch::folder();
        for entry in fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Officer { folder }
    }
}
