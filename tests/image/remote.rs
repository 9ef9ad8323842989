//! An application of another machine: nobody answers it before the orders, the gate does behind them, and is the same gate after the
//! power was cut. So it is for a server with the companion, which stays up meanwhile.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sceau::policy::fingerprint::Fingerprint;
use serde_json::{Value, json};

use super::enrolled::Enrolled;
use super::life::provisioned;
use super::machine::{BOOT, Boot, LOOK_EVERY};
use super::site::{GATE_AT, Site};
use super::support::practitioners::{PATIENTS, Practitioner};
use super::support::softhsm::run;
use super::support::varlink::{login, nonce};
use super::support::wait::watched;
use super::token::{print, ready};

/// An application server: a key of its own and a certificate that it signed itself.
struct Server {
    folder: PathBuf,
    name: &'static str,
}

impl Server {
    fn new(folder: &Path, name: &'static str) -> Server {
        let server = Server { folder: folder.to_owned(), name };
        let mut make = Command::new("openssl");
        make.args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "2",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]);
        make.args(["-subj", &format!("/CN={name}"), "-addext", "extendedKeyUsage=clientAuth"]);
        run(make.arg("-keyout").arg(server.file("key")).arg("-out").arg(server.file("pem")));
        server
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// What an order confirms.
    fn fingerprint(&self) -> String {
        let certificate = std::fs::read(self.file("pem")).unwrap();
        Fingerprint::of(&sceau::certificate::public_keys(&certificate).remove(0)).to_string()
    }

    /// Status and answer to a question by HTTP; none: nobody lets it in.
    fn asks(&self, port: u16, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--insecure", "--max-time", "20", "--write-out", "\n%{http_code}"]);
        curl.arg("--cert").arg(self.file("pem")).arg("--key").arg(self.file("key"));
        if let Some(body) = body {
            curl.args(["--header", "Content-Type: application/json", "--data-binary", &body.to_string()]);
        }
        let output = curl.arg(format!("https://127.0.0.1:{port}{path}")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let (body, status) = said.rsplit_once('\n')?;
        let status = status.parse().ok().filter(|_| output.status.success())?;
        Some((status, serde_json::from_str(body).unwrap_or_default()))
    }

    /// An assertion for a consultation, which xmlsec1 takes.
    fn issue(&self, port: u16, site: &Site) {
        let mut opening = login(&Practitioner::physician().id, "CPS", "consultation");
        opening["profile"] = "dmp-air".into();
        let (status, opened) = self.asks(port, "/v1/sessions", Some(&opening)).unwrap();
        assert_eq!(status, 200, "{opened}");
        let wanted = json!({
            "session": opened["session"], "nonce": nonce(), "transaction": "3.1", "purpose": "normal",
            "patient": { "ins": PATIENTS[0] },
        });
        let (status, issued) = self.asks(port, "/v1/assertions", Some(&wanted)).unwrap();
        assert_eq!(status, 200, "{issued}");
        let assertion = issued["assertion"].as_str().unwrap();
        assert!(site.is_sealed(assertion), "xmlsec1 refuses {assertion}");
    }
}

/// Waits until the gate lets that server in.
fn admitted(boot: &Boot<'_>, server: &Server, port: u16) {
    let status = watched(LOOK_EVERY, BOOT, || {
        let (status, told) = server.asks(port, "/v1/status", None)?;
        (status == 200 && told["ready"] == true).then_some(())
    });
    assert!(status.is_some(), "the gate lets nobody in:\n{}", boot.tail());
}

/// The certificate that the gate shows, in PEM.
fn shown(port: u16) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).stdin(Stdio::null());
    let said = String::from_utf8_lossy(&client.output().unwrap().stdout).into_owned();
    let from = said.find("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("no certificate: {said}"));
    said[from..].split_once("-----END").unwrap().0.to_owned()
}

#[test]
fn an_application_of_another_machine_is_served_through_the_gate_that_an_order_attached() {
    let (mut machine, site) = (provisioned().machine.twin(), &provisioned().site);
    let folder = tempfile::tempdir().unwrap();
    let (server, stranger) = (Server::new(folder.path(), "dpi"), Server::new(folder.path(), "stranger"));

    machine.pull_stick();
    let mut boot = machine.boot();
    drop(ready(&boot, site));
    let port = boot.forwards(GATE_AT);
    assert_eq!(server.asks(port, "/v1/status", None), None, "something listens before the order");
    let answer = boot.is_given(|stick| site.order_gate(stick, &server.fingerprint()));
    for word in ["réglage gate.toml reçu", "image du connecteur gate", "4-portail.json", "6-certificat.json"] {
        assert!(answer.contains(word), "{word}: {answer}\n{}", boot.tail());
    }
    // The canary of the silence before: the same question, answered.
    admitted(&boot, &server, port);
    assert_eq!(stranger.asks(port, "/v1/status", None), None, "a stranger is let in");
    server.issue(port, site);
    let before = shown(port);
    print(&format!("boot, the orders of the gate, an assertion through it: {} s", boot.seconds()));
    let enrolled = Enrolled::at(&mut boot, site, port);
    enrolled.is_served(&boot, site);
    print(&format!(
        "the same, and a companion enrolled by three visits, an assertion by it: {} s",
        boot.seconds()
    ));
    drop(boot);

    // Power cut: what is attached comes back by itself, with the key that invitations name.
    let mut boot = machine.boot();
    boot.forwards_from(port, GATE_AT);
    admitted(&boot, &server, port);
    assert_eq!(shown(port), before, "the gate has another key");
    server.issue(port, site);
    enrolled.is_served(&boot, site);
}
