//! A sealed key: made once into a file, opened from it, proved by a verified signature.

use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

use super::error::SealedError;
use super::file::SealedFile;
use super::private::Private;
use super::wrapping::WrappingKey;
use crate::config::Purpose;
use crate::seal::handshake::Scheme;
use crate::seal::key::KeyAlgorithm;
use crate::seal::verifier::Verifier;
use crate::seal::wire::{NONCE_LEN, self_test_message};
use crate::token::{KeyKind, is_request_of};

/// A key that was unwrapped: it can sign, and it is in this process's memory.
#[derive(Debug)]
pub struct SealedKey {
    path: PathBuf,
    private: Private,
    spki: Vec<u8>,
}

/// Makes a key of that kind for that use, and its file at `path`, where nothing may be.
///
/// After `Ok` the file is durable, was read again, opened, and the key in it has signed what its public half verifies. After
/// `Err` there is no file, unless it is the one that was there. A crash leaves a whole file or none.
///
/// # Errors
/// [`SealedError`].
pub fn generate(
    path: &Path,
    purpose: &Purpose,
    kind: KeyKind,
    wrapping: &WrappingKey,
) -> Result<SealedKey, SealedError> {
    let made = Private::generate(kind).map_err(|_| SealedError::Kind)?;
    let algorithm = made.algorithm();
    if !algorithm.serves(purpose) {
        return Err(SealedError::Kind);
    }
    let wrap = || {
        let about = (purpose.section(), algorithm, made.bits());
        SealedFile::wrap(about, made.spki()?, made.to_pkcs8()?, wrapping)
    };
    wrap().map_err(|Unspecified| SealedError::Fault)?.create(path)?;
    drop(made);
    SealedKey::open(path, purpose, wrapping).inspect_err(|_| {
        // It was made a moment ago and nobody knows it.
        let _ = std::fs::remove_file(path);
    })
}

impl SealedKey {
    /// Opens a file and proves the key by a verified signature.
    ///
    /// After `Ok` the key is whole and was made for `purpose`; after `Err` nothing of it is in memory.
    ///
    /// # Errors
    /// [`SealedError`].
    pub fn open(path: &Path, purpose: &Purpose, wrapping: &WrappingKey) -> Result<Self, SealedError> {
        let file = SealedFile::read(path)?;
        let document =
            file.unwrap(wrapping).map_err(|Unspecified| SealedError::NotOpened { path: path.to_owned() })?;
        if file.key_use != purpose.section() {
            return Err(SealedError::OtherUse { path: path.to_owned(), made_for: file.key_use });
        }
        if !file.algorithm.serves(purpose) {
            return Err(SealedError::Kind);
        }
        let read = || {
            let private = Private::of_pkcs8(file.algorithm, &document)?;
            let spki = private.spki()?;
            Ok::<_, Unspecified>(Self { path: path.to_owned(), private, spki })
        };
        let key = read().map_err(|Unspecified| SealedError::Fault)?;
        if key.spki != file.public || key.bits() != file.bits {
            return Err(SealedError::Fault);
        }
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealedError::Fault)?;
        let message = self_test_message(&nonce);
        let signature = key.sign(&message)?;
        if key.verifies(&message, &signature) { Ok(key) } else { Err(SealedError::Fault) }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.private.algorithm()
    }

    /// Size of the modulus or of the curve, in bits.
    #[must_use]
    pub fn bits(&self) -> u16 {
        self.private.bits()
    }

    /// `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// RSA as long as the modulus, ECDSA raw r‖s, Ed25519 R‖S; whose bytes they may be is the caller's to decide.
    ///
    /// # Errors
    /// [`SealedError::Fault`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealedError> {
        self.private.sign(message).map_err(|Unspecified| SealedError::Fault)
    }

    /// The same for a TLS handshake; none if the key is of another kind.
    ///
    /// # Errors
    /// [`SealedError::Fault`].
    #[must_use]
    pub fn sign_handshake(&self, scheme: Scheme, content: &[u8]) -> Option<Result<Vec<u8>, SealedError>> {
        Some(self.private.sign_handshake(scheme, content)?.map_err(|Unspecified| SealedError::Fault))
    }

    /// Signs a `CertificationRequestInfo` (RFC 2986 §4.1) of this very key, and nothing else: none for other bytes. After
    /// `Ok` the signature has been verified.
    ///
    /// # Errors
    /// [`SealedError::Fault`].
    #[must_use]
    pub fn sign_request_info(&self, info: &[u8]) -> Option<Result<Vec<u8>, SealedError>> {
        let signed = || {
            let signature = self.sign(info)?;
            if self.verifies(info, &signature) { Ok(signature) } else { Err(SealedError::Fault) }
        };
        is_request_of(info, &self.spki).then(signed)
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Verifier::new(self.algorithm(), &self.spki).is_some_and(|key| key.verifies(message, signature))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::fs;

    use super::*;

    fn purpose_of(kind: KeyKind) -> Purpose {
        match kind {
            KeyKind::Ed25519 => Purpose::Audit { origin: "example.fr/sceau".to_owned() },
            _ => Purpose::Seal,
        }
    }

    #[test]
    fn every_kind_is_made_opened_and_signs() {
        let folder = tempfile::tempdir().unwrap();
        let wrapping = WrappingKey::draw().unwrap();
        for (name, kind, len) in [
            ("2048", KeyKind::Rsa(2048), 256),
            ("3072", KeyKind::Rsa(3072), 384),
            ("4096", KeyKind::Rsa(4096), 512),
            ("p256", KeyKind::P256, 64),
            ("p384", KeyKind::P384, 96),
            ("ed", KeyKind::Ed25519, 64),
        ] {
            let path = folder.path().join(name);
            let made = generate(&path, &purpose_of(kind), kind, &wrapping).unwrap();
            let opened = SealedKey::open(&path, &purpose_of(kind), &wrapping).unwrap();
            assert_eq!(opened.spki(), made.spki(), "{name}");
            let signature = opened.sign(b"text").unwrap();
            assert!(made.verifies(b"text", &signature) && signature.len() == len, "{name}");
        }
    }

    #[test]
    fn a_file_gives_its_key_to_its_wrapping_key_and_use_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let wrapping = WrappingKey::draw().unwrap();
        generate(&path, &Purpose::Seal, KeyKind::P256, &wrapping).unwrap();
        let open = |purpose: &Purpose, key: &WrappingKey| SealedKey::open(&path, purpose, key).map(|_| ());
        let other = WrappingKey::draw().unwrap();
        assert!(matches!(open(&Purpose::Seal, &other), Err(SealedError::NotOpened { .. })));
        let used_as = open(&Purpose::Authentication, &wrapping);
        assert!(matches!(used_as, Err(SealedError::OtherUse { .. })), "{used_as:?}");
        // An existing file is never replaced.
        let again = generate(&path, &Purpose::Seal, KeyKind::P256, &wrapping).map(|_| ());
        assert!(matches!(again, Err(SealedError::Write { .. })));
        open(&Purpose::Seal, &wrapping).unwrap();
        let kind = generate(&folder.path().join("no"), &Purpose::Seal, KeyKind::Ed25519, &wrapping).map(|_| ());
        assert!(matches!(kind, Err(SealedError::Kind)) && !folder.path().join("no").exists());
    }

    #[test]
    fn no_change_of_the_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let wrapping = WrappingKey::draw().unwrap();
        generate(&path, &Purpose::Seal, KeyKind::P256, &wrapping).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        // The private key is not there in clear, whatever its spelling.
        assert!(!text.contains("PRIVATE"));
        let write = |value: &serde_json::Value| fs::write(&path, value.to_string()).unwrap();
        for (member, value) in whole.as_object().unwrap() {
            let mut changed = whole.clone();
            changed[member] = match value {
                serde_json::Value::String(text) if member == "use" => format!("{text}x").into(),
                serde_json::Value::String(text) if member == "algorithm" => {
                    text.replace("ecdsa-sha256", "ecdsa-sha384").into()
                }
                serde_json::Value::String(text) if member == "format" => text.replace('1', "2").into(),
                serde_json::Value::String(text) => {
                    let first = if text.starts_with('A') { 'B' } else { 'A' };
                    format!("{first}{}", &text[1..]).into()
                }
                serde_json::Value::Number(_) => 384.into(),
                other => panic!("{other}"),
            };
            write(&changed);
            assert!(SealedKey::open(&path, &Purpose::Seal, &wrapping).is_err(), "{member}");
        }
        write(&whole);
        SealedKey::open(&path, &Purpose::Seal, &wrapping).unwrap();
        for broken in ["", "{}", "null", &text[..text.len() / 2]] {
            fs::write(&path, broken).unwrap();
            let refused = SealedKey::open(&path, &Purpose::Seal, &wrapping);
            assert!(matches!(refused, Err(SealedError::Form { .. })), "{broken}");
        }
    }
}
