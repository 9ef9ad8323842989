//! The key ceremony: `sceau keys` over real tokens, with pkcs11-tool and openssl as outside witnesses.

mod csr;
mod flow;
mod generate;
mod guide;
mod import;
mod list;
mod pin;
mod tpm;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use crate::support::certificate::SealCertificate;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::program::program;
use crate::support::softhsm::{MODULE, Token, run};

/// What every request here says beside its structure; the same as [`SealCertificate::of`] says.
const SUBJECT: [&str; 6] = [
    "--department",
    "Rhône (69)",
    "--organisation",
    "CENTRE HOSPITALIER DE DEMONSTRATION",
    "--application",
    "SCEAU DEMONSTRATION",
];

/// An establishment with one seal `seal-a`, in front of which a person holds the ceremony.
struct Desk {
    establishment: Establishment,
    /// Seen by `sceau` instead of SoftHSM.
    module: PathBuf,
}

impl Desk {
    fn new() -> Desk {
        Desk::of(Plan::new("keys").key_type(KeyType::P256))
    }

    fn of(plan: Plan) -> Desk {
        Desk { establishment: plan.build(), module: MODULE.into() }
    }

    /// SoftHSM with the faults that files in `shim/` name.
    fn with_faults() -> Desk {
        let mut desk = Desk::new();
        std::fs::create_dir(desk.path("shim")).unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signer/shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(desk.path("shim.so")).args([source, "-ldl"]);
        run(&mut cc);
        desk.module = desk.path("shim.so");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.establishment.folder.join(name)
    }

    fn token(&self) -> &Token {
        &self.establishment.seals[0].token
    }

    fn uri(&self, object: &str) -> String {
        format!("pkcs11:token={};object={object}", self.token().label)
    }

    /// `sceau keys <step>`, in the establishment's folder, with the signers' memory of PINs.
    fn step(&self, step: &str) -> Command {
        let mut command = Command::new(program("sceau"));
        command.args(["keys", step]).current_dir(&self.establishment.folder);
        command.env("SOFTHSM2_CONF", self.establishment.store.conf());
        command.env("STATE_DIRECTORY", self.path("run/signers")).env("SHIM_FOLDER", self.path("shim"));
        command.arg("--config").arg(self.establishment.config()).stdin(Stdio::null());
        command
    }

    /// About the key `object`, described whole.
    fn described(&self, step: &str, object: &str, key_use: &str) -> Command {
        let mut command = self.step(step);
        command.arg("--module").arg(&self.module).args(["--uri", &self.uri(object)]);
        command.args(["--pin-file", "secrets/seal-a.pin", "--use", key_use]);
        command
    }

    /// About the configuration's own `seal-a`.
    fn named(&self, step: &str) -> Command {
        let mut command = self.step(step);
        command.args(["--key", "seal-a"]);
        command
    }

    /// Generates `object`.
    fn generate(&self, object: &str, kind: &str) -> Value {
        json(&done(self.described("generate", object, "seal").args(["--type", kind, "--json"])))
    }

    /// The request of `object`, PEM.
    fn request(&self, object: &str, key_use: &str) -> String {
        let mut command = self.described("csr", object, key_use);
        done(command.args(SUBJECT).args(["--structure", STRUCTURES[0]]))
    }

    /// The establishment's authority certifies what is asked; the file's name.
    fn certify(&self, name: &str, wanted: &SealCertificate, request: &str) -> PathBuf {
        let path = self.path(name);
        write(&path, &self.establishment.pki.issue(wanted, &spki(request)), 0o644);
        path
    }

    /// What pkcs11-tool lists, one text per object.
    fn objects(&self) -> Vec<String> {
        let listing = run(self.establishment.store.pkcs11_tool(self.token()).arg("--list-objects"));
        let mut objects: Vec<String> = Vec::new();
        for line in listing.lines() {
            match objects.last_mut() {
                Some(object) if line.starts_with(' ') => *object += &format!("\n{}", line.trim()),
                _ => objects.push(line.to_owned()),
            }
        }
        objects.sort();
        objects
    }

    fn fault(&self, name: &str) {
        std::fs::write(self.path("shim").join(name), "").unwrap();
    }
}

/// Exit code, standard output and standard error.
fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Standard output of what is done well.
fn done(command: &mut Command) -> String {
    let (code, out, said) = parts(&command.output().unwrap());
    assert_eq!(code, Some(0), "{command:?}: {said}");
    out
}

/// Standard error of what ends with `code` and says each of `words`.
fn refused(command: &mut Command, code: i32, words: &[&str]) -> String {
    let (actual, out, said) = parts(&command.output().unwrap());
    assert_eq!((actual, out.as_str()), (Some(code), ""), "{command:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    said
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// SubjectPublicKeyInfo of a request, DER.
fn spki(request: &str) -> Vec<u8> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(request.as_bytes()).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).unwrap();
    request.certification_request_info.subject_pki.raw.to_vec()
}

/// Subject of a request, DER.
fn subject(request: &str) -> Vec<u8> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(request.as_bytes()).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).unwrap();
    request.certification_request_info.subject.as_raw().to_vec()
}
