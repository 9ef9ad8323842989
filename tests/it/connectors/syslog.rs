//! The syslog connector's own script and rules, with a real journal on one side and a real collector on the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::Uid;

use crate::doorstep::until;
use crate::support::skip::skip;
use crate::support::softhsm::run;

const NAME: &str = "siem.hopital.example";
const MESSAGE: &str = "order obeyed, says the journal";

/// A collector: rsyslog with TLS, which writes what it gets into a file.
const COLLECTOR: &str = r#"
global(workDirectory="@" defaultNetstreamDriverCAFile="@/ca.pem" defaultNetstreamDriverCertFile="@/server.pem"
    defaultNetstreamDriverKeyFile="@/server.key" defaultNetstreamDriver="ossl")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="whole" type="string" string="%rawmsg%\n")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="@/port")
action(type="omfile" file="@/received" template="whole")
"#;

/// A machine's journal in a mount namespace of its own, where something is told every second, and the connector beside it.
const MACHINE: &str = r#"
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald &
while :; do
    printf 'MESSAGE=%s\nSYSLOG_IDENTIFIER=sceaud\nPRIORITY=6\n' "$SAID" | logger --journald 2>/dev/null || true
    sleep 1
done &
exec sh "$CONNECTOR"
"#;

struct Programs(Vec<Child>);

impl Drop for Programs {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Scene {
    folder: tempfile::TempDir,
    rsyslog: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/connectors/rsyslog.sh");
        let rsyslog = run(Command::new("sh").arg(script)).trim().into();
        let scene = Scene { folder, rsyslog };
        for name in ["ca", "stranger"] {
            scene.openssl(&[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                &format!("/CN={name}"),
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ]);
        }
        scene.openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=collector",
            "-addext",
            &format!("subjectAltName=DNS:{NAME}"),
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        scene.openssl(&[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-days",
            "2",
            "-copy_extensions",
            "copy",
            "-out",
            "server.pem",
        ]);
        scene
    }

    fn openssl(&self, arguments: &[&str]) {
        run(Command::new("openssl").args(arguments).current_dir(self.folder.path()));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same program, from the folder it was unpacked into; it ends with its test.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]);
        let libraries = self.rsyslog.join("usr/lib/x86_64-linux-gnu");
        let path = format!("{}:{}", self.rsyslog.join("usr/sbin").display(), std::env::var("PATH").unwrap());
        command
            .env("RSYSLOG_MODDIR", libraries.join("rsyslog"))
            .env("LD_LIBRARY_PATH", libraries)
            .env("PATH", path);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn collector(&self) -> (Child, String) {
        let rules = self.file("collector.conf");
        fs::write(&rules, COLLECTOR.replace('@', self.folder.path().to_str().unwrap())).unwrap();
        let log = fs::File::create(self.file("collector.log")).unwrap();
        let mut command = self.command("rsyslogd");
        let child = command.args(["-n", "-i", "NONE", "-f"]).arg(rules).stderr(log).spawn().unwrap();
        until("the collector listens", || {
            fs::read_to_string(self.file("port")).is_ok_and(|port| !port.is_empty())
        });
        (child, fs::read_to_string(self.file("port")).unwrap().trim().to_owned())
    }

    /// The connector beside a journal; what it says goes to a file of its name.
    fn connector(&self, name: &str, port: &str, target: &str, authority: &str) -> Child {
        let settings = self.file(name);
        fs::create_dir(&settings).unwrap();
        let destination = format!("# of the test\ntarget={target}\naddress=127.0.0.1\nport={port}\n");
        fs::write(settings.join("destination"), destination).unwrap();
        fs::copy(self.file(authority), settings.join("ca.pem")).unwrap();
        let extra = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/connectors/syslog/extra/usr");
        let rules = fs::read_to_string(extra.join("lib/connector/rsyslog.conf")).unwrap();
        // Its memory of the journal is in its image's own /tmp there, in the test's folder here.
        let own = rules.replace("\"/tmp\"", &format!("{settings:?}"));
        assert_ne!(own, rules);
        fs::write(settings.join("rules"), own).unwrap();
        // A process namespace too: journal and connector end together, whatever they started.
        let mut command = self.command("unshare");
        command.args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
        ]);
        command
            .arg(MACHINE)
            .env("SAID", format!("{MESSAGE} by {name}"))
            .env("CONNECTOR", extra.join("bin/connector"));
        command.env("CONNECTOR_SETTINGS", &settings).env("CONNECTOR_RULES", settings.join("rules"));
        command.stderr(fs::File::create(self.file(&format!("{name}.log"))).unwrap()).spawn().unwrap()
    }

    fn received(&self) -> String {
        fs::read_to_string(self.file("received")).unwrap_or_default()
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.file(&format!("{name}.log"))).unwrap_or_default()
    }
}

/// The collector is told by its name and authority; another one gets nothing, and what is sent is RFC 5424 in counted frames.
#[test]
fn the_journal_reaches_the_collector_of_that_name_alone() {
    if !Uid::effective().is_root() {
        skip("syslog over TLS", "only root can give a journal a mount namespace of its own");
        return;
    }
    let scene = Scene::new();
    let (collector, port) = scene.collector();
    let mut programs = Programs(vec![collector]);
    // Those that must not be believed come first: they have had all the time of the one that is. Who finds another name behind the
    // right authority ends the session, which the collector tells; who finds another authority tells so himself.
    programs.0.push(scene.connector("misnamed", &port, "other.hopital.example", "ca.pem"));
    until("the misnamed collector is left", || scene.said("collector").contains("will be closed due to error"));
    programs.0.push(scene.connector("mistrusted", &port, NAME, "stranger.pem"));
    until("the mistrusted collector is refused", || {
        scene.said("mistrusted").contains("certificate verify failed")
    });
    programs.0.push(scene.connector("good", &port, NAME, "ca.pem"));
    until("the journal arrives", || scene.received().contains(&format!("{MESSAGE} by good")));
    let received = scene.received();
    let line = received.lines().find(|line| line.contains("by good")).unwrap();
    // <14>1 2026-01-01T00:00:00.000000+00:00 host sceaud - - - text
    assert!(line.contains(">1 ") && line.contains(" sceaud "), "{line}");
    assert!(!received.contains("by misnamed") && !received.contains("by mistrusted"), "{received}");
}

#[test]
fn a_destination_is_data() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/connectors/syslog/extra/usr/bin/connector");
    let canary = folder.path().join("canary");
    fs::write(folder.path().join("ca.pem"), "").unwrap();
    for (destination, words) in [
        ("target=a\n", "il faut target, address"),
        (&format!("target=a\naddress=b\nx=$(touch {0})\n`touch {0}`=1\n", canary.display()), "« x » est inconnu"),
    ] {
        fs::write(folder.path().join("destination"), destination).unwrap();
        let output = Command::new("sh").arg(&script).env("CONNECTOR_SETTINGS", folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(words), "{said}");
    }
    assert!(!canary.exists());
}
