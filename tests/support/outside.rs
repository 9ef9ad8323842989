//! Checkpoints and receipts judged by code that is not ours: Cloudflare's crates, and OpenSSL for ECDSA.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::traces::audit::AuditPublicKey;
use sceau::traces::note::key::{Algorithm, VerifierKey};
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::Hash;

/// The verifier of ECDSA notes: Cloudflare's crate reads and dispatches the note, OpenSSL verifies the signature.
struct OpenSsl {
    name: String,
    id: u32,
    spki: Vec<u8>,
}

impl Verifier for OpenSsl {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&self.spki));
        fs::write(path("key"), pem).unwrap();
        fs::write(path("signature"), signature).unwrap();
        fs::write(path("text"), message).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-verify"]).arg(path("key")).arg("-signature").arg(path("signature"));
        openssl.arg(path("text")).output().unwrap().status.success()
    }
}

/// Who verifies the notes of a key.
pub fn verifier(key: &VerifierKey) -> VerifierList {
    let verifier: Box<dyn Verifier> = match key.algorithm() {
        // The crate reads our text form of the key, and finds its own id in it.
        Algorithm::Ed25519 => Box::new(StandardVerifier::new(&key.to_string()).unwrap()),
        Algorithm::EcdsaP256 => Box::new(OpenSsl { name: key.name().to_owned(), id: key.id(), spki: key.spki() }),
    };
    VerifierList::new(vec![verifier])
}

/// What a checkpoint says, once its signature was verified.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// The extension line.
    pub extension: String,
}

/// Verifies a note of the first generation.
pub fn checkpoint(note: &str, public: &AuditPublicKey) -> Judged {
    let key = public.of_generation(1);
    let read = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unknown) = read.verify(&verifier(&key)).unwrap_or_else(|e| panic!("{e:?}: {note}"));
    assert_eq!((verified.len(), unknown.len()), (1, 0), "{note}");
    let text = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
    assert_eq!(text.origin(), key.name());
    Judged { size: text.size(), root: *text.hash(), extension: text.extension().to_owned() }
}

/// Verifies a receipt (C2SP tlog-proof, read here by its specification alone); gives its leaf and index.
pub fn receipt(text: &str, public: &AuditPublicKey) -> (Vec<u8>, u64) {
    let (head, note) = text.split_once("\n\n").unwrap();
    let signed = checkpoint(note, public);
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    let leaf = STANDARD.decode(lines.next().unwrap().strip_prefix("extra ").unwrap()).unwrap();
    let index = lines.next().unwrap().strip_prefix("index ").unwrap().parse().unwrap();
    let proof = lines.map(|line| Hash(STANDARD.decode(line).unwrap().try_into().unwrap())).collect();
    let hash = tlog_tiles::record_hash(&leaf);
    tlog_tiles::check_record(&proof, signed.size, signed.root, index, hash).unwrap();
    (leaf, index)
}
