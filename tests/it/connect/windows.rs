//! The companion as `make connect-windows` builds it, under Wine where that is: a smoke test, no proof of a Windows.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use super::toy_gate::{GateKey, ToyGate};
use crate::doorstep::DoorAlone;
use crate::support::collection::target_folder;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::skip::skip;
use crate::support::wait::until;

const NAME: &str = "connect::the_companion_for_windows_answers_under_wine";

/// A Wine of the test's own; its processes end with it.
struct Wine {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Wine {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("wine");
        command.arg(&self.program).args(arguments).env("WINEPREFIX", self.folder.path().join("prefix"));
        command.env("WINEDEBUG", "-all").env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let mut end = Command::new("wineserver");
        let _ = end.arg("--kill").env("WINEPREFIX", self.folder.path().join("prefix")).status();
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_companion_for_windows_answers_under_wine() {
    let program = target_folder().join("verify/sceau-connect.exe");
    if !program.exists() {
        return skip(NAME, "it is not built here: make connect-windows");
    }
    if Command::new("wine").arg("--version").output().is_err() {
        return skip(NAME, "no wine here");
    }
    let wine = Wine { folder: tempfile::tempdir().unwrap(), program };
    let help = wine.run(&["--help"]);
    if !help.status.success() && help.stdout.is_empty() {
        return skip(NAME, "this wine runs no 64-bit program");
    }
    assert!(String::from_utf8_lossy(&help.stdout).contains("Utilisation : sceau-connect"));
    let door = DoorAlone::open(Plan::new("connect-windows").key_type(KeyType::P256));
    let key = GateKey::make(wine.folder.path().join("gate.pem"));
    let gate = ToyGate::start(None, "127.0.0.1", 0, &key, &door.establishment.token_socket());
    let port = super::appliance::free_port();
    let config =
        format!("folder = 'state'\n[pipe]\nname = '\\\\.\\pipe\\sceau'\n[http]\naddress = \"127.0.0.1:{port}\"\n");
    std::fs::write(wine.folder.path().join("c.toml"), config).unwrap();
    std::fs::write(wine.folder.path().join("code"), key.code()).unwrap();
    let address = format!("127.0.0.1:{}", gate.port);
    let mut words =
        vec!["enrol", "--appliance", &address, "--application", "dpi", "--code", "code", "--wait", "0"];
    words.extend(["--config", "c.toml"]);
    let enrolled = wine.run(&words);
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let log = wine.folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut command = wine.command(&["run", "--config", "c.toml"]);
    command.stdout(file.try_clone().unwrap()).stderr(file);
    let _running = Running(command.spawn().unwrap());
    // The pipe and the loopback door are open; nobody without a secret is served.
    let curl = || {
        let url = format!("http://127.0.0.1:{port}/v1/status");
        let output = Command::new("curl")
            .args(["--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}", &url])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    until("the loopback door answers", || curl() == "401");
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("sceau-connect listens") && !said.contains("ERROR"), "{said}");
    until("the appliance is seen", || std::fs::read_to_string(&log).unwrap().contains("health="));
}
