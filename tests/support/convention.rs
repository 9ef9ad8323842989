//! The convention of an establishment in production: a file of its own, signed by approvers with real SSH keys.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Table;

use super::establishment::{Establishment, write};
use super::varlink::{Client, Refused, nonce};

/// The file, beside `sceau.toml`.
pub const CONVENTION: &str = "convention.toml";
/// Tables of `sceau.toml` that production keeps in the convention.
const TERMS: [&str; 6] = ["convention", "structure", "service", "declaration", "exception", "guard"];
/// Operators, with their roles: the first two administrate, the other two approve.
pub const OPERATORS: [(&str, &str); 4] =
    [("anne", "administrator"), ("denis", "administrator"), ("basile", "approver"), ("elise", "approver")];

/// Takes the terms out of `sceau.toml` into a convention of their own, whose number is 1.
pub(super) fn cut(config: &mut Table) -> Table {
    let mut convention = Table::new();
    for name in TERMS {
        if let Some(terms) = config.remove(name) {
            convention.insert(name.to_owned(), terms);
        }
    }
    let head = convention.entry("convention").or_insert_with(|| Table::new().into()).as_table_mut().unwrap();
    let day = |days: i64| (OffsetDateTime::now_utc() + time::Duration::days(days)).date().to_string();
    head.insert("format".into(), 1.into());
    head.insert("number".into(), 1.into());
    head.insert("establishment".into(), "CENTRE HOSPITALIER DE DEMONSTRATION".into());
    head.insert("from".into(), day(-1).into());
    head.insert("until".into(), day(365).into());
    let file = Table::from_iter([("file".to_owned(), CONVENTION.into())]);
    config.insert("convention".into(), file.into());
    convention
}

impl Establishment {
    /// The convention's file.
    pub fn convention(&self) -> PathBuf {
        self.folder.join(CONVENTION)
    }

    /// Whether its terms are in a file of their own.
    pub fn has_convention(&self) -> bool {
        self.convention().exists()
    }

    /// An operator's private key, made when it is first asked for.
    pub fn operator_key(&self, name: &str) -> PathBuf {
        let folder = self.folder.join("operators");
        std::fs::create_dir_all(&folder).unwrap();
        let key = folder.join(name);
        if !key.exists() {
            let mut command = Command::new("ssh-keygen");
            command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&key);
            super::softhsm::run(&mut command);
        }
        key
    }

    /// `ssh-keygen -Y sign` of the convention as it stands, by that operator's key; the signature lies beside it.
    pub fn sign_convention(&self, name: &str) {
        let signature = self.folder.join(format!("{CONVENTION}.{name}.sig"));
        write(&signature, &ssh_sign(&self.operator_key(name), "sceau-convention", &self.convention()), 0o644);
    }

    /// Takes every signature away.
    pub fn unsign_convention(&self) {
        for entry in self.folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with(CONVENTION) && name.ends_with(".sig") {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// A new convention, with the next number and both approvers' signatures.
    pub fn renew_convention(&self, edit: impl FnOnce(&mut Table)) {
        self.edit_file(CONVENTION, |table| {
            let number = table["convention"]["number"].as_integer().unwrap();
            table["convention"]["number"] = (number + 1).into();
            edit(table);
        });
        self.unsign_convention();
        for name in ["basile", "elise"] {
            self.sign_convention(name);
        }
    }

    /// Registers [`OPERATORS`], if nobody is yet.
    pub fn register_operators(&self) {
        if !self.call_admin("Operators", json!({})).unwrap()["operators"].as_array().unwrap().is_empty() {
            return;
        }
        let public = |name: &str| {
            let line = std::fs::read_to_string(self.operator_key(name).with_extension("pub")).unwrap();
            line.split(' ').take(2).collect::<Vec<_>>().join(" ")
        };
        let operators =
            OPERATORS.map(|(name, role)| json!({ "name": name, "roles": [role], "key": public(name) }));
        let names = OPERATORS.map(|(name, _)| name);
        self.order("operators-bootstrap", json!({ "operators": operators }), &names).unwrap();
    }

    /// Gives an order, signed by those operators.
    pub fn order(&self, verb: &str, arguments: Value, signers: &[&str]) -> Result<Value, Refused> {
        self.order_at(0, verb, arguments, signers)
    }

    /// The same, made that many hours from now.
    pub fn order_at(&self, ahead: i64, verb: &str, arguments: Value, signers: &[&str]) -> Result<Value, Refused> {
        let at = |hours: i64| {
            (OffsetDateTime::now_utc() + time::Duration::hours(ahead + hours)).format(&Rfc3339).unwrap()
        };
        let ledger = self.call_admin("Instance", json!({})).unwrap()["ledger"].clone();
        let order = json!({
            "sceau_order": 1, "ledger": ledger, "verb": verb, "id": nonce(),
            "issued_at": at(0), "expires_at": at(1), "arguments": arguments,
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), order.to_string()).unwrap();
        let sign = |name: &&str| ssh_sign(&self.operator_key(name), "sceau-order", file.path());
        let signatures: Vec<String> = signers.iter().map(sign).collect();
        self.call_admin("Submit", json!({ "order": order.to_string(), "signatures": signatures }))
    }

    /// Calls a method of the operators' interface.
    pub fn call_admin(&self, method: &str, parameters: Value) -> Result<Value, Refused> {
        // Bound, a socket refuses until it listens.
        let connect = || Client::connect(&self.admin_socket()).ok();
        let mut client = super::wait::eventually("the operators' socket listens", connect);
        client.call(&format!("fr.sceau.Admin.{method}"), parameters)
    }

    /// Has the convention's file presented.
    pub fn take_convention(&self) -> Result<Value, Refused> {
        self.call_admin("TakeConvention", json!({}))
    }

    /// What a hospital has done before its first assertion: operators registered, the convention taken. It declares the
    /// certificates that are configured now.
    pub fn enforce_convention(&self) {
        if !self.has_convention() {
            return;
        }
        let declared = self.declared_certificates();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap().parse::<Table>().unwrap();
        let of = |table: &Table| {
            let structures = table["structure"].as_array().unwrap().iter();
            structures.map(|structure| structure["certificates"].clone()).collect::<Vec<_>>()
        };
        if of(&read(&self.convention())) != declared {
            self.renew_convention(|table| declare(table, declared));
        }
        self.register_operators();
        self.take_convention().unwrap();
    }

    /// Fingerprints of the configured certificates, for each structure of the convention.
    fn declared_certificates(&self) -> Vec<toml::Value> {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap().parse::<Table>().unwrap();
        let (config, convention) = (read(&self.config()), read(&self.convention()));
        let of = |structure: &toml::Value| {
            let seals = config.get("seal").and_then(|seals| seals.as_array()).cloned().unwrap_or_default();
            let seals = seals.into_iter().filter(|seal| seal["structure"] == structure["id"]);
            let certificate = |seal: toml::Value| {
                let path = self.folder.join(seal["certificate"].as_str().unwrap());
                Some(toml::Value::from(fingerprint(&path)?))
            };
            toml::Value::Array(seals.filter_map(certificate).collect())
        };
        convention["structure"].as_array().unwrap().iter().map(of).collect()
    }

    /// Declares what is configured and signs it, before anything runs.
    pub(super) fn lay_convention(&self) {
        let declared = self.declared_certificates();
        self.edit_file(CONVENTION, |table| declare(table, declared));
        for name in ["basile", "elise"] {
            self.sign_convention(name);
        }
    }
}

fn declare(convention: &mut Table, certificates: Vec<toml::Value>) {
    let structures = convention["structure"].as_array_mut().unwrap();
    for (structure, certificates) in structures.iter_mut().zip(certificates) {
        structure.as_table_mut().unwrap().insert("certificates".into(), certificates);
    }
}

/// SHA-256 of a PEM certificate as `openssl x509 -fingerprint` prints it; none: it is no certificate.
pub fn fingerprint(certificate: &Path) -> Option<String> {
    let mut openssl = Command::new("openssl");
    let output =
        openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.trim().split_once('=')?.1.to_owned())
}

/// `ssh-keygen -Y sign` of a file; gives the signature.
pub fn ssh_sign(key: &Path, namespace: &str, file: &Path) -> String {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(std::fs::File::open(file).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|e| panic!("ssh-keygen (openssh-client): {e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
