//! A software TPM with a manufacturer's certificate, and a resource manager for those who need more than three objects.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::establishment::write;
use super::softhsm::run;
use super::tpm_maker::{authorities, manufacture};
use super::wait::until;

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=BUS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// A software TPM; it ends with this value, and its memory with it.
pub struct Swtpm {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Swtpm {
    /// The programs that it needs; those that are not installed.
    pub fn missing(programs: &[&'static str]) -> Vec<&'static str> {
        let folders = ["/usr/bin", "/usr/sbin"];
        let is_there = |name: &str| folders.iter().any(|folder| Path::new(folder).join(name).exists());
        programs.iter().copied().filter(|name| !is_there(name)).collect()
    }

    /// A TPM that nobody has manufactured: no EK certificate.
    pub fn bare() -> Swtpm {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        Swtpm { folder, port: 0, child: None }.started()
    }

    /// A TPM with an EK certificate of a CA of its own (`ca/`), SHA-256 bank alone.
    pub fn manufactured() -> Swtpm {
        let folder = tempfile::tempdir().unwrap();
        manufacture(folder.path(), &["--create-ek-cert"]);
        Swtpm { folder, port: 0, child: None }.started()
    }

    /// Certificates of the CA: the root and the intermediate that signs EKs.
    pub fn authorities(&self) -> [PathBuf; 2] {
        authorities(self.folder.path())
    }

    fn started(mut self) -> Swtpm {
        self.start();
        self
    }

    /// Starts it on the same ports as before, on a pair that is free the first time; the second one is its control channel.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let state = format!("dir={}", self.path("state").display());
        let lock = self.path("state/.lock");
        for _ in 0..20 {
            let _ = std::fs::remove_file(&lock);
            let port = match self.port {
                0 => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
                port => port,
            };
            let channel = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
            let (server, control) = (channel(port), channel(port.saturating_add(1)));
            let arguments = ["socket", "--tpm2", "--tpmstate", &state, "--server", &server, "--ctrl", &control];
            let mut child = spawn(
                Command::new("setpriv"),
                "swtpm",
                &[&arguments[..], &["--flags", "not-need-init,startup-clear"]].concat(),
            );
            // Its state's lock is there once it has both ports; else it has ended.
            let mut ended = false;
            until("swtpm listens or ends", || {
                ended = child.try_wait().unwrap().is_some();
                ended || lock.exists()
            });
            if !ended {
                (self.port, self.child) = (port, Some(child));
                return;
            }
        }
        panic!("no pair of free ports");
    }

    /// Where programs find it.
    pub fn tcti(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }

    /// Power off, in good order: TPM2_Shutdown before the power goes.
    pub fn shut_down(&mut self) {
        run(&mut self.tool("tpm2_shutdown", &["-c"]));
        self.cut();
    }

    /// Power cut.
    pub fn cut(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// A command of tpm2-tools on it.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(name);
        command.args(arguments).env("TPM2TOOLS_TCTI", self.tcti()).env("TSS2_LOG", "all+none");
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Extends a PCR of the SHA-256 bank by one digest.
    pub fn extend(&self, pcr: u8, digit: char) {
        let digest: String = std::iter::repeat_n(digit, 64).collect();
        run(&mut self.tool("tpm2_pcrextend", &[&format!("{pcr}:sha256={digest}")]));
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether somebody listens on its port.
    pub fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        self.cut();
    }
}

/// tpm2-abrmd over a software TPM, on a bus of its own.
pub struct ResourceManager {
    /// What it manages.
    pub tpm: Swtpm,
    children: Vec<Child>,
}

impl ResourceManager {
    /// Starts it; returns once it has its TPM.
    pub fn over(tpm: Swtpm) -> ResourceManager {
        write(&tpm.path("bus.conf"), &BUS.replace("BUS", tpm.path("bus").to_str().unwrap()), 0o644);
        let bus = format!("--config-file={}", tpm.path("bus.conf").display());
        let mut manager = ResourceManager { tpm, children: Vec::new() };
        manager.spawn("dbus-daemon", &[&bus, "--nofork"]);
        until("the bus listens", || manager.tpm.path("bus").exists());
        let tcti = format!("--tcti={}", manager.tpm.tcti());
        manager.spawn("tpm2-abrmd", &["--allow-root", "--session", &tcti]);
        until("the resource manager has its TPM", || {
            let mut send = manager.command("dbus-send");
            let name = "string:com.intel.tss2.Tabrmd";
            let method = "org.freedesktop.DBus.NameHasOwner";
            send.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", method, name]);
            String::from_utf8_lossy(&send.output().unwrap().stdout).contains("boolean true")
        });
        manager
    }

    /// Where programs find it.
    pub fn tcti(&self) -> &'static str {
        "tabrmd:bus_type=session"
    }

    /// What lets a program find its bus.
    pub fn bus(&self) -> String {
        format!("unix:path={}", self.tpm.path("bus").display())
    }

    /// A program that finds it, in the TPM's folder.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("DBUS_SESSION_BUS_ADDRESS", self.bus());
        command.env("TPM2TOOLS_TCTI", self.tcti()).env("TSS2_LOG", "all+none");
        command.current_dir(self.tpm.folder.path()).stdin(Stdio::null());
        command
    }

    fn spawn(&mut self, name: &str, arguments: &[&str]) {
        self.children.push(spawn(self.command("setpriv"), name, arguments));
    }
}

impl Drop for ResourceManager {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `setpriv --pdeathsig`: even a test program that is killed leaves nothing behind.
fn spawn(mut setpriv: Command, name: &str, arguments: &[&str]) -> Child {
    setpriv.args(["--pdeathsig", "KILL", "--", name]).args(arguments);
    setpriv.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
