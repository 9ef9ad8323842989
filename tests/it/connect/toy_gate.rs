//! A gate that a test has in its hand (`gate.py`): what needs no `sceau-gate` is tried against it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use sceau::policy::invitation::{Code, SECRET_LEN, Secret};
use sceau::traces::digest::Digest;

use crate::support::wait::DEADLINE;

/// A running gate. Dropping it ends it.
pub(super) struct ToyGate {
    child: Child,
    wishes: ChildStdin,
    lines: Receiver<String>,
    pub(super) port: u16,
}

/// A gate's key with a certificate of its own.
#[derive(Clone)]
pub(super) struct GateKey {
    pub(super) pem: PathBuf,
    pub(super) spki: Vec<u8>,
}

impl GateKey {
    pub(super) fn make(file: PathBuf) -> GateKey {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["gate".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&file, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
        GateKey { pem: file, spki: key.subject_public_key_info() }
    }

    /// An invitation to it.
    pub(super) fn code(&self) -> String {
        let secret = Secret::new([7; SECRET_LEN]);
        Code { secret, gate: Digest::of(&[&self.spki]) }.text().to_string()
    }
}

impl ToyGate {
    /// Listens on that port of that address (0: any), within that network namespace if there is one.
    pub(super) fn start(namespace: Option<&str>, address: &str, port: u16, key: &GateKey, door: &Path) -> ToyGate {
        let mut command = match namespace {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, "setpriv"]);
                command
            }
            None => Command::new("setpriv"),
        };
        command.args(["--pdeathsig", "KILL", "--", "/usr/bin/python3", "-I"]);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/connect/gate.py"));
        command.args([address, &port.to_string()]).arg(&key.pem).arg(door);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (told, lines) = channel();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).all(|l| told.send(l).is_ok())
        });
        let wishes = child.stdin.take().unwrap();
        let mut gate = ToyGate { child, wishes, lines, port };
        gate.port = gate.line().parse().unwrap();
        gate
    }

    /// The next line that it says.
    pub(super) fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap()
    }

    /// What it has said since, at once.
    pub(super) fn said(&self) -> Vec<String> {
        std::iter::from_fn(|| self.lines.recv_timeout(Duration::ZERO).ok()).collect()
    }

    /// Loses the answers to the next calls of Issue.
    pub(super) fn swallow(&mut self, calls: u32) {
        writeln!(self.wishes, "swallow {calls}").unwrap();
        while self.line() != "wish" {}
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }
}

impl Drop for ToyGate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
