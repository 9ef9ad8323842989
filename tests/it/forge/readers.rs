//! Readers that we did not write: libxml2 (xmllint, lxml), xmlsec1, and Python's own parser on expat.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::expected::Element;
use crate::support::softhsm::run;

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn quiet(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()))
}

/// Every file is its own exclusive canonical form: by lxml for the folders as a whole, PrefixList included, and by the
/// `xmllint` command for each file without one, which it cannot express.
pub(super) fn assert_canonical(folders: &[PathBuf], files: &[&Path]) {
    let python = run(Command::new("sh").arg(source("tests/verifiers/venv.sh")));
    let mut lxml = Command::new(python.trim());
    let output = quiet(lxml.arg(source("tests/verifiers/verify_canonical.py")).args(folders));
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("presented={0} verified={0}", files.len());
    assert_eq!(said.trim(), all, "{}", String::from_utf8_lossy(&output.stderr));
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        if text.contains("PrefixList=") {
            continue;
        }
        let output = quiet(Command::new("xmllint").args(["--nonet", "--exc-c14n"]).arg(file));
        assert!(output.status.success() && output.stdout == text.as_bytes(), "not canonical: {text}");
    }
}

/// xmlsec1 verifies every file under the folder's root and intermediate: count in, count verified.
pub(crate) fn assert_verified(folder: &Path, files: &[&Path]) {
    let mut xmlsec1 = Command::new("xmlsec1");
    xmlsec1.arg("--verify").arg("--trusted-pem").arg(folder.join("ca.pem"));
    xmlsec1.arg("--untrusted-pem").arg(folder.join("intermediate.pem"));
    xmlsec1.args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]);
    let output = quiet(xmlsec1.args(files));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let verified = said.lines().filter(|line| matches!(*line, "OK" | "Verification status: OK")).count();
    assert!(output.status.success() && verified == files.len(), "{verified} of {}: {said}", files.len());
}

/// The elements of each file, in document order.
pub(super) fn read_back(files: &[&Path]) -> Vec<Vec<Element>> {
    let answer = run(Command::new("python3").arg(source("tests/it/forge/read_back.py")).args(files));
    answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
