//! The ceremony on a TPM: tpm2-pkcs11 over swtpm, with a resource manager on a bus of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{SUBJECT, done, json, refused};
use crate::doorstep::until;
use crate::support::establishment::write;
use crate::support::plan::STRUCTURES;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=BUS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// A software TPM with one token `tpm`, user PIN 1234; its programs end with it.
struct Tpm {
    folder: TempDir,
    module: PathBuf,
    children: Vec<Child>,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Tpm {
    /// None where its programs are not installed.
    fn start() -> Option<Tpm> {
        let module = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        let module = module.join("pkcs11/libtpm2_pkcs11.so");
        let programs = ["swtpm", "tpm2-abrmd", "dbus-daemon", "tpm2_ptool"];
        let is_there =
            |name: &&str| ["/usr/bin", "/usr/sbin"].iter().any(|folder| Path::new(folder).join(name).exists());
        if !module.exists() || !programs.iter().all(is_there) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut tpm = Tpm { folder, module, children: Vec::new() };
        for name in ["state", "store", "memory"] {
            std::fs::create_dir(tpm.path(name)).unwrap();
        }
        write(&tpm.path("pin"), "1234", 0o600);
        write(&tpm.path("bus.conf"), &BUS.replace("BUS", tpm.path("bus").to_str().unwrap()), 0o644);
        let bus = format!("--config-file={}", tpm.path("bus.conf").display());
        tpm.spawn("dbus-daemon", &[&bus, "--nofork"]);
        let port = tpm.swtpm();
        until("the bus listens", || tpm.path("bus").exists());
        tpm.spawn(
            "tpm2-abrmd",
            &["--allow-root", "--session", &format!("--tcti=swtpm:host=127.0.0.1,port={port}")],
        );
        until("the resource manager has its TPM", || {
            let mut send = tpm.command("dbus-send");
            let name = "string:com.intel.tss2.Tabrmd";
            let method = "org.freedesktop.DBus.NameHasOwner";
            send.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", method, name]);
            String::from_utf8_lossy(&send.output().unwrap().stdout).contains("boolean true")
        });
        let store = tpm.path("store").to_str().unwrap().to_owned();
        run(tpm.command("tpm2_ptool").args(["init", "--path", &store]));
        let token =
            ["addtoken", "--pid", "1", "--label", "tpm", "--sopin", "4321", "--userpin", "1234", "--path", &store];
        run(tpm.command("tpm2_ptool").args(token));
        Some(tpm)
    }

    /// Starts swtpm on a pair of ports that is free; the second one is its control channel.
    fn swtpm(&mut self) -> u16 {
        let state = format!("dir={}", self.path("state").display());
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let channel = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
            let (server, control) = (channel(port), channel(port.saturating_add(1)));
            let arguments = ["socket", "--tpm2", "--tpmstate", &state, "--server", &server, "--ctrl", &control];
            let flags = ["--flags", "not-need-init,startup-clear"];
            self.spawn("swtpm", &[&arguments[..], &flags].concat());
            let child = self.children.last_mut().unwrap();
            // Its state's lock is there once it has both ports; else it has ended.
            let mut ended = false;
            let lock = self.folder.path().join("state/.lock");
            until("swtpm listens or ends", || {
                ended = child.try_wait().unwrap().is_some();
                ended || lock.exists()
            });
            if !ended {
                return port;
            }
        }
        panic!("no pair of free ports");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path("bus").display()));
        command
            .env("TPM2_PKCS11_TCTI", "tabrmd:bus_type=session")
            .env("TPM2TOOLS_TCTI", "tabrmd:bus_type=session");
        command.env("TPM2_PKCS11_STORE", self.path("store")).env("TPM2_PKCS11_LOG_LEVEL", "0");
        command.env("TSS2_LOG", "all+none").env("STATE_DIRECTORY", self.path("memory"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// `setpriv --pdeathsig`: even a test program that is killed leaves nothing behind.
    fn spawn(&mut self, name: &str, arguments: &[&str]) {
        let mut command = self.command("setpriv");
        command.args(["--pdeathsig", "KILL", "--", name]).args(arguments);
        self.children.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn step(&self, step: &str, object: &str) -> Command {
        let mut command = self.command(program("sceau").to_str().unwrap());
        command.args(["keys", step, "--module"]).arg(&self.module).args(["--pin-file", "pin"]);
        command.args(["--uri", &format!("pkcs11:token=tpm;object={object}")]);
        command
    }
}

#[test]
fn keys_are_made_and_certified_in_a_tpm() {
    let Some(tpm) = Tpm::start() else {
        return skip(
            "keys::keys_are_made_and_certified_in_a_tpm",
            "swtpm, tpm2-abrmd or tpm2-pkcs11 is not installed",
        );
    };
    // A TPM's RSA key that only signs is none that tpm2-pkcs11 can sign with: that is told.
    for (kind, signs_only) in [("rsa-2048", false), ("p-256", true)] {
        let mut generate = tpm.step("generate", kind);
        let made = json(&done(generate.args(["--use", "seal", "--type", kind, "--json"])));
        for (member, value) in [("sensitive", true), ("extractable", false), ("local", true), ("production", true)]
        {
            assert_eq!(made[member], value, "{member} of {made}");
        }
        assert_eq!(made["signs_only"], signs_only, "{made}");
        let mut csr = tpm.step("csr", kind);
        csr.args(["--use", "seal", "--structure", STRUCTURES[0], "--out", kind]).args(SUBJECT);
        done(&mut csr);
        let mut openssl = Command::new("openssl");
        run(openssl.args(["req", "-verify", "-noout", "-in"]).arg(tpm.path(kind)));
        let mut again = tpm.step("generate", kind);
        refused(again.args(["--use", "seal", "--type", kind]), 2, &["a déjà une clé"]);
    }
    let mut witness = tpm.command("pkcs11-tool");
    witness.arg("--module").arg(&tpm.module).args([
        "--login",
        "--pin",
        "1234",
        "--list-objects",
        "--type",
        "privkey",
    ]);
    let listing = run(&mut witness);
    assert_eq!(listing.matches("Private Key Object").count(), 2, "{listing}");
    assert_eq!(listing.matches("sensitive, always sensitive, never extractable, local").count(), 2, "{listing}");
    // A wrong PIN feeds a TPM's lockout, which counts for everybody: one try.
    write(&tpm.path("pin"), "9999", 0o600);
    refused(tpm.step("list", "").args(["--json"]).stdout(Stdio::null()), 3, &["PIN"]);
    refused(tpm.step("list", "").args(["--json"]).stdout(Stdio::null()), 3, &["aucun essai n'a été fait"]);
}
