//! The ceremony on a TPM: tpm2-pkcs11 over swtpm, with a resource manager on a bus of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{SUBJECT, done, json, refused};
use crate::support::establishment::write;
use crate::support::plan::STRUCTURES;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::swtpm::{ResourceManager, Swtpm};

/// A software TPM with one token `tpm`, user PIN 1234.
struct Tpm {
    manager: ResourceManager,
    module: PathBuf,
}

impl Tpm {
    /// None where its programs are not installed.
    fn start() -> Option<Tpm> {
        let module = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        let module = module.join("pkcs11/libtpm2_pkcs11.so");
        if !module.exists() || !Swtpm::missing(&["swtpm", "tpm2-abrmd", "dbus-daemon", "tpm2_ptool"]).is_empty() {
            return None;
        }
        let tpm = Tpm { manager: ResourceManager::over(Swtpm::bare()), module };
        for name in ["store", "memory"] {
            std::fs::create_dir(tpm.path(name)).unwrap();
        }
        write(&tpm.path("pin"), "1234", 0o600);
        let store = tpm.path("store").to_str().unwrap().to_owned();
        run(tpm.command("tpm2_ptool").args(["init", "--path", &store]));
        let token =
            ["addtoken", "--pid", "1", "--label", "tpm", "--sopin", "4321", "--userpin", "1234", "--path", &store];
        run(tpm.command("tpm2_ptool").args(token));
        Some(tpm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.manager.tpm.path(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = self.manager.command(name);
        command.env("TPM2_PKCS11_TCTI", self.manager.tcti()).env("TPM2_PKCS11_STORE", self.path("store"));
        command.env("TPM2_PKCS11_LOG_LEVEL", "0").env("STATE_DIRECTORY", self.path("memory"));
        command
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
