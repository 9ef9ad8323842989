//! A software TPM, with a manufacturer's certificate or without.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::Pid;
use tempfile::TempDir;

use super::establishment::write;
use super::softhsm::run;
use super::wait::until;

/// Where makers keep EK certificates (TCG EK Credential Profile §2.2.1.4).
pub const RSA_EK_CERTIFICATE: &str = "0x1c00002";
/// The same of an EK on P-256.
pub const P256_EK_CERTIFICATE: &str = "0x1c0000a";

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
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["state", "ca"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let [ca, state] = [at("ca"), at("state")];
        let authority = format!(
            "statedir = {ca}\nsigningkey = {ca}/key.pem\nissuercert = {ca}/cert.pem\ncertserial = {ca}/serial\n"
        );
        write(Path::new(&at("localca.conf")), &authority, 0o644);
        write(
            Path::new(&at("options")),
            "--platform-manufacturer Essai\n--platform-version 1\n--platform-model Essai\n",
            0o644,
        );
        let setup = format!(
            "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {}\n\
             create_certs_tool_options = {}\nactive_pcr_banks = sha256\n",
            at("localca.conf"),
            at("options")
        );
        write(Path::new(&at("setup.conf")), &setup, 0o644);
        let mut make = Command::new("swtpm_setup");
        make.args(["--tpm2", "--tpmstate", &state, "--create-ek-cert", "--config", &at("setup.conf")]);
        run(&mut make);
        Swtpm { folder, port: 0, child: None }.started()
    }

    /// The same as of a maker who gave it an EK on P-256 (TCG's template L-2) and no RSA one: swtpm's own second one is on P-384.
    pub fn elliptic() -> Swtpm {
        let tpm = Swtpm::manufactured();
        let tool = |name: &str, arguments: &[&str]| run(&mut tpm.tool(name, arguments));
        tool("tpm2_createek", &["-G", "ecc", "-c", "ek.ctx", "-u", "ek.pem", "-f", "pem"]);
        tool("tpm2_flushcontext", &["-t"]);
        tool("openssl", &["pkey", "-pubin", "-in", "ek.pem", "-outform", "DER", "-out", "ek.der"]);
        let spki = std::fs::read(tpm.path("ek.der")).unwrap();
        // A point of P-256 is the last 64 bytes of its SubjectPublicKeyInfo.
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (x, y) = spki[spki.len() - 64..].split_at(32);
        let point = format!("x={},y={},id=secp256r1", hex(x), hex(y));
        let what = ["--type", "ek", "--ek", &point, "--dir", ".", "--vmid", "test", "--tpm2"];
        let family = ["--tpm-spec-family", "2.0", "--tpm-spec-revision", "164", "--tpm-spec-level", "0"];
        let model = ["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20191023"];
        let by = ["--configfile", "localca.conf", "--optsfile", "options"];
        tool("swtpm_localca", &[&what[..], &family, &model, &by].concat());
        let len = std::fs::metadata(tpm.path("ek.cert")).unwrap().len().to_string();
        tool("tpm2_nvundefine", &[RSA_EK_CERTIFICATE, "-C", "p"]);
        let attributes = "ppwrite|ppread|ownerread|authread|no_da|platformcreate";
        tool("tpm2_nvdefine", &[P256_EK_CERTIFICATE, "-C", "p", "-s", &len, "-a", attributes]);
        tool("tpm2_nvwrite", &[P256_EK_CERTIFICATE, "-C", "p", "-i", "ek.cert"]);
        tpm
    }

    /// Certificates of the CA: the root and the intermediate that signs EKs.
    pub fn authorities(&self) -> [PathBuf; 2] {
        ["ca/swtpm-localca-rootca-cert.pem", "ca/cert.pem"].map(|name| self.path(name))
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

    /// Process id of the present life.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.as_ref().expect("it runs").id()).unwrap())
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

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
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

/// `setpriv --pdeathsig`: even a test program that is killed leaves nothing behind.
pub(super) fn spawn(mut setpriv: Command, name: &str, arguments: &[&str]) -> Child {
    setpriv.args(["--pdeathsig", "KILL", "--", name]).args(arguments);
    setpriv.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
