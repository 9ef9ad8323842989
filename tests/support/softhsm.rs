//! SoftHSM tokens of an establishment of its own: keys generated inside, and the keys that a signer must refuse.
//!
//! `SOFTHSM2_CONF` is given to child processes only: the environment of the test process is shared by all its tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::key_kind::{KeyOrigin, KeyType};
use super::not_sensitive;

/// Where Debian 12 and 13 put the module.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A folder with a `softhsm2.conf` and tokens.
#[derive(Clone, Debug)]
pub struct TokenStore {
    folder: PathBuf,
}

/// One token with one key pair.
#[derive(Clone, Debug)]
pub struct Token {
    /// Token label.
    pub label: String,
    /// Label of the key pair.
    pub object: String,
    /// User PIN.
    pub pin: String,
    /// Public key, SubjectPublicKeyInfo, DER.
    pub spki_der: Vec<u8>,
    /// The file of a sealed key, which is in no token; the PIN is then its wrapping key.
    pub sealed: Option<String>,
}

impl Token {
    /// RFC 7512 URI of the private key.
    pub fn uri(&self) -> String {
        match &self.sealed {
            Some(file) => format!("sealed:{file}"),
            None => format!("pkcs11:token={};object={};type=private", self.label, self.object),
        }
    }

    /// The module, where there is one.
    pub fn module(&self) -> Option<&'static str> {
        self.sealed.is_none().then_some(MODULE)
    }
}

impl TokenStore {
    /// Makes `folder` a store without tokens.
    pub fn create(folder: &Path) -> TokenStore {
        let store = TokenStore { folder: folder.to_owned() };
        std::fs::create_dir_all(store.tokens()).unwrap();
        let tokens = store.tokens();
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(store.conf(), conf).unwrap();
        store
    }

    /// The value of `SOFTHSM2_CONF` for programs that shall see these tokens.
    pub fn conf(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// The folder that holds one folder per token; moving it away is losing the tokens.
    pub fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    /// Takes every token away, as a pulled cable would, until `find`.
    pub fn lose(&self) {
        std::fs::rename(self.tokens(), self.folder.join("lost")).unwrap();
    }

    /// Puts the lost tokens back.
    pub fn find(&self) {
        std::fs::rename(self.folder.join("lost"), self.tokens()).unwrap();
    }

    /// Initialises a token and makes its key pair `object` (id 01).
    pub fn make(&self, label: &str, object: &str, key: KeyType, origin: KeyOrigin) -> Token {
        let (pin, so_pin) = (random_pin(), random_pin());
        let mut init = self.command("softhsm2-util");
        run(init.args(["--init-token", "--free", "--label", label, "--so-pin", &so_pin, "--pin", &pin]));
        let mut token =
            Token { label: label.into(), object: object.into(), pin, spki_der: Vec::new(), sealed: None };
        match origin {
            KeyOrigin::Generated => self.generate(&token, key, &["--sensitive"]),
            KeyOrigin::Extractable => self.generate(&token, key, &["--sensitive", "--extractable"]),
            KeyOrigin::Imported => self.import(&token, key),
            KeyOrigin::NotSensitive => not_sensitive::make(self, &token, key),
            KeyOrigin::Sealed => panic!("a sealed key is in no token"),
        }
        token.spki_der = self.public_key(&token, key);
        token
    }

    /// Gives the token another random PIN.
    pub fn change_pin(&self, token: &mut Token) {
        let pin = random_pin();
        run(self.pkcs11_tool(token).args(["--change-pin", "--new-pin", "env:NEW_PIN"]).env("NEW_PIN", &pin));
        token.pin = pin;
    }

    fn generate(&self, token: &Token, key: KeyType, flags: &[&str]) {
        let mut tool = self.pkcs11_tool(token);
        tool.args(["--keypairgen", "--key-type", key.pkcs11_tool(), "--usage-sign"]);
        run(tool.args(["--label", &token.object, "--id", "01"]).args(flags));
    }

    fn import(&self, token: &Token, key: KeyType) {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = (folder.path().join("key.der"), folder.path().join("public.der"));
        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-outform", "DER", "-out"]).arg(&private);
        match key.pkcs11_tool().split_once(':').unwrap() {
            ("EC", curve) => openssl.args(["-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")]),
            (_, bits) => openssl.args(["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")]),
        };
        run(&mut openssl);
        let mut openssl = Command::new("openssl");
        openssl.args(["pkey", "-pubout", "-inform", "DER", "-outform", "DER", "-in"]).arg(&private);
        run(openssl.arg("-out").arg(&public));
        for (file, options) in [(&private, &["privkey", "--sensitive"][..]), (&public, &["pubkey"])] {
            let mut tool = self.pkcs11_tool(token);
            tool.arg("--write-object").arg(file).args(["--usage-sign", "--label", &token.object, "--id", "01"]);
            run(tool.arg("--type").args(options));
        }
    }

    /// Reads the public key. pkcs11-tool 0.23 exports RSA but no P-384 key: for EC the point is taken from the listing.
    fn public_key(&self, token: &Token, key: KeyType) -> Vec<u8> {
        let (point_len, algorithm): (usize, &[u8]) = match key {
            KeyType::P256 => {
                (65, b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")
            }
            KeyType::Ed25519 => (32, b"\x30\x05\x06\x03\x2b\x65\x70"),
            KeyType::P384 => (97, b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"),
            _ => {
                let file = tempfile::NamedTempFile::new().unwrap();
                let mut tool = self.pkcs11_tool(token);
                tool.args(["--read-object", "--type", "pubkey", "--id", "01", "--output-file"]);
                run(tool.arg(file.path()));
                return std::fs::read(file.path()).unwrap();
            }
        };
        let listing = run(self.pkcs11_tool(token).args(["--list-objects", "--type", "pubkey"]));
        let hex =
            listing.lines().find_map(|line| line.trim().strip_prefix("EC_POINT:")).unwrap().trim().to_owned();
        let digits = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let bytes: Vec<u8> = digits.collect();
        // CKA_EC_POINT is an OCTET STRING around the point; both are shorter than 128 bytes.
        let point = &bytes[bytes.len() - point_len..];
        let bits = [&[0x03, point_len as u8 + 1, 0], point].concat();
        [&[0x30, (algorithm.len() + bits.len()) as u8], algorithm, &bits].concat()
    }

    /// `pkcs11-tool` logged in to that token: an outside witness.
    pub fn pkcs11_tool(&self, token: &Token) -> Command {
        let mut tool = self.command("pkcs11-tool");
        tool.args(["--module", MODULE, "--token-label", &token.label, "--login", "--pin", "env:USER_PIN"]);
        tool.env("USER_PIN", &token.pin);
        tool
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SOFTHSM2_CONF", self.conf());
        command
    }
}

/// Runs to the end; its standard output. Panics with what it said otherwise.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{:?}: {e}; run `make setup`", command.get_program()));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}: {}\n{stdout}{stderr}", command.get_program(), output.status);
    stdout.into_owned()
}

fn random_pin() -> String {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
