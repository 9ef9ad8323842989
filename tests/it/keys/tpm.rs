//! The ceremony on a TPM: tpm2-pkcs11 over swtpm.

use std::process::{Command, Stdio};

use super::{SUBJECT, done, json, refused};
use crate::support::establishment::write;
use crate::support::plan::STRUCTURES;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;
use crate::support::tpm_token::TpmTokens;

/// `sceau keys <step>` about an object of the one token `tpm`.
fn step(tokens: &TpmTokens, step: &str, object: &str) -> Command {
    let mut command = tokens.command(program("sceau").to_str().unwrap());
    command.args(["keys", step, "--module"]).arg(&tokens.module).args(["--pin-file", "pin"]);
    command.args(["--uri", &format!("pkcs11:token=tpm;object={object}")]);
    command.env("STATE_DIRECTORY", tokens.path("memory"));
    command
}

#[test]
fn keys_are_made_and_certified_in_a_tpm() {
    let Some(tpm) = TpmTokens::over(Swtpm::bare, "keys::keys_are_made_and_certified_in_a_tpm") else { return };
    tpm.token("tpm");
    // A TPM's RSA key that only signs is none that tpm2-pkcs11 can sign with: that is told.
    for (kind, signs_only) in [("rsa-2048", false), ("p-256", true)] {
        let mut generate = step(&tpm, "generate", kind);
        let made = json(&done(generate.args(["--use", "seal", "--type", kind, "--json"])));
        for (member, value) in [("sensitive", true), ("extractable", false), ("local", true), ("production", true)]
        {
            assert_eq!(made[member], value, "{member} of {made}");
        }
        assert_eq!(made["signs_only"], signs_only, "{made}");
        let mut csr = step(&tpm, "csr", kind);
        csr.args(["--use", "seal", "--structure", STRUCTURES[0], "--out", kind]).args(SUBJECT);
        done(&mut csr);
        let mut openssl = Command::new("openssl");
        run(openssl.args(["req", "-verify", "-noout", "-in"]).arg(tpm.path(kind)));
        let mut again = step(&tpm, "generate", kind);
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
    refused(step(&tpm, "list", "").args(["--json"]).stdout(Stdio::null()), 3, &["PIN"]);
    refused(step(&tpm, "list", "").args(["--json"]).stdout(Stdio::null()), 3, &["aucun essai n'a été fait"]);
}
