//! A SoftHSM token of its own, a configuration, and signers started and asked as `sceaud` does.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use sceau::seal::key::KeyDescription;
use sceau::seal::wire::{self, Answer, Failure, Request, Stats};
use tempfile::TempDir;

use crate::support::key_kind::KeyOrigin;

pub(crate) const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const SPY: &str = "/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so";
/// Letters too: four digits stand by chance in a time or a number of a log that must not hold it.
pub(crate) const PIN: &str = "juste-1234";
/// Nothing here takes longer unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    /// Whether `seal-a` is in a file instead of the token.
    sealed: bool,
    /// Whether signers see the tokens' folder as one that cannot be written.
    shut: bool,
}

/// Runs the program behind a folder's name where that folder cannot be written.
const SHUT: &str = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@""#;

/// Where `seal-a` is in a token.
const URI: &str = "pkcs11:token=sceau-test;object=seal-a;type=private";

pub(crate) struct Setting<'a> {
    pub(crate) mode: &'a str,
    pub(crate) module: &'a Path,
    pub(crate) uri: &'a str,
    pub(crate) client: &'a str,
    pub(crate) sessions: u16,
    pub(crate) signature_ms: u64,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self { mode: "test", module: Path::new(SOFTHSM), uri: URI, client: "", sessions: 1, signature_ms: 2000 }
    }
}

impl Rig {
    /// A folder with an initialised token and no key.
    pub(crate) fn empty() -> Self {
        let rig = Self { folder: tempfile::tempdir().unwrap(), sealed: false, shut: false };
        for folder in ["tokens", "run", "secrets", "shim"] {
            fs::create_dir(rig.path(folder)).unwrap();
        }
        let tokens = rig.path("tokens");
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        fs::write(rig.path("softhsm2.conf"), text).unwrap();
        rig.add_token("sceau-test");
        rig.set_pin(PIN);
        rig.configure(&Setting::default());
        rig
    }

    /// The same with a key `seal-a` generated in the token.
    pub(crate) fn new(kind: &str) -> Self {
        let rig = Self::empty();
        rig.generate(kind, &[]);
        rig
    }

    /// The same with the key of that kind where `keys` says.
    pub(crate) fn with(keys: KeyOrigin, kind: &str) -> Self {
        if keys != KeyOrigin::Sealed {
            return Self::new(kind);
        }
        let rig = Self { sealed: true, ..Self::empty() };
        fs::remove_file(rig.path("secrets/seal-a.pin")).unwrap();
        let kinds = [("rsa:2048", "rsa-2048"), ("rsa:3072", "rsa-3072"), ("rsa:4096", "rsa-4096")];
        let curves = [("EC:prime256v1", "p-256"), ("EC:secp384r1", "p-384")];
        let kind = kinds.iter().chain(&curves).find(|(name, _)| *name == kind).unwrap().1;
        let sceau = env!("CARGO_BIN_EXE_sceau");
        rig.tool(sceau, &["keys", "wrapping-key", "--out", "secrets/seal-a.pin"]);
        rig.configure(&Setting::default());
        rig.tool(sceau, &["keys", "generate", "--config", "sceau.toml", "--key", "seal-a", "--type", kind]);
        rig
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn add_token(&self, label: &str) {
        self.tool(
            "softhsm2-util",
            &["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "4321"],
        );
    }

    pub(crate) fn generate(&self, kind: &str, more: &[&str]) {
        let arguments = ["--keypairgen", "--key-type", kind, "--label", "seal-a", "--id", "01"];
        self.pkcs11_tool(&[&arguments, more].concat());
    }

    /// Gives the token a second key `seal-b`, which the configurations made from now on know, with the same PIN's file.
    pub(crate) fn add_twin(&self, module: &Path) {
        self.pkcs11_tool(&["--keypairgen", "--key-type", "EC:prime256v1", "--label", "seal-b", "--id", "02"]);
        self.configure(&Setting { module, ..Setting::default() });
        let file = self.path("sceau.toml");
        let text = fs::read_to_string(&file).unwrap();
        let seal = format!(
            r#"[[structure]]
id = "1750712184"
sector = "SA01"
[[seal]]
structure = "1750712184"
key = "seal-b"
uri = "pkcs11:token=sceau-test;object=seal-b;type=private"
module = "{}"
pin_file = "secrets/seal-a.pin"
certificate = "seal-b.pem"
[[service]]"#,
            module.display()
        );
        fs::write(file, text.replacen("[[service]]", &seal, 1)).unwrap();
    }

    /// The files that remember PINs, in the signers' folder or another one.
    pub(crate) fn memories(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "pin-refused")).collect()
    }

    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) -> Output {
        let login = ["--module", SOFTHSM, "--token-label", "sceau-test", "--login", "--pin", PIN];
        self.tool("pkcs11-tool", &[&login, arguments].concat())
    }

    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        let output = command.output().unwrap_or_else(|e| panic!("{program}: {e}"));
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// A module that is SoftHSM but for the faults that files in `shim/` name.
    pub(crate) fn shim(&self) -> PathBuf {
        let (source, module) =
            (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signer/shim.c"), self.path("shim.so"));
        self.tool(
            "cc",
            &["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", module.to_str().unwrap(), source, "-ldl"],
        );
        module
    }

    pub(crate) fn set_pin(&self, pin: &str) {
        let (new, file) = (self.path("secrets/new"), self.path("secrets/seal-a.pin"));
        fs::write(&new, format!("{pin}\n")).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o400)).unwrap();
        fs::rename(new, file).unwrap();
    }

    pub(crate) fn configure(&self, setting: &Setting<'_>) {
        let Setting { mode, module, uri, client, sessions, signature_ms } = setting;
        let place = match self.sealed && *uri == URI {
            true => "uri = \"sealed:seal-a.sealed\"".to_owned(),
            false => format!("uri = \"{uri}\"\nmodule = \"{}\"", module.display()),
        };
        let text = format!(
            r#"mode = "{mode}"
[[structure]]
id = "1690781810"
sector = "SA01"
[[seal]]
structure = "1690781810"
key = "seal-a"
{place}
pin_file = "secrets/seal-a.pin"
certificate = "seal-a.pem"
processes = 2
sessions = {sessions}
[[service]]
name = "urgences"
lifetime_ms = 15000
login_age_max_ms = 14400000
[sockets]
signers = "run"
signer_client = "{client}"
[limits]
frame_read_ms = 200
signature_ms = {signature_ms}
"#
        );
        // Production takes no letters in a structure's number.
        let text = if *mode == "production" { text.replace("1690781810", "1750712184") } else { text };
        fs::write(self.path("sceau.toml"), text).unwrap();
    }

    /// Signers that start from now on cannot write in the tokens' folder, as behind the walls of their unit. None: the kernel gives
    /// this user no such view.
    pub(crate) fn shut_tokens(&mut self) -> Option<()> {
        self.shut = true;
        self.walled("true").status().unwrap().success().then_some(())
    }

    fn walled(&self, program: &str) -> Command {
        if !self.shut {
            return Command::new(program);
        }
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "sh", "-c", SHUT]).arg(self.path("tokens")).arg(program);
        command
    }

    fn command(&self, instance: &str) -> Command {
        let mut command = self.walled(env!("CARGO_BIN_EXE_sceau-signer"));
        command
            .arg("--config")
            .arg(self.path("sceau.toml"))
            .args(["--instance", instance])
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .env("SHIM_FOLDER", self.path("shim"))
            .env("PKCS11SPY", SOFTHSM)
            .env("PKCS11SPY_OUTPUT", self.path(&format!("{instance}.spy")))
            .env_remove("STATE_DIRECTORY")
            .env_remove("JOURNAL_STREAM");
        command
    }

    /// Runs a signer that ends by itself.
    pub(crate) fn refused(&self, instance: &str) -> (Option<i32>, String) {
        let mut child = self.command(instance).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > DEADLINE => {
                    child.kill().unwrap();
                    break child.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let mut message = String::new();
        child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        (status.code(), message)
    }

    /// Starts a signer and waits until it says READY=1.
    pub(crate) fn start(&self, instance: &str) -> Signer {
        let mut signer = self.spawn(instance);
        signer.wait_ready();
        signer
    }

    /// Starts a signer.
    pub(crate) fn spawn(&self, instance: &str) -> Signer {
        self.spawn_with(instance, &[])
    }

    pub(crate) fn spawn_with(&self, instance: &str, environment: &[(&str, &str)]) -> Signer {
        let notify = self.path(&format!("{instance}.notify"));
        let _ = fs::remove_file(&notify);
        let inbox = UnixDatagram::bind(&notify).unwrap();
        inbox.set_read_timeout(Some(DEADLINE)).unwrap();
        let log =
            fs::File::options().create(true).append(true).open(self.path(&format!("{instance}.log"))).unwrap();
        let mut command = self.command(instance);
        command.envs(environment.iter().copied());
        let child = command.env("NOTIFY_SOCKET", &notify).stderr(log).stdin(Stdio::null()).spawn();
        Signer { child: child.unwrap(), inbox, socket: self.path(&format!("run/{instance}.sock")) }
    }

    /// Lines of the recorded calls of every instance that hold `call`.
    pub(crate) fn calls(&self, call: &str) -> usize {
        ["seal-a-1.spy", "seal-a-2.spy", "seal-b-1.spy"]
            .iter()
            .filter_map(|name| fs::read_to_string(self.path(name)).ok())
            .map(|text| text.lines().filter(|line| line.trim_end().ends_with(call)).count())
            .sum()
    }

    pub(crate) fn log(&self, instance: &str) -> String {
        fs::read_to_string(self.path(&format!("{instance}.log"))).unwrap()
    }
}

pub(crate) struct Signer {
    pub(crate) child: Child,
    inbox: UnixDatagram,
    pub(crate) socket: PathBuf,
}

impl Signer {
    pub(crate) fn wait_ready(&mut self) {
        self.wait_line(b"READY=1");
    }

    /// Waits until systemd would have been told this.
    pub(crate) fn wait_line(&mut self, wanted: &[u8]) {
        let mut buffer = [0; 4096];
        loop {
            let len = self.inbox.recv(&mut buffer).expect("systemd would not have been told in time");
            if buffer[..len].split(|b| *b == b'\n').any(|line| line == wanted) {
                return;
            }
        }
    }

    /// What systemd was told since, without waiting.
    pub(crate) fn drain(&self) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        self.inbox.set_nonblocking(true).unwrap();
        while let Ok(len) = self.inbox.recv(&mut buffer) {
            all.extend_from_slice(&buffer[..len]);
        }
        self.inbox.set_nonblocking(false).unwrap();
        all
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.socket)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Client(pub(crate) UnixStream);

impl Client {
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    pub(crate) fn ask(&mut self, request: &Request<'_>) -> Answer {
        self.try_ask(request).expect("the signer answers")
    }

    pub(crate) fn try_ask(&mut self, request: &Request<'_>) -> std::io::Result<Answer> {
        let mut frame = Vec::new();
        wire::encode(request, &mut frame).unwrap();
        self.0.write_all(&frame)?;
        self.read()
    }

    pub(crate) fn read(&mut self) -> std::io::Result<Answer> {
        let mut head = [0; wire::HEADER_LEN];
        self.0.read_exact(&mut head)?;
        let mut body = vec![0; wire::header(&head).unwrap()];
        self.0.read_exact(&mut body)?;
        Ok(wire::decode_answer(&body).unwrap())
    }

    pub(crate) fn hello(&mut self) -> KeyDescription {
        match self.ask(&Request::Hello) {
            Answer::Key(key) => *key,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn sign(&mut self, signed_info: &[u8]) -> Result<Vec<u8>, Failure> {
        match self.ask(&Request::Sign(signed_info)) {
            Answer::Signature(signature) => Ok(signature),
            Answer::Failure(failure) => Err(failure),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn stats(&mut self) -> Stats {
        match self.ask(&Request::Stats) {
            Answer::Stats(stats) => stats,
            other => panic!("{other:?}"),
        }
    }
}

/// Tries until it holds; the deadline is a failure.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(began.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
