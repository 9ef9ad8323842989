//! What a hospital would otherwise seal with, on the same facts and key size; every output is verified by xmlsec1.
//!
//! What is not on this machine is left out by name, with the reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bergshamra_dsig::DsigContext;
use bergshamra_keys::{KeysManager, loader};
use serde_json::{Value, json};

use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::MODULE as SOFTHSM;
use crate::support::varlink::login;

use super::path::Running;

/// So many times longer runs what compiles itself while it runs.
const COMPILED: u64 = 3;

/// What all peers are given.
struct Job {
    folder: PathBuf,
    seconds: u64,
}

/// Who seals, and by which program; Err: why it cannot be had here.
type Peer = (&'static str, fn(&Job) -> Result<Command, String>);

const PEERS: [Peer; 7] = [
    ("libxmlsec1 en C", libxmlsec1),
    ("python-xmlsec", |job| python(job, "python-xmlsec", "xmlsec==1.3.17")),
    ("signxml", |job| python(job, "signxml", "signxml==5.2.0")),
    ("JDK XMLDSig", jdk),
    ("JDK XMLDSig, SunPKCS11 sur SoftHSM", sun_pkcs11),
    ("npm xml-crypto", xml_crypto),
    ("crate samael (libxmlsec1)", samael),
];

/// Each for `time`: CPU of a document in microseconds, ratio to `raw_us`.
pub(super) fn measure(running: &Running<'_>, time: Duration, raw_us: f64) -> Vec<Value> {
    let job = Job { folder: PathBuf::from("target/bench/peers"), seconds: time.as_secs().max(1) };
    prepare(running, &job);
    let mut all = vec![bergshamra(&job)];
    all.extend(PEERS.iter().map(|(name, command)| {
        let run = command(&job).and_then(|mut command| outcome(&mut command));
        judged(name, &job, run)
    }));
    for peer in &mut all {
        if let Some(cpu_us) = peer["cpu_us"].as_f64() {
            peer["ratio"] = json!(raw_us / cpu_us);
        }
    }
    all
}

/// A VIHF of ours as a template, and a key in a file with a certificate of its own.
fn prepare(running: &Running<'_>, job: &Job) {
    let _ = fs::remove_dir_all(job.folder.join("out"));
    fs::create_dir_all(job.folder.join("out")).unwrap();
    let mut client = running.establishment.client();
    let practitioner = &running.establishment.practitioners[0].id;
    let session = client.open_session(login(practitioner, "CPS", "consultation")).unwrap();
    let assertion = client.consult(&session, PATIENTS[0]).unwrap().assertion;
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "2", "-subj", "/CN=peer", "-keyout",
    ]);
    openssl.arg(job.file("key.pem")).arg("-out").arg(job.file("certificate.pem"));
    assert!(openssl.output().unwrap().status.success(), "openssl req failed");
    let certificate: String = fs::read_to_string(job.file("certificate.pem"))
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let emptied = between(&assertion, "<ds:DigestValue>", "</ds:DigestValue>", "");
    let emptied = between(&emptied, "<ds:SignatureValue>", "</ds:SignatureValue>", "");
    let template = between(&emptied, "<ds:X509Certificate>", "</ds:X509Certificate>", &certificate);
    fs::write(job.file("template.xml"), template).unwrap();
}

/// The text with what stands between the two marks exchanged.
fn between(text: &str, open: &str, close: &str, content: &str) -> String {
    let (head, rest) = text.split_once(open).unwrap();
    let (_, tail) = rest.split_once(close).unwrap();
    [head, open, content, close, tail].concat()
}

impl Job {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The words that every program takes.
    fn arguments(&self) -> Vec<String> {
        self.arguments_for(self.seconds)
    }

    /// The same for one that compiles itself while it runs.
    fn arguments_for(&self, seconds: u64) -> Vec<String> {
        let file = |name| self.file(name).display().to_string();
        vec![file("template.xml"), file("key.pem"), file("certificate.pem"), seconds.to_string(), file("out")]
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/peers")
}

/// Runs a program that must succeed; Err says what it said last.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{} : {e}", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(said) }
}

/// Documents and CPU microseconds that a peer tells.
fn outcome(command: &mut Command) -> Result<(f64, f64), String> {
    let said = run(command)?;
    let figures: Vec<f64> = said.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    match figures[..] {
        [count, cpu_us] if count > 0.0 => Ok((count, cpu_us)),
        _ => Err(format!("réponse illisible : {said}")),
    }
}

/// A peer's line, if xmlsec1 verifies its first and its last document.
fn judged(name: &str, job: &Job, run: Result<(f64, f64), String>) -> Value {
    match run {
        Err(why) => json!({ "peer": name, "skipped": why }),
        Ok((count, cpu_us)) => {
            let verified = ["first.xml", "last.xml"].iter().all(|file| {
                let mut xmlsec1 = Command::new("xmlsec1");
                xmlsec1.args(["--verify", "--trusted-pem"]).arg(job.file(certificate_of(name)));
                xmlsec1.args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]);
                xmlsec1.arg(job.file("out").join(file)).output().is_ok_and(|output| output.status.success())
            });
            assert!(verified, "{name}: xmlsec1 does not verify what it signed");
            json!({ "peer": name, "documents": count, "cpu_us": cpu_us / count, "verified": true })
        }
    }
}

fn certificate_of(peer: &str) -> &'static str {
    if peer.contains("SunPKCS11") { "token.pem" } else { "certificate.pem" }
}

fn libxmlsec1(job: &Job) -> Result<Command, String> {
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", "xmlsec1-openssl"]))
        .map_err(|_| "libxmlsec1-dev n'est pas installé".to_owned())?;
    let program = job.file("xmlsec");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-w", "-o"]).arg(&program).arg(sources().join("xmlsec.c")).args(flags.split_whitespace());
    run(&mut cc)?;
    let mut command = Command::new(std::path::absolute(program).map_err(|e| e.to_string())?);
    command.args(job.arguments());
    Ok(command)
}

/// A peer of the Python environment, which is made once under `target/bench/venv`.
fn python(job: &Job, peer: &str, package: &str) -> Result<Command, String> {
    let venv = Path::new("target/bench/venv");
    if !venv.join("bin/pip").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    }
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "--requirement",
    ]);
    run(pip.arg(sources().join("requirements.txt")).arg(package))?;
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(sources().join("peers.py")).arg(peer).args(job.arguments());
    Ok(command)
}

fn jdk(job: &Job) -> Result<Command, String> {
    run(Command::new("java").arg("-version"))?;
    let mut command = Command::new("java");
    command.arg(sources().join("Peer.java")).args(job.arguments_for(COMPILED * job.seconds));
    Ok(command)
}

/// The same with a key of the same module, in a token of its own.
fn sun_pkcs11(job: &Job) -> Result<Command, String> {
    run(Command::new("java").arg("-version"))?;
    // A token of an earlier run has the same name.
    let _ = fs::remove_dir_all(job.file("token"));
    let store = crate::support::softhsm::TokenStore::create(
        &std::path::absolute(job.file("token")).map_err(|e| e.to_string())?,
    );
    let conf = store.conf();
    let tool =
        |program: &str, arguments: &[&str]| run(Command::new(program).args(arguments).env("SOFTHSM2_CONF", &conf));
    tool("softhsm2-util", &["--init-token", "--free", "--label", "peer", "--pin", "1234", "--so-pin", "4321"])?;
    let der = job.file("token.der").display().to_string();
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| job.file(name).display().to_string());
    // The peer's own key, put into the token: what is measured is who asks for its signatures.
    tool(
        "softhsm2-util",
        &["--import", &key, "--token", "peer", "--label", "peer", "--id", "01", "--pin", "1234"],
    )?;
    tool("openssl", &["x509", "-in", &certificate, "-outform", "DER", "-out", &der])?;
    let write = ["--module", SOFTHSM, "--token-label", "peer", "--login", "--pin", "1234", "--write-object", &der];
    tool("pkcs11-tool", &[&write[..], &["--type", "cert", "--label", "peer", "--id", "01"]].concat())?;
    fs::copy(job.file("certificate.pem"), job.file("token.pem")).map_err(|e| e.to_string())?;
    fs::write(job.file("pin"), "1234\n").map_err(|e| e.to_string())?;
    let text = format!("name = peer\nlibrary = {SOFTHSM}\nslotListIndex = 0\n");
    fs::write(job.file("pkcs11.cfg"), text).map_err(|e| e.to_string())?;
    let mut command = jdk(job)?;
    command.arg(job.file("pkcs11.cfg")).arg(job.file("pin")).env("SOFTHSM2_CONF", &conf);
    Ok(command)
}

fn xml_crypto(job: &Job) -> Result<Command, String> {
    let modules = Path::new("target/bench/npm");
    fs::create_dir_all(modules).map_err(|e| e.to_string())?;
    fs::copy(sources().join("package.json"), modules.join("package.json")).map_err(|e| e.to_string())?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(modules);
    run(&mut npm).map_err(|said| format!("npm : {said}"))?;
    let mut command = Command::new("node");
    command.arg(sources().join("peer.mjs")).args(job.arguments_for(COMPILED * job.seconds));
    command.env("PEER_MODULES", std::path::absolute(modules).map_err(|e| e.to_string())?);
    Ok(command)
}

/// A package of its own, which links libxmlsec1 by bindgen: built where there are libclang and libxmlsec1-dev.
fn samael(job: &Job) -> Result<Command, String> {
    let build = Path::new("target/bench/samael");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--quiet", "--target-dir"]).arg(build);
    cargo.arg("--manifest-path").arg(sources().join("samael/Cargo.toml"));
    run(&mut cargo).map_err(|said| format!("cargo, avec libclang-dev et libxmlsec1-dev : {said}"))?;
    let der = job.file("key.der").display().to_string();
    let mut openssl = Command::new("openssl");
    openssl.args(["rsa", "-in"]).arg(job.file("key.pem")).args(["-traditional", "-outform", "DER", "-out", &der]);
    run(&mut openssl)?;
    let mut arguments = job.arguments();
    arguments[1] = der;
    let mut command =
        Command::new(std::path::absolute(build.join("release/peer-samael")).map_err(|e| e.to_string())?);
    command.args(arguments);
    Ok(command)
}

/// The crate that our verifier is made with, here in this process.
fn bergshamra(job: &Job) -> Value {
    let template = fs::read_to_string(job.file("template.xml")).unwrap();
    let mut keys = KeysManager::new();
    keys.add_key(loader::load_rsa_private_pem(&fs::read(job.file("key.pem")).unwrap()).unwrap());
    let context = DsigContext::new(keys);
    let (began, cpu) = (Instant::now(), super::cpu::own_thread_us());
    let (mut count, mut last) = (0.0, None);
    let signed = || bergshamra_dsig::sign::sign(&context, &template);
    let name = "crate bergshamra (aws-lc)";
    while began.elapsed() < Duration::from_secs(job.seconds) {
        match signed() {
            Ok(document) => last = Some(document),
            Err(error) => return json!({ "peer": name, "skipped": error.to_string() }),
        }
        if count == 0.0 {
            fs::write(job.file("out/first.xml"), last.as_deref().unwrap_or_default()).unwrap();
        }
        count += 1.0;
    }
    let cpu_us = super::cpu::own_thread_us() - cpu;
    fs::write(job.file("out/last.xml"), last.unwrap_or_default()).unwrap();
    judged(name, job, Ok((count, cpu_us)))
}
