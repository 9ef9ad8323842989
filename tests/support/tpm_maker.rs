//! A manufacturer of software TPMs: their first state, with certificates of a CA of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::establishment::write;
use super::softhsm::run;

/// Makes the state of a TPM in `folder/state` and its CA in `folder/ca`, SHA-256 bank alone; `certificates` are the options
/// of swtpm_setup that ask for them.
pub fn manufacture(folder: &Path, certificates: &[&str]) {
    let at = |name: &str| folder.join(name).display().to_string();
    for name in ["state", "ca"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    let [ca, state] = [at("ca"), at("state")];
    let authority = format!(
        "statedir = {ca}\nsigningkey = {ca}/key.pem\nissuercert = {ca}/cert.pem\ncertserial = {ca}/serial\n"
    );
    write(Path::new(&at("localca.conf")), &authority, 0o644);
    let platform = "--platform-manufacturer Essai\n--platform-version 1\n--platform-model Essai\n";
    write(Path::new(&at("options")), platform, 0o644);
    let setup = format!(
        "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {}\n\
         create_certs_tool_options = {}\nactive_pcr_banks = sha256\n",
        at("localca.conf"),
        at("options")
    );
    write(Path::new(&at("setup.conf")), &setup, 0o644);
    let mut make = Command::new("swtpm_setup");
    make.args(["--tpm2", "--tpmstate", &state, "--config", &at("setup.conf")]).args(certificates);
    run(&mut make);
}

/// Certificates of the CA in `folder`: the root and the intermediate that signs EKs.
pub fn authorities(folder: &Path) -> [PathBuf; 2] {
    ["ca/swtpm-localca-rootca-cert.pem", "ca/cert.pem"].map(|name| folder.join(name))
}
