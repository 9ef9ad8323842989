//! What the establishment's operators order, on a stick: each order with its signatures, and the images and settings that it names.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::artefacts;
use super::site::{ADMINISTRATORS, APPLICATION, CHANNEL, INTERFACE, NAME, Site, sha256};
use super::stick::Stick;
use super::support::convention::ssh_sign;
use super::support::varlink::nonce;

/// This host, as the machine sees it.
const HOST: &str = "192.0.2.2";
/// Whom the probe may speak to.
const PEER: &str = "192.0.2.100";
/// What a signature of an order is made for.
const ORDER: &str = "sceau-order";
/// The application of another machine.
pub(super) const DPI: &str = "gate:dpi";
/// The order that invites a server of it.
pub(super) const INVITATION: &str = "7-invitation.json";

impl Site {
    /// Puts an order on a stick, signed by these.
    fn order(&self, stick: &Stick, name: &str, text: &[u8], signers: &[&str]) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        stick.files().folder("sceau/orders");
        stick.files().put(&path, &format!("sceau/orders/{name}"));
        for signer in signers {
            let signature = self.path(&format!("{name}.{signer}.sig"));
            fs::write(&signature, ssh_sign(&self.office.operator_key(signer), ORDER, &path)).unwrap();
            stick.files().put(&signature, &format!("sceau/orders/{name}.{signer}.sig"));
        }
    }

    /// The first operators sign what the appliance asked of them, and order the demonstration connector, whose image comes along.
    pub(crate) fn order_connector(&self, stick: &Stick) {
        let asked = stick.files().content("sceau/answers/operateurs.json");
        fs::write(self.path("operateurs.json"), &asked).unwrap();
        self.order(stick, "1-operateurs.json", &asked, &ADMINISTRATORS);
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
        stick.files().folder("sceau/connectors");
        stick.files().put(&images.join(format!("{name}.raw")), &format!("sceau/connectors/{name}.raw"));
        let root = fs::read_to_string(images.join(format!("{name}.roothash"))).unwrap();
        let mut arguments = json!({ "name": name, "image": root.trim(), "doors": ["token"] });
        arguments.as_object_mut().unwrap().extend(reach.as_object().unwrap().clone());
        self.orders(stick, order, "connector-attach", arguments);
    }

    /// One of them signs the order of a new key that the appliance offered.
    pub(crate) fn order_key(&self, stick: &Stick, key: &str) {
        let name = format!("cle-neuve-{key}.json");
        let offered = stick.files().content(&format!("sceau/answers/{name}"));
        self.order(stick, &name, &offered, &ADMINISTRATORS[..1]);
    }

    /// Puts an order of this verb on a stick, signed by both, in the time of the first operators' own.
    fn orders(&self, stick: &Stick, name: &str, verb: &str, arguments: Value) {
        let asked: Value = serde_json::from_slice(&fs::read(self.path("operateurs.json")).unwrap()).unwrap();
        let order = json!({
            "sceau_order": 1, "ledger": asked["ledger"], "verb": verb, "id": nonce(),
            "issued_at": asked["issued_at"], "expires_at": asked["expires_at"], "arguments": arguments,
        });
        self.order(stick, name, order.to_string().as_bytes(), &ADMINISTRATORS);
    }

    /// They order the gate behind another connector, with its setting, and let the application [`DPI`] in by that key.
    pub(crate) fn order_gate(&self, stick: &Stick, fingerprint: &str) {
        let published = artefacts::built(&format!("sceau_{}/connectors", artefacts::VERSION));
        self.attach(stick, "3-metrics.json", &published, "metrics", json!({ "doors": ["metrics"] }));
        let setting = self.path("gate.toml");
        fs::write(&setting, format!("sources = [\"{HOST}\"]\nnames = [\"{NAME}\"]\n")).unwrap();
        stick.files().folder("sceau/settings");
        stick.files().put(&setting, "sceau/settings/gate.toml");
        let gate = json!({
            "doors": ["token", "state"], "interface": INTERFACE, "peers": [HOST], "listen": "8443",
            "settings": [format!("gate.toml:{}", sha256(&setting))],
        });
        self.attach(stick, "4-portail.json", &published, "gate", gate);
        let applications = self.path("applications.json");
        fs::write(&applications, json!([entry(APPLICATION), entry(DPI)]).to_string()).unwrap();
        let import = json!({ "format": "json", "sha256": sha256(&applications) });
        self.orders(stick, "5-applications.json", "applications-import", import);
        stick.files().put(&applications, "sceau/orders/5-applications.json.document");
        let certificate = json!({ "application": DPI, "certificate": fingerprint });
        self.orders(stick, "6-certificat.json", "application-certificate", certificate);
    }

    /// They invite a further server of that application.
    pub(crate) fn order_invitation(&self, stick: &Stick) {
        self.orders(stick, INVITATION, "application-invite", json!({ "application": DPI }));
    }

    /// They confirm what it proposed.
    pub(crate) fn order_confirmation(&self, stick: &Stick, fingerprint: &str) {
        let certificate = json!({ "application": DPI, "certificate": fingerprint });
        self.orders(stick, "8-certificat.json", "application-certificate", certificate);
    }
}

/// A line of the register of applications.
fn entry(user: &str) -> Value {
    json!({
        "user": user, "lps_name": "Logiciel", "lps_version": "4.2", "lps_id": "INST-7", "homologation": "HOMOL-7",
        "homologation_expires_on": "2100-12-31", "services": ["consultation", "urgences"], "channels": ["LPS"],
        "methods": ["CPS"], "profiles": ["dmp-air"], "may_declare": true,
    })
}
