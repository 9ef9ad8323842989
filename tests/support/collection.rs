//! Every assertion that a test obtained, kept for the outside verifiers that read them all at the end.
//!
//! `target/assertions/<establishment>/<id>.xml`, beside it `<id>.json` with what it is, and the trust files once.
//! `SCEAU_ASSERTIONS` names another folder.

use std::path::{Path, PathBuf};

use base64::Engine;
use serde_json::{Value, json};

use super::establishment::Establishment;

/// Cargo's target folder of this build.
pub fn target_folder() -> PathBuf {
    match option_env!("CARGO_TARGET_TMPDIR") {
        Some(tmp) => Path::new(tmp).parent().unwrap().into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
    }
}

/// Where one establishment's assertions go.
#[derive(Clone, Debug)]
pub struct Collection {
    folder: PathBuf,
    trust: [PathBuf; 2],
}

impl Collection {
    /// The collection of that establishment; nothing is written before the first assertion.
    pub fn of(establishment: &Establishment) -> Collection {
        let all = std::env::var_os("SCEAU_ASSERTIONS").map(PathBuf::from);
        let all = all.unwrap_or_else(|| target_folder().join("assertions"));
        Collection { folder: all.join(&establishment.name), trust: establishment.trust_files() }
    }

    /// Keeps the exact bytes.
    pub fn keep(&self, assertion: &str, id: &str, profile: &str, method: &Value) {
        std::fs::create_dir_all(&self.folder).unwrap();
        for file in &self.trust {
            std::fs::copy(file, self.folder.join(file.file_name().unwrap())).unwrap();
        }
        let about = json!({ "id": id, "profile": profile, "key": key_name(assertion), "method": method });
        // The assertion last: a verifier that finds it finds all of it.
        std::fs::write(self.folder.join(format!("{id}.json")), about.to_string()).unwrap();
        std::fs::write(self.folder.join(format!("{id}.xml")), assertion).unwrap();
    }
}

/// `rsa-2048` … `p-384`, read from the certificate that the assertion carries.
pub fn key_name(assertion: &str) -> String {
    use x509_parser::prelude::{FromDer, X509Certificate};
    use x509_parser::public_key::PublicKey;
    let text = assertion.split_once("X509Certificate>").unwrap().1.split_once('<').unwrap().0;
    let text: String = text.split_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    match certificate.public_key().parsed().unwrap() {
        PublicKey::RSA(key) => format!("rsa-{}", key.key_size()),
        PublicKey::EC(point) => format!("p-{}", point.key_size()),
        other => panic!("a seal key of an unknown kind: {other:?}"),
    }
}
