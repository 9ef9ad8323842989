//! `sceau keys` without a token.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use super::{done, sceau};
use crate::support::softhsm::run;

/// A folder with a wrapping key `secret`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), &["keys", "wrapping-key", "--out", "secret"]);
    folder
}

const SEAL: [&str; 6] = ["--sealed", "seal.sealed", "--pin-file", "secret", "--use", "seal"];

#[test]
fn a_wrapping_key_is_drawn_once_for_its_owner_alone() {
    let folder = folder();
    let secret = folder.path().join("secret");
    let first = fs::read_to_string(&secret).unwrap();
    assert!(first.trim_end().len() == 64 && first.trim_end().bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = sceau(folder.path(), &["keys", "wrapping-key", "--out", "secret"]);
    assert!(code == Some(2) && said.contains("existe déjà") && !said.contains(first.trim_end()), "{said}");
    assert_eq!(fs::read_to_string(&secret).unwrap(), first);
    let said = done(folder.path(), &["keys", "wrapping-key", "--out", "other"]);
    let other = fs::read_to_string(folder.path().join("other")).unwrap();
    assert!(other != first && !said.contains(other.trim_end()), "{said}");
}

#[test]
fn a_key_is_sealed_requested_and_never_told_an_hsms() {
    let folder = folder();
    let said = done(folder.path(), &[&["keys", "generate", "--type", "rsa-2048"], &SEAL[..]].concat());
    for words in ["seal.sealed", "rsa-2048", "pas dans un HSM", "sealed_keys", "sceau keys csr"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let kept = fs::read_to_string(folder.path().join("seal.sealed")).unwrap();
    let file: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!((&file["format"], &file["use"]), (&"fr.sceau.sealed-key/1".into(), &"seal".into()));
    let subject = [
        "--department",
        "Rhône (69)",
        "--organisation",
        "CH",
        "--structure",
        "1690781810",
        "--application",
        "dpi",
    ];
    done(folder.path(), &[&["keys", "csr", "--out", "seal.csr"], &subject[..], &SEAL[..]].concat());
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-verify", "-noout", "-pubkey", "-in", "seal.csr"]).current_dir(folder.path());
    assert!(run(&mut openssl).contains("BEGIN PUBLIC KEY"));
    // Nothing replaces a key; nothing but its own wrapping key opens it, for nothing but its own use.
    let (code, said) = sceau(folder.path(), &[&["keys", "generate"], &SEAL[..]].concat());
    assert!(code == Some(2) && said.contains("jamais remplacée"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("seal.sealed")).unwrap(), kept);
    done(folder.path(), &["keys", "wrapping-key", "--out", "other"]);
    let refused = |secret: &str, key_use: &str, code: i32, words: &str| {
        let key = ["--sealed", "seal.sealed", "--pin-file", secret, "--use", key_use];
        let (found, said) = sceau(folder.path(), &[&["keys", "csr"], &subject[..], &key[..]].concat());
        assert!(found == Some(code) && said.contains(words), "{found:?}: {said}");
    };
    refused("other", "seal", 3, "n'ouvre pas");
    refused("secret", "authentication", 2, "autre usage");
    fs::write(folder.path().join("pin"), "1234\n").unwrap();
    fs::set_permissions(folder.path().join("pin"), fs::Permissions::from_mode(0o600)).unwrap();
    refused("pin", "seal", 2, "64 chiffres");
    fs::set_permissions(folder.path().join("other"), fs::Permissions::from_mode(0o644)).unwrap();
    refused("other", "seal", 2, "chmod 0400");
}

#[test]
fn an_audit_key_is_sealed_and_its_public_half_handed_out() {
    let folder = folder();
    let key = ["--sealed", "audit.sealed", "--pin-file", "secret", "--use", "audit"];
    done(folder.path(), &[&["keys", "generate"], &key[..]].concat());
    done(
        folder.path(),
        &[&["keys", "audit-public", "--origin", "ch.fr/x", "--out", "AUDIT.pub"], &key[..]].concat(),
    );
    assert!(fs::read_to_string(folder.path().join("AUDIT.pub")).unwrap().starts_with("ch.fr/x/1+"));
    let (code, said) = sceau(folder.path(), &[&["keys", "generate", "--type", "rsa-2048"], &key[..]].concat());
    assert!(code == Some(2) && said.contains("ed25519 ou p-256"), "{said}");
}
