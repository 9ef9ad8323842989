//! The establishment whose appliance it is: what it signs and brings on a stick, and how it certifies what comes back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use toml::Table;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::artefacts;
use super::scratch;
use super::stick::Stick;
use super::support::certificate::SealCertificate;
use super::support::convention::ssh_sign;
use super::support::establishment::Establishment;
use super::support::key_kind::KeyType;
use super::support::plan::{Plan, STRUCTURES};
use super::support::softhsm::run;
use super::support::varlink::Client;

/// Name of the appliance.
pub(crate) const NAME: &str = "sceau-essai";
/// Unix user of the application, on the appliance: the first connector that is ever attached.
pub(crate) const APPLICATION: &str = "sceau-connector-1";
/// The channel between the machine and its host, as the machine names it.
pub(super) const CHANNEL: &str = "/dev/virtio-ports/fr.sceau.token";
/// The machine's network, as it names it: by its place on the bus.
pub(super) const INTERFACE: &str = "enp0s5";
/// Unix user of the gate: the third connector that is ever attached to the machine that has it.
const GATE: &str = "sceau-connector-3";
/// The machine, and the port of its gate.
pub(crate) const GATE_AT: &str = "192.0.2.10:8443";
/// Who administrates it: an order that opens a channel asks for two.
pub(super) const ADMINISTRATORS: [&str; 2] = ["anne", "denis"];
/// What a signature of a provisioning is made for.
const NAMESPACE: &str = "fr.sceau.provisioning";
/// Tables of a test establishment's `sceau.toml` that the appliance writes itself.
const OWN_TABLES: [&str; 9] =
    ["mode", "ledger", "seal", "audit", "trust", "profiles", "clock", "sockets", "registers"];

/// The establishment, and its folder.
pub(crate) struct Site {
    pub(super) office: Establishment,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn new() -> Site {
        let as_application = |table: &mut Table, key: &str, name: &str| {
            table[key].as_array_mut().unwrap()[0][name] = APPLICATION.into();
        };
        let folder = scratch::folder();
        let plan = Plan::new("site")
            .in_folder(folder.path())
            .structures(&STRUCTURES[..1])
            .key_type(KeyType::P256)
            .audit(None);
        let plan = plan.edit_config(move |config| {
            as_application(config, "exception", "application");
            let devices = toml::Value::Array(vec![CHANNEL.into()]);
            let interfaces = toml::Value::Array(vec![INTERFACE.into()]);
            let allowed = [("devices".to_owned(), devices), ("interfaces".to_owned(), interfaces)];
            config.insert("connectors".into(), Table::from_iter(allowed).into());
            config.insert("gate".into(), Table::from_iter([("user".to_owned(), GATE.into())]).into());
        });
        let office = plan.edit_applications(move |table| as_application(table, "application", "user")).build();
        Site { office, _folder: folder }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.office.folder.join(name)
    }

    /// What no console generates: conventions of a test, services, limits.
    fn complement(&self) -> String {
        let mut table: Table = fs::read_to_string(self.office.config()).unwrap().parse().unwrap();
        table.retain(|name, _| !OWN_TABLES.contains(&name));
        toml::to_string(&table).unwrap()
    }

    /// Names of the files that it brings, and where they are here.
    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let complement = self.path("complement.toml");
        fs::write(&complement, self.complement()).unwrap();
        vec![
            ("racine.pem", self.path("pki/ca.pem")),
            ("intermediaire.pem", self.path("pki/intermediate.pem")),
            ("applications.toml", self.path("applications.toml")),
            ("practitioners.toml", self.path("practitioners.toml")),
            ("complement.toml", complement),
        ]
    }

    /// `provisioning.toml`.
    pub(crate) fn provisioning(&self) -> String {
        let mut text = format!(
            r#"format = 1
until = "2099-12-31"

[appliance]
name = "{NAME}"
mode = "test"
complement = "complement.toml"

[network]
interface = "en*"
address = "192.0.2.10/24"

[time]
sources = []

[token]
module = "softhsm"

[establishment]
organisation = "CENTRE HOSPITALIER DE DEMONSTRATION"
department = "Rhône (69)"
application = "SCEAU DEMONSTRATION"
origin = "ch-exemple.fr/sceau"
structures = ["{}"]

[keys]
type = "p-256"

[trust]
anchors = ["racine.pem"]
intermediates = ["intermediaire.pem"]
"#,
            STRUCTURES[0]
        );
        for (name, path) in self.files() {
            let digest = sha256(&path);
            text.push_str(&format!("\n[[file]]\nname = \"{name}\"\nsha256 = \"{digest}\"\n"));
        }
        for name in ADMINISTRATORS {
            let key = fs::read_to_string(self.office.operator_key(name).with_extension("pub")).unwrap();
            text.push_str(&format!(
                "\n[[operator]]\nname = \"{name}\"\nroles = [\"administrator\"]\nkey = \"{}\"\n",
                key.trim()
            ));
        }
        text
    }

    /// An application of the host's, behind that channel.
    pub(crate) fn application(&self, channel: &Path) -> Client {
        Client::through(&self.office, channel)
    }

    /// Whether xmlsec1, with this establishment's certificates, takes that assertion.
    pub(crate) fn is_sealed(&self, assertion: &str) -> bool {
        let vihf = self.path("vihf.xml");
        fs::write(&vihf, assertion).unwrap();
        let mut verify = Command::new("xmlsec1");
        verify.arg("--verify").arg("--trusted-pem").arg(self.path("pki/ca.pem"));
        verify.arg("--untrusted-pem").arg(self.path("pki/intermediate.pem"));
        verify.arg("--id-attr:ID").arg("urn:oasis:names:tc:SAML:2.0:assertion:Assertion").arg(&vihf);
        verify.output().unwrap().status.success()
    }

    /// Puts a provisioning on a stick, signed by that key.
    pub(crate) fn bring(&self, stick: &Stick, text: &str, key: &Path) {
        let (files, at) = (stick.files(), self.path("provisioning.toml"));
        for folder in ["sceau", "sceau/files"] {
            files.folder(folder);
        }
        fs::write(&at, text).unwrap();
        files.put(&at, "sceau/provisioning.toml");
        let signature = self.path("provisioning.toml.sig");
        fs::write(&signature, ssh_sign(key, NAMESPACE, &at)).unwrap();
        files.put(&signature, "sceau/provisioning.toml.sig");
        for (name, path) in self.files() {
            files.put(&path, &format!("sceau/files/{name}"));
        }
    }

    /// Puts its right provisioning on a stick, signed by whom the image names.
    pub(crate) fn provision(&self, stick: &Stick) {
        // ssh-keygen takes no key that others may read; the build's keys are root's alone.
        self.bring(stick, &self.provisioning(), &artefacts::key("provisioning"));
    }

    /// Certifies the request of that key which the appliance left on the stick, and puts the certificate there; PEM.
    pub(crate) fn certify(&self, stick: &Stick, key: &str) -> String {
        let request = stick.files().content(&format!("sceau/answers/{key}.csr"));
        let (_, pem) = x509_parser::pem::parse_x509_pem(&request).unwrap();
        let (_, request) = X509CertificationRequest::from_der(&pem.contents).unwrap();
        let public = request.certification_request_info.subject_pki.raw;
        let (name, certificate) =
            (format!("{key}.pem"), self.office.pki.issue(&SealCertificate::of(STRUCTURES[0]), public));
        fs::write(self.path(&name), &certificate).unwrap();
        stick.files().folder("sceau/certificates");
        stick.files().put(&self.path(&name), &format!("sceau/certificates/{name}"));
        certificate
    }
}

/// Its digest, as `sha256sum` says it.
pub(super) fn sha256(path: &Path) -> String {
    run(Command::new("sha256sum").arg(path)).split(' ').next().unwrap().to_owned()
}
