//! The file of a sealed key: JSON, format `fr.sceau.sealed-key/1`. Nothing in it is of use without the wrapping key.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::SealedError;
use super::wrapping::{SALT_LEN, WrappingKey};
use crate::seal::key::KeyAlgorithm;
use crate::sys::durable;

/// Name and version of the format.
const FORMAT: &str = "fr.sceau.sealed-key/1";
/// Longest file in bytes: one of an RSA 4096 key has less than half of it.
const FILE_LEN_MAX: u64 = 16 * 1024;
/// Readable by the signers' users, written by root: it is a ciphertext under 256 random bits.
const MODE: u32 = 0o644;

/// A sealed key as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealedFile {
    format: String,
    /// What the key may be used for: a section of the configuration.
    #[serde(rename = "use")]
    pub(super) key_use: String,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) bits: u16,
    /// SubjectPublicKeyInfo, DER.
    #[serde(with = "crate::varlink::base64")]
    pub(super) public: Vec<u8>,
    #[serde(with = "crate::varlink::base64")]
    salt: Vec<u8>,
    #[serde(with = "crate::varlink::base64")]
    nonce: Vec<u8>,
    /// PKCS#8 under AES-256-GCM; everything above is its additional data.
    #[serde(with = "crate::varlink::base64")]
    wrapped: Vec<u8>,
}

impl SealedFile {
    /// Wraps a PKCS#8 document.
    pub(super) fn wrap(
        (key_use, algorithm, bits): (&str, KeyAlgorithm, u16),
        public: Vec<u8>,
        document: Zeroizing<Vec<u8>>,
        key: &WrappingKey,
    ) -> Result<Self, Unspecified> {
        let (mut salt, mut nonce) = ([0; SALT_LEN], [0; NONCE_LEN]);
        rand::fill(&mut salt)?;
        rand::fill(&mut nonce)?;
        let mut file = Self {
            format: FORMAT.to_owned(),
            key_use: key_use.to_owned(),
            algorithm,
            bits,
            public,
            salt: salt.to_vec(),
            nonce: nonce.to_vec(),
            wrapped: Vec::new(),
        };
        let mut document = document;
        let aad = Aad::from(file.covered());
        let tag = key.of_file(&salt)?.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            aad,
            &mut document,
        )?;
        // In place: from here on the buffer holds the ciphertext.
        file.wrapped = [document.as_slice(), tag.as_ref()].concat();
        Ok(file)
    }

    /// The PKCS#8 document.
    pub(super) fn unwrap(&self, key: &WrappingKey) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let salt: &[u8; SALT_LEN] = self.salt.as_slice().try_into().map_err(|_| Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(&self.nonce)?;
        let mut buffer = Zeroizing::new(self.wrapped.clone());
        let len = key.of_file(salt)?.open_in_place(nonce, Aad::from(self.covered()), &mut buffer)?.len();
        buffer.truncate(len);
        Ok(buffer)
    }

    /// What is said in clear, each item after its length: nothing of it can be changed without the wrapping key.
    fn covered(&self) -> Vec<u8> {
        let items = [
            self.format.as_bytes(),
            self.key_use.as_bytes(),
            name(self.algorithm).as_bytes(),
            &self.bits.to_be_bytes(),
            &self.public,
        ];
        let mut covered = Vec::new();
        for item in items {
            covered.extend(u32::try_from(item.len()).unwrap_or(u32::MAX).to_be_bytes());
            covered.extend_from_slice(item);
        }
        covered
    }

    /// Reads a file; nothing in it is believed before it is unwrapped.
    pub(super) fn read(path: &Path) -> Result<Self, SealedError> {
        let read = |cause| SealedError::Read { path: path.to_owned(), cause };
        let form = || SealedError::Form { path: path.to_owned() };
        // Asked before opening: opening a FIFO would wait for its writer.
        if !path.metadata().map_err(read)?.is_file() {
            return Err(form());
        }
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes)).map_err(read)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len > FILE_LEN_MAX) {
            return Err(form());
        }
        let file: Self = serde_json::from_slice(&bytes).map_err(|_| form())?;
        if file.format == FORMAT { Ok(file) } else { Err(form()) }
    }

    /// Writes it where nothing is.
    pub(super) fn create(&self, path: &Path) -> Result<(), SealedError> {
        let write = |cause| SealedError::Write { path: path.to_owned(), cause };
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|cause| write(io::Error::other(cause)))?;
        bytes.push(b'\n');
        durable::create(path, &bytes, MODE).map_err(write)
    }
}

/// As the file spells it.
fn name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::RsaSha256 => "rsa-sha256",
        KeyAlgorithm::EcdsaSha256 => "ecdsa-sha256",
        KeyAlgorithm::EcdsaSha384 => "ecdsa-sha384",
        KeyAlgorithm::Ed25519 => "ed25519",
    }
}
