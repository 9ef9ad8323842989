//! Somebody else's VIHF: written by hand with other prefixes, sealed by xmlsec1, so that nothing of our forge is in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use rustls_pki_types::pem::PemObject as _;
use sceau::vihf::instant::Instant;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::certificate::SealCertificate;
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::program::program;

/// The structure of the token and of its certificate.
pub(super) const STRUCTURE: &str = "1690781810";
const TEMPLATE: &str = include_str!("foreign.xml");

/// A PKI, keys in files, and a folder for documents; one for all tests of this process.
pub(super) struct Workshop {
    folder: TempDir,
    pki: Pki,
    /// Instant of issue of every token.
    pub(super) issued: Instant,
}

pub(super) static WORKSHOP: LazyLock<Workshop> = LazyLock::new(|| Workshop::open(CaNames::Production));

impl Workshop {
    pub(super) fn open(names: CaNames) -> Workshop {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::generate(names, CaKeys::P256);
        std::fs::write(folder.path().join("ca.pem"), pki.root_pem() + &pki.intermediate_pem()).unwrap();
        for (name, bits) in [("rsa-2048", "2048"), ("rsa-1024", "1024")] {
            let key = folder.path().join(name);
            run(Command::new("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg(bits));
        }
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        Workshop { folder, pki, issued: Instant::from_ms(now * 1000 - 5_000) }
    }

    pub(super) fn trust(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The unsigned token.
    pub(super) fn template(&self) -> String {
        TEMPLATE
            .replace("{issued}", &self.issued.to_string())
            .replace("{end}", &self.issued.plus_ms(30_000).to_string())
            .replace("{login}", &self.issued.minus_ms(60_000).to_string())
            .trim_end()
            .to_owned()
    }

    /// Seals a token with the key of that name and a certificate for it.
    pub(super) fn seal(&self, token: &str, certificate: &SealCertificate, key: &str) -> String {
        let key = self.folder.path().join(key);
        let public = run(Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&key));
        let spki = rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(&public).unwrap();
        let work = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (pem, file) = (work.path().join("seal.pem"), work.path().join("token.xml"));
        std::fs::write(&pem, self.pki.issue(certificate, &spki)).unwrap();
        std::fs::write(&file, token).unwrap();
        let mut command = Command::new("xmlsec1");
        command.arg("--sign").arg("--privkey-pem").arg(format!("{},{}", key.display(), pem.display()));
        command.args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]).arg(&file);
        let sealed = String::from_utf8(run(&mut command)).unwrap();
        // The tool writes a declaration; it is no part of a token.
        sealed.split_once("?>").map_or(sealed.clone(), |(_, rest)| rest.trim().to_owned())
    }

    /// A right token.
    pub(super) fn sealed(&self) -> String {
        self.seal(&self.template(), &SealCertificate::of(STRUCTURE), "rsa-2048")
    }

    /// The findings of a document, and the verdict.
    pub(super) fn judge(&self, document: &str, arguments: &[&str]) -> Judged {
        let trust = self.trust();
        self.judge_bytes(document.as_bytes(), &[&["--trust", trust.to_str().unwrap()], arguments].concat())
    }

    /// The same with the given arguments alone.
    pub(super) fn judge_bytes(&self, document: &[u8], arguments: &[&str]) -> Judged {
        let file = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
        std::fs::write(file.path(), document).unwrap();
        let output = Command::new(program("sceau-verify"))
            .arg("vihf")
            .arg(file.path())
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?} {stderr}", output.status);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        Judged { report, code: output.status.code().unwrap() }
    }
}

/// What the program said.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) report: Value,
    pub(super) code: i32,
}

impl Judged {
    /// Names of the broken rules, each once.
    pub(super) fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<_> =
            self.report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    pub(super) fn verdict(&self) -> &str {
        self.report["verdict"].as_str().unwrap()
    }
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
