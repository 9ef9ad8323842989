//! An appliance with operators, a gate, and applications of other machines in its ledger's register.

use std::process::{Command, Output};

use serde_json::{Value, json};
use toml::Table;

use super::wire::{Identity, Wire};
use crate::registers::scene::{Scene, good};
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::plan::Plan;
use crate::support::practitioners::Practitioner;
use crate::support::varlink::{Client, login, nonce};
use crate::support::wait::until;

/// Patients of the tests.
pub(crate) const PATIENT: &str = crate::support::practitioners::PATIENTS[0];
/// What a companion speaks.
pub(crate) const VARLINK: &str = "sceau-varlink/1";
/// What everybody speaks.
pub(crate) const HTTP: &str = "http/1.1";

/// Everything that runs. Programs are dropped before their folder.
pub(crate) struct Rig {
    pub(crate) gate: Daemon,
    pub(crate) scene: Scene,
    pub(crate) port: u16,
    /// `gate:dpi`, whose certificate this is.
    pub(crate) dpi: Identity,
    /// `gate:labo`.
    pub(crate) labo: Identity,
}

/// Adds `[gate]` of our own user.
pub(crate) fn with_gate(plan: Plan) -> Plan {
    plan.edit_config(|config| drop(config.insert("gate".into(), table([("user", "".into())]).into())))
}

impl Rig {
    pub(crate) fn open(name: &str) -> Rig {
        Rig::of(with_gate(Plan::new(name)), |_| {})
    }

    /// The same of another plan and with another `gate.toml`.
    pub(crate) fn of(plan: Plan, edit: impl FnOnce(&mut Table)) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let labo = Identity::make(folder.path(), "labo");
        let rig = Rig::with_labo(plan, labo, edit);
        rig.wait_admitted(&rig.dpi);
        rig
    }

    /// The same with another certificate of `gate:labo`.
    pub(crate) fn with_labo(plan: Plan, labo: Identity, edit: impl FnOnce(&mut Table)) -> Rig {
        let scene = Scene::of(plan);
        let folder = scene.establishment.folder.clone();
        let dpi = Identity::make(&folder, "dpi");
        let labo = labo.moved(&folder);
        let applications = [local(), remote("gate:dpi", &[&dpi]), remote("gate:labo", &[&labo])];
        scene.file("applications.json", Value::from(applications.to_vec()).to_string());
        good(&scene.applications(&["import", "applications.json"], &["alice"]));
        let gate = start_gate(&scene.establishment, edit);
        let port = port_of(&gate);
        let rig = Rig { gate, scene, port, dpi, labo };
        rig.wait_admitted(&rig.labo);
        rig
    }

    /// Waits until the gate lets that certificate in.
    pub(crate) fn wait_admitted(&self, identity: &Identity) {
        until("the certificate is admitted", || {
            let status = json!({});
            let wire = Wire::open(self.port, Some(identity), VARLINK).ok();
            wire.and_then(|mut wire| wire.call("fr.sceau.Token.Status", &status)).is_some()
        });
    }

    pub(crate) fn varlink(&self, identity: &Identity) -> Wire {
        Wire::open(self.port, Some(identity), VARLINK).unwrap()
    }

    pub(crate) fn http(&self, identity: &Identity) -> Wire {
        Wire::open(self.port, Some(identity), HTTP).unwrap()
    }

    /// curl, which knows the gate by its key.
    pub(crate) fn curl(
        &self,
        identity: Option<&Identity>,
        arguments: &[&str],
        path: &str,
        body: Option<&str>,
    ) -> Output {
        let folder = &self.scene.establishment.folder;
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--insecure",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_code}",
        ]);
        command.args(arguments);
        if let Some(identity) = identity {
            command.arg("--cert").arg(&identity.certificate).arg("--key").arg(&identity.key);
        }
        if let Some(body) = body {
            std::fs::write(folder.join("body.json"), body).unwrap();
            command.args(["--header", "Content-Type: application/json", "--data-binary", "@body.json"]);
        }
        command.arg(format!("https://127.0.0.1:{}{path}", self.port)).current_dir(folder);
        command.output().unwrap()
    }

    /// What sceaud has heard: entries of its ledger, and refusals in its log.
    pub(crate) fn heard(&self) -> (u64, usize) {
        let entries = Client::of(&self.scene.establishment).status()["entries"].as_u64().unwrap();
        (entries, self.scene.daemons.sceaud.log().matches("request refused").count())
    }
}

/// Status and JSON of what curl says.
pub(crate) fn told(output: &Output) -> (u16, Value) {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl: {error}");
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

/// Writes `gate.toml` and starts the gate.
pub(crate) fn start_gate(establishment: &Establishment, edit: impl FnOnce(&mut Table)) -> Daemon {
    let mut config = table([
        ("listen", "127.0.0.1:0".into()),
        ("sources", vec!["127.0.0.1", "127.0.0.2"].into()),
        ("key", "gate.key".into()),
        ("certificate", "gate.pem".into()),
        ("token", establishment.token_socket().display().to_string().into()),
    ]);
    edit(&mut config);
    std::fs::write(establishment.folder.join("gate.toml"), toml::to_string(&config).unwrap()).unwrap();
    let gate = Daemon::start(establishment, "sceau-gate", "sceau-gate", &[], &[]);
    gate.wait_ready(1);
    gate
}

/// Where it listens, as it says itself.
pub(crate) fn port_of(gate: &Daemon) -> u16 {
    let log = gate.log();
    let address = log.split("address=127.0.0.1:").nth(1).unwrap();
    address.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

fn entry(user: &str) -> Value {
    json!({
        "user": user, "lps_name": "Logiciel", "lps_version": "4.2", "lps_id": "INST-7", "homologation": "HOMOL-7",
        "homologation_expires_on": "2100-12-31", "services": ["consultation", "urgences"], "channels": ["LPS"],
        "methods": ["CPS"], "profiles": ["dmp-air"], "may_declare": true,
    })
}

/// The application of our own Unix user.
pub(crate) fn local() -> Value {
    entry(&crate::support::establishment::user_name())
}

/// One of another machine.
pub(crate) fn remote(user: &str, identities: &[&Identity]) -> Value {
    let mut entry = entry(user);
    let known: Vec<_> = identities.iter().map(|identity| identity.fingerprint.to_string()).collect();
    entry["certificates"] = known.into();
    entry
}

/// Parameters of `OpenSession` of a login a minute ago.
pub(crate) fn opening() -> Value {
    let mut opening = login(&Practitioner::physician().id, "CPS", "consultation");
    opening["profile"] = "dmp-air".into();
    opening
}

/// Parameters of `Issue` of a consultation.
pub(crate) fn issue(session: &str) -> Value {
    json!({
        "session": session, "nonce": nonce(), "transaction": "3.1", "purpose": "normal", "patient": { "ins": PATIENT },
    })
}
