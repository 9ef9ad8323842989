//! Sealed keys of an establishment, made by the product's own ceremony.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::Value;

use super::key_kind::KeyType;
use super::program::program;
use super::softhsm::{Token, run};

/// Draws a wrapping key into `secrets/<key>.pin` and makes the key in `<key>.sealed`.
pub fn make(folder: &Path, key: &str, kind: KeyType, key_use: &str) -> Token {
    let (secret, file) = (folder.join(format!("secrets/{key}.pin")), format!("{key}.sealed"));
    let sceau = || Command::new(program("sceau"));
    run(sceau().args(["keys", "wrapping-key", "--out"]).arg(&secret));
    let mut generate = sceau();
    generate.args(["keys", "generate", "--use", key_use, "--type", kind.name(), "--pin-file"]).arg(&secret);
    run(generate.arg("--sealed").arg(folder.join(&file)));
    let said: Value = serde_json::from_slice(&std::fs::read(folder.join(&file)).unwrap()).unwrap();
    let spki_der = base64::engine::general_purpose::STANDARD.decode(said["public"].as_str().unwrap()).unwrap();
    let pin = std::fs::read_to_string(&secret).unwrap();
    Token { label: file.clone(), object: key.into(), pin, spki_der, sealed: Some(file) }
}
