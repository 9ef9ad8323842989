//! An appliance with its real gate, operators who invite and confirm, and servers that are introduced to it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::registers::scene::{self, Scene, good};
use crate::support::companion::Server;
use crate::support::configuration::table;
use crate::support::establishment::user_name;
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::wait::{eventually, until};

/// Its application of other machines.
pub(crate) const APPLICATION: &str = "dpi";

/// Adds `[gate]` of our own user.
pub(crate) fn admit_gate(config: &mut toml::Table) {
    config.insert("gate".into(), table([("user", "".into())]).into());
}

/// Everything that runs. Programs are dropped before their folder.
pub(crate) struct Appliance {
    gate: Option<Child>,
    pub(crate) scene: Scene,
    namespace: Option<String>,
    pub(super) address: String,
}

impl Appliance {
    /// Laid out after `plan`, its gate at `HOST:PORT` within that network namespace.
    pub(super) fn start(plan: Plan, namespace: Option<&str>, address: &str, sources: &str) -> Appliance {
        Appliance::over(Scene::of(plan.edit_config(admit_gate)), namespace, address, sources)
    }

    /// The same over what runs already.
    pub(crate) fn over(scene: Scene, namespace: Option<&str>, address: &str, sources: &str) -> Appliance {
        let entry = |user: &str| {
            json!({
                "user": user, "lps_name": "Logiciel", "lps_version": "4.2", "lps_id": "INST-7", "homologation": "HOMOL-7",
                "homologation_expires_on": "2100-12-31", "services": ["consultation", "urgences"], "channels": ["LPS"],
                "methods": ["CPS"], "profiles": ["dmp-air"], "may_declare": true,
            })
        };
        let applications = [entry(&user_name()), entry(&format!("gate:{APPLICATION}"))];
        scene.file("applications.json", Value::from(applications.to_vec()).to_string());
        good(&scene.applications(&["import", "applications.json"], &["alice"]));
        let folder = scene.establishment.folder.clone();
        let mut config = table([
            ("listen", address.into()),
            ("sources", vec![sources].into()),
            ("key", "gate.key".into()),
            ("certificate", "gate.pem".into()),
            ("token", "run/token.sock".into()),
        ]);
        if std::fs::read_to_string(scene.establishment.config()).unwrap().contains("relay.sock") {
            config.insert("relay".into(), "run/relay.sock".into());
        }
        std::fs::write(folder.join("gate.toml"), toml::to_string(&config).unwrap()).unwrap();
        let mut appliance =
            Appliance { gate: None, scene, namespace: namespace.map(str::to_owned), address: address.to_owned() };
        appliance.open();
        appliance
    }

    fn log(&self) -> PathBuf {
        self.scene.establishment.folder.join("log/gate.log")
    }

    /// Starts its gate.
    pub(super) fn open(&mut self) {
        let mut command = match &self.namespace {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, "setpriv"]);
                command
            }
            None => Command::new("setpriv"),
        };
        let folder = &self.scene.establishment.folder;
        let output = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        command.args(["--pdeathsig", "KILL", "--"]).arg(program("sceau-gate"));
        command.arg("--config").arg(folder.join("gate.toml")).env_remove("NOTIFY_SOCKET");
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let log = self.log();
        let told = || std::fs::read_to_string(&log).unwrap_or_default().matches("whom to admit").count();
        let before = told();
        self.gate = Some(command.spawn().unwrap());
        // Before it has announced itself to sceaud, nobody can be invited to it.
        until("the gate has announced itself", || told() > before);
    }

    /// Kills its gate.
    pub(super) fn close(&mut self) {
        if let Some(mut gate) = self.gate.take() {
            let _ = gate.kill();
            let _ = gate.wait();
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.gate.as_ref().unwrap().id() as i32), signal).unwrap();
    }

    /// An invitation's code: alice's order.
    pub(super) fn invite(&self) -> String {
        let application = format!("gate:{APPLICATION}");
        let output = self.scene.applications(&["invite", "--application", &application, "--json"], &["alice"]);
        good(&output);
        scene::json(&output)["done"]["code"].as_str().unwrap().to_owned()
    }

    /// Invites that server, has it propose its certificate, compares the short codes, confirms.
    pub(crate) fn introduce(&self, server: &Server) {
        let code = self.invite();
        // The gate learns of the invitation within two seconds, and refuses everybody without a certificate until then.
        let proposed = eventually("the proposal is taken", || {
            let output = server.enrol(&self.address, APPLICATION, &code);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success().then_some(said)
        });
        let enrolments = scene::json(&self.scene.applications(&["enrolments", "--json"], &[]));
        let row = &enrolments["enrolments"][0];
        let (short, certificate) = (row["short"].as_str().unwrap(), row["certificate"].as_str().unwrap());
        assert!(proposed.contains(short) && proposed.contains(certificate), "{row}: {proposed}");
        let application = format!("gate:{APPLICATION}");
        let confirm = ["certificate", "--application", &application, "--certificate", certificate];
        good(&self.scene.applications(&confirm, &["alice"]));
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.close();
        if std::thread::panicking() {
            eprintln!(
                "---- sceau-gate {} ----\n{}",
                self.address,
                std::fs::read_to_string(self.log()).unwrap_or_default()
            );
        }
    }
}

/// A free port of this machine.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
