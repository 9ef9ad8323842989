//! A blank appliance on a staged root, a stick, a TPM, and whoever signs provisionings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::establishment::write;
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::plan::STRUCTURES;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

/// Beside a right file, for a right one.
pub(super) const NAMESPACE: &str = "fr.sceau.provisioning";

/// A blank appliance in front of which somebody stands with a stick.
pub(super) struct Rig {
    folder: tempfile::TempDir,
    tpm: Swtpm,
    pub(super) pki: Pki,
}

impl Rig {
    /// None where the TPM's programs are not installed.
    pub(super) fn new(test: &str) -> Option<Rig> {
        if !Swtpm::missing(&["swtpm", "systemd-creds", "tpm2_pcrextend"]).is_empty() {
            skip(test, "swtpm, tpm2-tools or systemd-creds is not installed");
            return None;
        }
        let tpm = Swtpm::bare();
        tpm.extend(7, 'a');
        let pki = Pki::generate(CaNames::Test, CaKeys::P256);
        let rig = Rig { folder: tempfile::tempdir().unwrap(), tpm, pki };
        for folder in [
            "root/proc/sys/kernel",
            "root/sys/class/dmi/id",
            "root/sys/class/tpm/tpm0/pcr-sha256",
            "root/usr/lib/sceau",
            "root/var/lib",
            "root/run",
            "stick/sceau/files",
        ] {
            fs::create_dir_all(rig.path(folder)).unwrap();
        }
        fs::write(rig.path("root/sys/class/dmi/id/product_serial"), "SN-4711\n").unwrap();
        rig.pcr(7, &format!("{}1", "0".repeat(63)));
        rig.key("officer");
        rig.trust("officer");
        fs::write(rig.path("stick/sceau/files/racine.pem"), rig.pki.root_pem()).unwrap();
        fs::write(rig.path("stick/sceau/files/intermediaire.pem"), rig.pki.intermediate_pem()).unwrap();
        Some(rig)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn root(&self, name: &str) -> PathBuf {
        self.path("root").join(name)
    }

    pub(super) fn stick(&self, name: &str) -> PathBuf {
        self.path("stick/sceau").join(name)
    }

    /// What the kernel says of a PCR.
    pub(super) fn pcr(&self, number: u8, hex: &str) {
        fs::write(self.root(&format!("sys/class/tpm/tpm0/pcr-sha256/{number}")), hex).unwrap();
    }

    /// An SSH key of that name.
    pub(super) fn key(&self, name: &str) {
        let mut keygen = Command::new("ssh-keygen");
        run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(self.path(name)));
    }

    /// The image names this signer alone.
    pub(super) fn trust(&self, name: &str) {
        let public = fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        fs::write(self.root("usr/lib/sceau/provisioning.keys"), format!("# signataires\n{name} {public}"))
            .unwrap();
    }

    /// A right provisioning of a test establishment.
    pub(super) fn right(&self) -> String {
        format!(
            r#"format = 1
until = "2099-12-31"
machine = "SN-4711"

[appliance]
name = "sceau-1"
mode = "test"

[network]
interface = "en*"
address = "192.0.2.10/24"
gateway = "192.0.2.1"
name_servers = ["192.0.2.53"]

[time]
sources = ["ntp.exemple.fr"]

[token]
module = "softhsm"

[establishment]
organisation = "CENTRE HOSPITALIER DE DEMONSTRATION"
department = "Rhône (69)"
application = "SCEAU DEMONSTRATION"
origin = "ch-exemple.fr/sceau"
structures = ["{}"]

[keys]
type = "p-256"
authentication = true

[trust]
anchors = ["racine.pem"]
intermediates = ["intermediaire.pem"]
{}{}"#,
            STRUCTURES[0],
            self.pinned("racine.pem"),
            self.pinned("intermediaire.pem"),
        )
    }

    /// `[[file]]` of a file that is on the stick.
    pub(super) fn pinned(&self, name: &str) -> String {
        let said = run(Command::new("sha256sum").arg(self.stick("files").join(name)));
        format!("\n[[file]]\nname = \"{name}\"\nsha256 = \"{}\"\n", said.split(' ').next().unwrap())
    }

    /// Puts a text on the stick, signed by that key.
    pub(super) fn bring(&self, text: &str, signer: &str, namespace: &str) {
        let file = self.stick("provisioning.toml");
        fs::write(&file, text).unwrap();
        let _ = fs::remove_file(self.stick("provisioning.toml.sig"));
        let mut sign = Command::new("ssh-keygen");
        run(sign.args(["-Y", "sign", "-q", "-n", namespace, "-f"]).arg(self.path(signer)).arg(&file));
    }

    /// The same by the officer, for its purpose.
    pub(super) fn bring_signed(&self, text: &str) {
        self.bring(text, "officer", NAMESPACE);
    }

    pub(super) fn console(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("sceau-console"));
        command.args(arguments).arg("--root").arg(self.path("root")).stdin(Stdio::null());
        command
    }

    /// Without the kernel's resource manager the sessions that systemd-creds 252 leaves behind fill a TPM.
    fn flush(&self) {
        for kind in ["--loaded-session", "--transient-object"] {
            let _ = self.tpm.tool("tpm2_flushcontext", &[kind]).output();
        }
    }

    /// One visit; exit code and what the screen showed.
    pub(super) fn visit(&self) -> (Option<i32>, String) {
        self.visit_with(&[])
    }

    /// The same with that environment.
    pub(super) fn visit_with(&self, environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let device = format!("--tpm2-device={}", self.tpm.tcti());
        self.flush();
        let mut command = self.console(&["provision", &device]);
        command.envs(environment.iter().copied());
        parts(&command.arg("--stick").arg(self.path("stick")).output().unwrap())
    }

    /// A visit that does what it shall.
    pub(super) fn visited(&self) -> String {
        let (code, said) = self.visit();
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// `sceau-console rebind`.
    pub(super) fn rebind(&self) -> (Option<i32>, String) {
        self.on_disk("rebind")
    }

    /// `sceau-console factory-reset`.
    pub(super) fn factory_reset(&self) -> (Option<i32>, String) {
        self.on_disk("factory-reset")
    }

    fn on_disk(&self, verb: &str) -> (Option<i32>, String) {
        self.flush();
        let device = format!("--tpm2-device={}", self.tpm.tcti());
        parts(&self.console(&[verb, &device]).output().unwrap())
    }

    /// Somebody sets a secret for the TPM's lockout.
    pub(super) fn guard_lockout(&self) {
        run(&mut self.tpm.tool("tpm2_changeauth", &["-c", "lockout", "somebody"]));
    }

    /// `sceau-console apply`.
    pub(super) fn apply(&self) -> (Option<i32>, String) {
        parts(&self.console(&["apply"]).output().unwrap())
    }

    pub(super) fn answer(&self, name: &str) -> String {
        fs::read_to_string(self.stick("answers").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(super) fn is_blank(&self) -> bool {
        !self.root("var/lib/sceau-config").exists() && !self.root("var/lib/sceau-config.new").exists()
    }

    /// The PIN that the credential holds, by systemd's own word.
    pub(super) fn pin(&self, name: &str) -> String {
        run(&mut self.opening(name))
    }

    /// Whether the credential opens.
    pub(super) fn opens_pin(&self, name: &str) -> bool {
        self.opening(name).output().unwrap().status.success()
    }

    fn opening(&self, name: &str) -> Command {
        let sealed = self.root("var/lib/sceau-config/credentials").join(name);
        let device = format!("--tpm2-device={}", self.tpm.tcti());
        self.flush();
        let mut creds = Command::new("systemd-creds");
        creds
            .args([&device, &format!("--name={name}"), "decrypt"])
            .arg(sealed)
            .arg("-")
            .env("TSS2_LOG", "all+none");
        creds
    }

    /// The machine's state has changed.
    pub(super) fn extend(&self, pcr: u8) {
        self.tpm.extend(pcr, 'b');
    }

    /// Every file below the root and the stick, for what must be in none of them.
    pub(super) fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for folder in ["root", "stick"] {
            files(&self.path(folder), &mut found);
        }
        found
    }

    /// What stands in the folder of the configuration.
    pub(super) fn configured(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root("var/lib/sceau-config").join(name)).ok()
    }

    /// Brings these certificates and no others.
    pub(super) fn bring_only(&self, certificates: &[(&str, &str)]) {
        let _ = fs::remove_dir_all(self.stick("certificates"));
        for (name, pem) in certificates {
            self.bring_certificate(name, pem);
        }
    }

    /// Brings a certificate.
    pub(super) fn bring_certificate(&self, name: &str, pem: &str) {
        fs::create_dir_all(self.stick("certificates")).unwrap();
        write(&self.stick("certificates").join(name), pem, 0o644);
    }
}

fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
}

fn parts(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}
