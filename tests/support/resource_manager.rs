//! A resource manager over a software TPM, for those who need more than three objects in it.

use std::process::{Child, Command, Stdio};

use super::establishment::write;
use super::swtpm::{Swtpm, spawn};
use super::wait::until;

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=BUS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

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
        command.current_dir(self.tpm.folder()).stdin(Stdio::null());
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
