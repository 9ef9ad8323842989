//! A machine that measured something, with an approver of its states and three officers: PINs may be sealed on it.

use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::traces::digest::Digest;
use serde_json::{Value, json};

use super::rig::Machine;
use crate::support::establishment::write;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

/// The PIN of the token.
pub(crate) const PIN: &str = "4711-0815";
/// What a person types.
pub(crate) const BOOT_PIN: &str = "une rose de sable";
/// What is sealed to.
pub(crate) const PCRS: [u8; 3] = [7, 11, 12];

/// A machine with measurements, an approver's key, and three officers.
pub(crate) struct Sealing {
    pub(crate) machine: Machine,
}

impl Sealing {
    pub(crate) fn with(test: &str) -> Option<Sealing> {
        Self::measured(test, &PCRS)
    }

    /// The same with something measured in these PCRs alone.
    pub(crate) fn measured(test: &str, pcrs: &[u8]) -> Option<Sealing> {
        Some(Sealing::on(Machine::with(test, Swtpm::bare)?, pcrs))
    }

    /// The same on a machine that is there.
    pub(crate) fn on(machine: Machine, pcrs: &[u8]) -> Sealing {
        for pcr in pcrs {
            machine.tpm.extend(*pcr, 'a');
        }
        let sealing = Sealing { machine };
        write(&sealing.path("pin"), &format!("{PIN}\n"), 0o600);
        write(&sealing.path("boot"), &format!("{BOOT_PIN}\n"), 0o600);
        for key in ["approver", "stranger"] {
            let private = format!("{key}.key");
            sealing.openssl(&["genrsa", "-out", &private, "2048"]);
            sealing.openssl(&["rsa", "-in", &private, "-pubout", "-out", &format!("{key}.pem")]);
        }
        for number in 1..=3 {
            let (key, certificate) = (format!("officer{number}.key"), format!("officer{number}.pem"));
            let subject = format!("/CN=Officier {number}");
            let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &subject];
            let usage = ["-addext", "keyUsage=critical,keyEncipherment", "-keyout", &key, "-out", &certificate];
            sealing.openssl(&[&new[..], &usage].concat());
        }
        std::fs::create_dir(sealing.path("recovery")).unwrap();
        sealing
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.machine.establishment.folder.join(name)
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) {
        run(Command::new("openssl").args(arguments).current_dir(&self.machine.establishment.folder));
    }

    /// What a PCR holds.
    pub(crate) fn value(&self, pcr: u8) -> String {
        let told = run(&mut self.machine.tpm.tool("tpm2_pcrread", &[&format!("sha256:{pcr}")]));
        told.rsplit_once("0x").unwrap().1.trim().to_lowercase()
    }

    /// What it will hold once a digest of that digit is measured.
    pub(crate) fn next(&self, pcr: u8, digit: char) -> String {
        let bytes = |hex: &str| Digest::from_hex(hex).unwrap();
        let digest: String = std::iter::repeat_n(digit, 64).collect();
        Digest::of(&[bytes(&self.value(pcr)).as_bytes(), bytes(&digest).as_bytes()]).to_string()
    }

    /// The approval of these values by that key, as `sceau seal digest` writes it, in a file.
    pub(crate) fn approve(&self, key: &str, values: &[(u8, String)], file: &str) {
        let values: Vec<String> = values.iter().map(|(pcr, value)| format!("--pcr={pcr}={value}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.done(&[&["digest"], &values[..], &["--out", "policy"]].concat());
        self.openssl(&["dgst", "-sha256", "-sign", &format!("{key}.key"), "-out", "signature", "policy"]);
        let approver = format!("{key}.pem");
        let signed = ["--signature", "signature", "--approver", &approver];
        let json = self.done(&[&["digest"], &values[..], &signed].concat());
        write(&self.path(file), &json, 0o644);
    }

    /// An approval of that policy that was made elsewhere.
    pub(crate) fn signed(&self, policy: &Digest) -> Value {
        // The choice of PCRs 7, 11 and 12: bits of three bytes.
        let reference = Digest::of(&[b"fr.sceau.approval/1", &[0x80, 0x18, 0x00]]);
        std::fs::write(self.path("policy"), [*policy.as_bytes(), *reference.as_bytes()].concat()).unwrap();
        self.openssl(&["dgst", "-sha256", "-sign", "approver.key", "-out", "signature", "policy"]);
        let signature = STANDARD.encode(std::fs::read(self.path("signature")).unwrap());
        json!({ "pcrs": PCRS, "pol": policy.to_string(), "sig": signature })
    }

    pub(crate) fn now(&self) -> Vec<(u8, String)> {
        PCRS.map(|pcr| (pcr, self.value(pcr))).to_vec()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut sceau = Command::new(program("sceau"));
        sceau.arg("seal").args(arguments).current_dir(&self.machine.establishment.folder);
        if arguments[0] != "digest" {
            sceau.args(["--name", "seal", "--config", "sceau.toml"]);
        }
        sceau
    }

    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        run(&mut self.command(arguments))
    }

    /// Exit code, and what it said.
    pub(crate) fn refused(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let said = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
        assert!(!said.contains(PIN) && !said.contains(BOOT_PIN), "{said}");
    }

    pub(crate) fn create(&self, signatures: &str) -> Command {
        let officers = ["officer1.pem", "officer2.pem", "officer3.pem"].map(|file| format!("--officer={file}"));
        let what = ["create", "--pin-file", "pin", "--boot-pin-file", "boot", "--recovery", "recovery"];
        let approved = ["--approver", "approver.pem", "--signatures", signatures];
        let mut command = self.command(&[&what[..], &approved].concat());
        command.args(officers);
        command
    }

    /// Created in the state of this moment.
    pub(crate) fn created(self) -> Self {
        self.approve("approver", &self.now(), "now.json");
        run(&mut self.create("now.json"));
        self
    }

    /// What `sceau seal open` gives.
    pub(crate) fn opened(&self) -> String {
        self.done(&["open", "--out", "given", "--boot-pin-file", "boot"]);
        std::fs::read_to_string(self.path("given")).unwrap()
    }
}
