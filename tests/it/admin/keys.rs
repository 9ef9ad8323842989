//! Every kind of key that may sign, with signatures of the real ssh-keygen.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::office::{Key, Office, named, sign_with};
use crate::doorstep::{brief, says};
use crate::support::plan::Plan;
use crate::support::softhsm::run;

#[test]
fn each_kind_of_key_signs() {
    let office = Office::empty(Plan::new("keys"));
    let folder = &office.door.establishment.folder;
    let rsa = Key::make(folder, "rsa4096", &["-t", "rsa", "-b", "4096"]);
    let all = [&office.alice, &office.bob, &office.carol, &rsa];
    let operators: Vec<_> =
        all.iter().enumerate().map(|(n, key)| named(&format!("op{n}"), &["administrator"], key)).collect();
    office.submit(&office.order("operators-bootstrap", json!({ "operators": operators })), &all).unwrap();
    // Both hashes that ssh-keygen knows.
    for hash in ["sha256", "sha512"] {
        for key in all {
            let text = office.order("clock-accept", json!({})).to_string();
            let mut command = Command::new("ssh-keygen");
            let option = format!("hashalg={hash}");
            command.args(["-q", "-Y", "sign", "-n", "sceau-order", "-O", &option, "-f"]).arg(&key.0);
            let answer = office.submit_text(&text, vec![sign_with(command, text.as_bytes())]);
            // Judged in full: only the verb has nothing to do.
            assert_eq!(brief(answer), says("Denied", "nothing-to-accept"), "{hash} {}", key.0.display());
        }
    }
}

/// The middleware of a security key in software, as ssh-keygen loads those of real ones (OpenSSH, sk-api.h).
fn security_key(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/admin/security_key.c");
    let library = folder.join("security-key.so");
    run(Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-lcrypto"));
    library
}

/// FIDO2 keys: OpenSSH's own helper speaks to a security key in software, so that flags, counter and the doubly hashed
/// message are those of the real thing.
#[test]
fn a_fido2_key_signs_when_it_was_touched() {
    let office = Office::empty(Plan::new("keys"));
    let folder = &office.door.establishment.folder;
    let provider = security_key(folder);
    let make = |name: &str, kind: &str| {
        let path = folder.join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-N", "", "-t", kind, "-w"]).arg(&provider).arg("-f").arg(&path);
        run(&mut command);
        Key(path)
    };
    let sign = |key: &Key, bytes: &[u8], touched: bool| {
        let mut command = Command::new("ssh-keygen");
        command
            .env("SSH_SK_PROVIDER", &provider)
            .args(["-q", "-Y", "sign", "-n", "sceau-order", "-f"])
            .arg(&key.0);
        if !touched {
            command.env("SECURITY_KEY_UNTOUCHED", "1");
        }
        sign_with(command, bytes)
    };
    let (p256, ed25519) = (make("sk-p256", "ecdsa-sk"), make("sk-ed25519", "ed25519-sk"));
    let operators = [named("p", &["administrator"], &p256), named("e", &["administrator"], &ed25519)];
    let text = office.order("operators-bootstrap", json!({ "operators": operators })).to_string();
    let signatures = [&p256, &ed25519].map(|key| sign(key, text.as_bytes(), true)).into();
    office.submit_text(&text, signatures).unwrap();
    for key in [&p256, &ed25519] {
        let text = office.order("clock-accept", json!({})).to_string();
        let untouched = sign(key, text.as_bytes(), false);
        assert_eq!(brief(office.submit_text(&text, vec![untouched])), says("Denied", "signature-invalid"));
        let touched = sign(key, text.as_bytes(), true);
        assert_eq!(brief(office.submit_text(&text, vec![touched])), says("Denied", "nothing-to-accept"));
    }
}
