//! The companion of a test: its folder, its configuration, the program.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::program::program;
use super::varlink::Client;
use super::wait::{eventually, until};

/// An application server: what a companion has on disk, and where its doors are.
pub struct Server {
    pub folder: TempDir,
    namespace: Option<String>,
    pub port: u16,
}

/// A running companion. Dropping it ends it.
pub struct Companion {
    child: Child,
    log: PathBuf,
    pub socket: PathBuf,
}

impl Server {
    /// A server whose doors are for the user of this test; HTTP without a secret for him too.
    pub fn new(namespace: Option<&str>) -> Server {
        let user = super::establishment::user_name();
        Server::with(namespace, &format!("users = [{user:?}]\n"))
    }

    /// The same with these lines in `[http]`.
    pub fn with(namespace: Option<&str>, http: &str) -> Server {
        let folder = tempfile::Builder::new().prefix("sceau-connect-").tempdir().unwrap();
        // A socket that systemd hands over has a port already; a companion without one is told: a free one of this moment.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Server { folder, namespace: namespace.map(str::to_owned), port };
        server.configure(&format!(
            "folder = \"state\"\n[socket]\npath = \"token.sock\"\n[http]\naddress = \"127.0.0.1:{port}\"\n{http}"
        ));
        server
    }

    pub fn configure(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("sceau-connect.toml")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A command within this server.
    pub fn command(&self, executable: &Path) -> Command {
        let mut command = match &self.namespace {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, "setpriv"]);
                command
            }
            None => Command::new("setpriv"),
        };
        command.args(["--pdeathsig", "KILL", "--"]).arg(executable);
        for foreign in ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "JOURNAL_STREAM"] {
            command.env_remove(foreign);
        }
        command
    }

    /// One of the companion's verbs, with that on its standard input.
    pub fn verb(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(&program("sceau-connect"));
        command.args(arguments).arg("--config").arg(self.config());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// `enrol` without waiting for the confirmation.
    pub fn enrol(&self, address: &str, application: &str, code: &str) -> Output {
        let words = ["enrol", "--appliance", address, "--application", application, "--code", "-", "--wait", "0"];
        self.verb(&words, code)
    }

    /// The same, which must be taken.
    pub fn enrolled(&self, address: &str, application: &str, code: &str) {
        let output = self.enrol(address, application, code);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts the companion; returns once its socket is answered.
    pub fn start(&self) -> Companion {
        let log = self.folder.path().join("companion.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command(&program("sceau-connect"));
        command.args(["run", "--config"]).arg(self.config()).env("SCEAU_LOG", "debug");
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).process_group(0);
        let companion =
            Companion { child: command.spawn().unwrap(), log, socket: self.folder.path().join("token.sock") };
        until("the companion listens", || Client::connect(&companion.socket).is_ok());
        companion
    }

    /// Starts it and waits until an appliance answers through it.
    pub fn serving(&self) -> Companion {
        let companion = self.start();
        eventually("an appliance answers", || {
            companion.client().call("fr.sceau.Token.Status", serde_json::json!({})).ok()
        });
        companion
    }
}

impl Companion {
    pub fn client(&self) -> Client {
        Client::connect(&self.socket).unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGTERM; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- sceau-connect ----\n{}", self.log());
        }
    }
}
