//! PKCS#11 tokens whose keys are wholly in a TPM: tpm2-pkcs11 over a software TPM, with a resource manager on a bus of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::establishment::write;
use super::key_kind::KeyType;
use super::plan::STRUCTURES;
use super::program::program;
use super::resource_manager::ResourceManager;
use super::skip::skip;
use super::softhsm::run;
use super::swtpm::Swtpm;

/// User PIN of every token.
pub const PIN: &str = "1234";
/// What it takes beside the module.
const PROGRAMS: [&str; 5] = ["swtpm", "swtpm_setup", "tpm2-abrmd", "dbus-daemon", "tpm2_ptool"];

/// A software TPM with a store of tokens (`store/`), the file of their PIN (`pin`) and the memory of refused ones (`memory/`) in its folder.
pub struct TpmTokens {
    /// What it takes to speak to the TPM.
    pub manager: ResourceManager,
    /// tpm2-pkcs11.
    pub module: PathBuf,
}

/// A key as `tpm2_ptool export` gives it to whoever has the PIN.
pub struct Exported {
    /// TPM2B_PUBLIC.
    pub public: String,
    /// TPM2B_PRIVATE.
    pub private: String,
    /// File of its authorisation.
    pub auth: String,
}

impl TpmTokens {
    /// None, counted as skipped, where its programs are not installed.
    pub fn over(tpm: impl FnOnce() -> Swtpm, test: &str) -> Option<TpmTokens> {
        let module = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        let module = module.join("pkcs11/libtpm2_pkcs11.so");
        if !module.exists() || !Swtpm::missing(&PROGRAMS).is_empty() {
            skip(test, "swtpm, tpm2-abrmd or tpm2-pkcs11 is not installed");
            return None;
        }
        let tokens = TpmTokens { manager: ResourceManager::over(tpm()), module };
        for name in ["store", "memory"] {
            std::fs::create_dir(tokens.path(name)).unwrap();
        }
        write(&tokens.path("pin"), PIN, 0o600);
        run(&mut tokens.ptool("init"));
        Some(tokens)
    }

    /// A file in the TPM's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.manager.tpm.path(name)
    }

    /// The same as a text.
    pub fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// What a program needs to find TPM and store.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("DBUS_SESSION_BUS_ADDRESS", self.manager.bus()),
            ("TPM2_PKCS11_TCTI", self.manager.tcti().to_owned()),
            ("TPM2_PKCS11_STORE", self.file("store")),
            ("TPM2_PKCS11_LOG_LEVEL", "0".to_owned()),
            ("TSS2_LOG", "all+none".to_owned()),
        ]
    }

    /// A program that has it all, in the TPM's folder.
    pub fn command(&self, name: &str) -> Command {
        let mut command = self.manager.command(name);
        command.envs(self.environment());
        command
    }

    /// Makes an empty token.
    pub fn token(&self, label: &str) {
        let mut add = self.ptool("addtoken");
        run(add.args(["--pid", "1", "--label", label, "--sopin", "4321", "--userpin", PIN]));
    }

    /// Makes a key by `sceau keys generate`, in a token of its own of the same name.
    pub fn generate(&self, key: &str, key_use: &str, kind: KeyType) {
        self.token(key);
        run(self.keys("generate", key, key_use).args(["--type", kind.name()]));
    }

    /// SubjectPublicKeyInfo of a key that is to be certified, DER, as its request has it.
    pub fn spki(&self, key: &str, key_use: &str) -> Vec<u8> {
        let request = format!("{key}.csr");
        let mut csr = self.keys("csr", key, key_use);
        csr.args(["--structure", STRUCTURES[0], "--department", "Rhône (69)", "--organisation", "CENTRE"]);
        run(csr.args(["--application", "SCEAU", "--out", &request]));
        let (public, der) = (format!("{key}.pem"), format!("{key}.der"));
        run(self.command("openssl").args(["req", "-in", &request, "-pubkey", "-noout", "-out", &public]));
        run(self.command("openssl").args(["pkey", "-pubin", "-in", &public, "-outform", "DER", "-out", &der]));
        std::fs::read(self.path(&der)).unwrap()
    }

    /// Members of a key's section in the configuration: where it is, and its PIN.
    pub fn place(&self, key: &str) -> [(&'static str, toml::Value); 3] {
        [
            ("uri", uri(key).into()),
            ("module", self.module.to_str().unwrap().into()),
            ("pin_file", self.file("pin").into()),
        ]
    }

    fn keys(&self, step: &str, key: &str, key_use: &str) -> Command {
        let mut sceau = self.command(program("sceau").to_str().unwrap());
        sceau.args(["keys", step, "--uri", &uri(key), "--pin-file", "pin", "--use", key_use, "--module"]);
        sceau.arg(&self.module).env("STATE_DIRECTORY", self.path("memory"));
        sceau
    }

    /// What the library keeps of a key outside the TPM, in files of the TPM's folder that are named after it.
    pub fn export(&self, key: &str) -> Exported {
        let mut export = self.ptool("export");
        export.args(["--label", key, "--key-label", key, "--userpin", PIN, "--format", "tpm2"]);
        let said = run(export.args(["--output-prefix", key]));
        let auth = said.lines().find_map(|line| line.strip_prefix("object-auth: "));
        let auth = auth.unwrap_or_else(|| panic!("{said}"));
        write(&self.path(&format!("{key}.auth")), auth.trim_matches(['\'', '"']), 0o600);
        let file = |end: &str| self.file(&format!("{key}.{end}"));
        Exported { public: file("pub"), private: file("priv"), auth: file("auth") }
    }

    fn ptool(&self, step: &str) -> Command {
        let mut ptool = self.command("tpm2_ptool");
        ptool.args([step, "--path"]).arg(self.path("store"));
        ptool
    }
}

fn uri(key: &str) -> String {
    format!("pkcs11:token={key};object={key}")
}
