//! The establishment whose appliance it is: what it signs and brings on a stick, and how it certifies what comes back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
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
use super::support::varlink::{Client, nonce};

/// Name of the appliance.
pub(crate) const NAME: &str = "sceau-essai";
/// Unix user of the application, on the appliance: the first connector that is ever attached.
pub(crate) const APPLICATION: &str = "sceau-connector-1";
/// The channel between the machine and its host, as the machine names it.
const CHANNEL: &str = "/dev/virtio-ports/fr.sceau.token";
/// The machine's network, as it names it: by its place on the bus.
const INTERFACE: &str = "enp0s5";
/// Whom the probe may speak to.
const PEER: &str = "192.0.2.100";
/// Who administrates it: an order that opens a channel asks for two.
const ADMINISTRATORS: [&str; 2] = ["anne", "denis"];
/// What a signature of an order is made for.
const ORDER: &str = "sceau-order";
/// What a signature of a provisioning is made for.
const NAMESPACE: &str = "fr.sceau.provisioning";
/// Tables of a test establishment's `sceau.toml` that the appliance writes itself.
const OWN_TABLES: [&str; 9] =
    ["mode", "ledger", "seal", "audit", "trust", "profiles", "clock", "sockets", "registers"];

/// The establishment, and its folder.
pub(crate) struct Site {
    office: Establishment,
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
        });
        let office = plan.edit_applications(move |table| as_application(table, "application", "user")).build();
        Site { office, _folder: folder }
    }

    fn path(&self, name: &str) -> PathBuf {
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
            let said = run(Command::new("sha256sum").arg(path));
            let digest = said.split(' ').next().unwrap();
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

    /// Puts an order on a stick, signed by both.
    fn order(&self, stick: &Stick, name: &str, text: &[u8]) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        stick.files().folder("sceau/orders");
        stick.files().put(&path, &format!("sceau/orders/{name}"));
        for signer in ADMINISTRATORS {
            let signature = self.path(&format!("{name}.{signer}.sig"));
            fs::write(&signature, ssh_sign(&self.office.operator_key(signer), ORDER, &path)).unwrap();
            stick.files().put(&signature, &format!("sceau/orders/{name}.{signer}.sig"));
        }
    }

    /// The first operators sign what the appliance asked of them, and order the demonstration connector, whose image comes along.
    pub(crate) fn order_connector(&self, stick: &Stick) {
        let asked = stick.files().content("sceau/answers/operateurs.json");
        fs::write(self.path("operateurs.json"), &asked).unwrap();
        self.order(stick, "1-operateurs.json", &asked);
        let published = artefacts::built(&format!("sceau_{}/connectors", artefacts::VERSION));
        self.attach(stick, "2-connecteur.json", &published, "demo", json!({ "device": CHANNEL }));
    }

    /// They order the tests' own connector, which tries the walls it is put behind.
    pub(crate) fn order_probe(&self, stick: &Stick) {
        let reach = json!({ "interface": INTERFACE, "peers": [PEER] });
        self.attach(stick, "3-sonde.json", &artefacts::built("attached/probes"), "probe", reach);
    }

    /// Puts a connector's image on a stick, and the order that attaches it with this reach.
    fn attach(&self, stick: &Stick, order: &str, images: &Path, name: &str, reach: Value) {
        let asked: Value = serde_json::from_slice(&fs::read(self.path("operateurs.json")).unwrap()).unwrap();
        stick.files().folder("sceau/connectors");
        stick.files().put(&images.join(format!("{name}.raw")), &format!("sceau/connectors/{name}.raw"));
        let root = fs::read_to_string(images.join(format!("{name}.roothash"))).unwrap();
        let mut arguments = json!({ "name": name, "image": root.trim(), "doors": ["token"] });
        arguments.as_object_mut().unwrap().extend(reach.as_object().unwrap().clone());
        let attach = json!({
            "sceau_order": 1, "ledger": asked["ledger"], "verb": "connector-attach", "id": nonce(),
            "issued_at": asked["issued_at"], "expires_at": asked["expires_at"], "arguments": arguments,
        });
        self.order(stick, order, attach.to_string().as_bytes());
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

    /// Certifies the request that the appliance left on the stick, and puts the certificate there.
    pub(crate) fn certify(&self, stick: &Stick) {
        let request = stick.files().content("sceau/answers/seal.csr");
        let (_, pem) = x509_parser::pem::parse_x509_pem(&request).unwrap();
        let (_, request) = X509CertificationRequest::from_der(&pem.contents).unwrap();
        let public = request.certification_request_info.subject_pki.raw;
        let certificate = self.path("seal.pem");
        fs::write(&certificate, self.office.pki.issue(&SealCertificate::of(STRUCTURES[0]), public)).unwrap();
        stick.files().folder("sceau/certificates");
        stick.files().put(&certificate, "sceau/certificates/seal.pem");
    }
}
