//! The gate as a connector of the appliance: its own program, with nothing of the machine but what its image and its walls give it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sceau::connectors::{Around, Told, drop_in};
use serde_json::{Value, json};

use super::rig::{VARLINK, issue, local, opening, remote, with_gate};
use super::wire::{Identity, Wire};
use crate::registers::scene::{Scene, good};
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::wait::{until, watched};

/// The folder of its image that is ours.
const IMAGE: &str = "image/connectors/gate";
/// Its own folder, as the drop-in of its unit says it.
const STATE: &str = "/var/lib/sceau-connectors/gate";

/// A root file system with the program, the libraries it is linked with and our part of the image; and the process in it.
struct Connector {
    root: PathBuf,
    process: Child,
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What `image/connectors/build.sh` makes, from this machine's libraries.
fn stage(root: &Path) {
    for folder in ["usr/bin", "run/connector", "run/sceau", STATE.trim_start_matches('/')] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let ours = fs::read_to_string(source(IMAGE).join("program")).unwrap();
    let ours = program(ours.trim());
    run(Command::new("cp").arg(&ours).arg(root.join("usr/bin/connector")));
    for library in run(Command::new("ldd").arg(&ours)).split_whitespace().filter(|word| word.starts_with('/')) {
        run(Command::new("install").arg("-D").arg(library).arg(root.join(library.trim_start_matches('/'))));
    }
    run(Command::new("cp").arg("-r").arg(source(IMAGE).join("extra/.")).arg(root));
}

impl Connector {
    fn start(root: &Path) -> Connector {
        let log = fs::File::options().create(true).append(true).open(root.join("log")).unwrap();
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg(root).arg("/usr/bin/connector").env_clear().env("STATE_DIRECTORY", STATE);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Connector { root: root.to_owned(), process }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.join("log")).unwrap()
    }

    /// Where it listens, as it says itself the last time.
    fn port(&self, starts: usize) -> u16 {
        until("the connector listens", || self.log().matches("sceau-gate listens").count() == starts);
        let log = self.log();
        let port = log.rsplit("address=127.0.0.1:").next().unwrap();
        port.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    }
}

/// An assertion, once the certificate is admitted.
fn issued(port: u16, identity: &Identity) -> Value {
    let mut wire = watched(std::time::Duration::from_millis(100), std::time::Duration::from_secs(30), || {
        let mut wire = Wire::open(port, Some(identity), VARLINK).ok()?;
        wire.call("fr.sceau.Token.Status", &json!({}))?;
        Some(wire)
    })
    .expect("the certificate is admitted");
    let opened = wire.call("fr.sceau.Token.OpenSession", &opening()).unwrap();
    let session = opened["parameters"]["session"].as_str().unwrap_or_else(|| panic!("{opened}"));
    wire.call("fr.sceau.Token.Issue", &issue(session)).unwrap()
}

#[test]
fn its_image_serves_with_what_an_order_gives_and_keeps_its_key() {
    if !nix::unistd::geteuid().is_root() {
        return skip("gate: its image", "needs root to give a process another root");
    }
    let scene = Scene::of(with_gate(Plan::new("gate-connector")));
    let folder = scene.establishment.folder.clone();
    let dpi = Identity::make(&folder, "dpi");
    scene.file("applications.json", Value::from(vec![local(), remote("gate:dpi", &[&dpi])]).to_string());
    good(&scene.applications(&["import", "applications.json"], &["alice"]));
    let root = folder.join("root");
    stage(&root);
    // What systemd mounts: the socket of the order's door, the setting that the order names.
    fs::hard_link(scene.establishment.token_socket(), root.join("run/sceau/token.sock")).unwrap();
    fs::write(root.join("run/connector/gate.toml"), "listen = \"127.0.0.1:0\"\nsources = [\"127.0.0.1\"]\n")
        .unwrap();
    let connector = Connector::start(&root);
    let answer = issued(connector.port(1), &dpi);
    assert!(answer["parameters"]["assertion"].as_str().is_some_and(|text| text.contains("Assertion")), "{answer}");
    // Its key is in its own folder, and is the same when it comes back.
    let state = root.join(STATE.trim_start_matches('/'));
    let key = fs::read(state.join("gate.key")).unwrap();
    drop(connector);
    let again = Connector::start(&root);
    assert!(issued(again.port(2), &dpi)["parameters"]["assertion"].is_string());
    assert_eq!(fs::read(state.join("gate.key")).unwrap(), key);
}

/// Without its setting it says so: nothing listens by a default that nobody chose.
#[test]
fn without_its_setting_it_listens_nowhere() {
    if !nix::unistd::geteuid().is_root() {
        return skip("gate: its image without a setting", "needs root to give a process another root");
    }
    let folder = tempfile::tempdir().unwrap();
    stage(folder.path());
    let mut connector = Connector::start(folder.path());
    assert_eq!(connector.process.wait().unwrap().code(), Some(2));
    assert!(connector.log().contains("/etc/sceau/gate.toml"), "{}", connector.log());
}

/// The program finds in its image what the unit of the order shows there.
#[test]
fn its_unit_shows_its_setting_and_its_folder() {
    let digest = "ab".repeat(32);
    let row = json!({
        "name": "gate", "user": "sceau-connector-2", "image": digest, "doors": ["token", "relay", "state"], "interface": "lan1",
        "peers": ["192.0.2.0/24"], "listen": 8443, "settings": [format!("gate.toml:{digest}")], "attached": true,
    });
    let told = Told::read(json!({ "connectors": [row], "modules": [] })).unwrap();
    let [token, relay, images] =
        ["/run/sceau/token.sock", "/run/sceau-relay/relay.sock", "/var/lib/portables"].map(Path::new);
    let text = |gate| drop_in(&told.connectors[0], &Around { token, relay, images, gate });
    // What its own unit would give it, if the configuration means it.
    let unit = fs::read_to_string(source("systemd/system/sceau-gate.service")).unwrap();
    let limits = |text: &str| -> Vec<String> {
        let is_limit = |line: &&str| line.starts_with("LimitNOFILE=") || line.starts_with("MemoryMax=");
        text.lines().filter(is_limit).map(str::to_owned).collect()
    };
    assert_eq!(limits(&text(Some("sceau-connector-2"))), limits(&unit));
    assert_eq!(limits(&text(None)), <[String; 0]>::default());
    let text = text(None);
    let opened: Vec<_> = text.lines().filter(|line| line.starts_with("Bind") || line.contains("State")).collect();
    assert_eq!(
        opened,
        [
            "BindPaths=/run/sceau/token.sock:/run/sceau/token.sock".to_owned(),
            "BindPaths=/run/sceau-relay/relay.sock:/run/sceau-relay/relay.sock".to_owned(),
            "StateDirectory=sceau-connectors/gate".to_owned(),
            "StateDirectoryMode=0700".to_owned(),
            format!("BindReadOnlyPaths=/var/lib/portables/settings/{digest}:/run/connector/gate.toml"),
        ]
    );
    let link = source(IMAGE).join("extra/etc/sceau");
    assert_eq!(fs::read_link(link).unwrap(), Path::new("../run/connector"));
}
