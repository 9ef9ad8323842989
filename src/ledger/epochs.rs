//! Wrapping keys by epoch: one file each, made and erased whole.
//!
//! Data keys, sessions and registers are encrypted under the wrapping key of an epoch. A purge begins an epoch, takes everything that
//! stays over to it, and erases the file of the one before: what older copies of the database, its log or its free pages
//! hold is of no use from then on. Between the two both files are there, and both epochs can be read.
//!
//! Erasing overwrites the file where the file system writes in place; what a copying file system or a flash translation
//! keeps of it is beyond a program's reach, until a TPM holds the key.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::key_file::{self, KEY_LEN, Key};
use super::secrets::{derive, random};
use super::store::StoreError;
use crate::sys::durable;

/// Bytes of the epoch's number before each ciphertext.
const NUMBER_LEN: usize = 8;

/// The ciphers of one epoch.
struct Epoch {
    data_keys: LessSafeKey,
    sessions: LessSafeKey,
    registers: LessSafeKey,
}

/// What is encrypted: each has a key of its own in every epoch.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    DataKey,
    Session,
    Register,
}

/// The epochs that can be read; the newest is what is written under.
pub(super) struct Epochs {
    folder: PathBuf,
    current: u64,
    live: BTreeMap<u64, Epoch>,
}

impl Epochs {
    /// Reads the key files of `folder`. Makes the first where there is none and the ledger is `new`.
    ///
    /// # Errors
    /// As [`Epochs::read`].
    pub(super) fn open(folder: &Path, new: bool) -> Result<Self, StoreError> {
        sweep(folder)?;
        match Self::read(folder) {
            Err(StoreError::KeyMissing) if new => {
                let mut epochs = Self { folder: folder.to_owned(), current: 0, live: BTreeMap::new() };
                epochs.begin()?;
                Ok(epochs)
            }
            epochs => epochs,
        }
    }

    /// Reads the key files of `folder`.
    ///
    /// # Errors
    /// [`StoreError::KeyMissing`] if there is none; as [`key_file::read`].
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let mut live = BTreeMap::new();
        for number in numbers(folder)? {
            match key_file::read(&path(folder, number)) {
                // The writer has ended that epoch in the meantime.
                Err(StoreError::System(cause)) if cause.kind() == io::ErrorKind::NotFound => continue,
                key => live.insert(number, Epoch::of(&key?)?),
            };
        }
        let current = *live.last_key_value().ok_or(StoreError::KeyMissing)?.0;
        Ok(Self { folder: folder.to_owned(), current, live })
    }

    /// Whether the folder has the key files of exactly these epochs.
    pub(super) fn are_those_of(&self, folder: &Path) -> Result<bool, StoreError> {
        Ok(numbers(folder)?.iter().eq(self.live.keys()))
    }

    /// Where the key files are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The epoch that is written under.
    pub(super) fn current(&self) -> u64 {
        self.current
    }

    /// Whether something may still be under an older epoch.
    pub(super) fn is_changing(&self) -> bool {
        self.live.len() > 1
    }

    /// Whether a ciphertext is of an epoch that can be read.
    pub(super) fn knows(&self, sealed: &[u8]) -> bool {
        number_of(sealed).is_some_and(|(number, _)| self.live.contains_key(&number))
    }

    /// Begins the next epoch: from here on everything new is written under it.
    ///
    /// A crash leaves no file, or one under which nothing is yet; that one is the current epoch of the next start, and what
    /// is under the older is taken over then.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        let number = self.current + 1;
        let key = key_file::make(&path(&self.folder, number))?;
        self.live.insert(number, Epoch::of(&key)?);
        self.current = number;
        Ok(())
    }

    /// Ends every epoch but the current: nothing may be under them any more.
    ///
    /// A crash leaves files of ended epochs, whole or overwritten: one that is overwritten opens nothing and is erased again by
    /// the next start, which finds nothing under it.
    pub(super) fn end_older(&mut self) -> Result<(), StoreError> {
        for number in numbers(&self.folder)?.into_iter().filter(|number| *number < self.current) {
            durable::erase(&path(&self.folder, number)).map_err(StoreError::System)?;
            self.live.remove(&number);
        }
        Ok(())
    }

    /// The current wrapping key itself, for the escrow alone.
    pub(super) fn current_key(&self) -> Result<Key, StoreError> {
        key_file::read(&path(&self.folder, self.current))
    }

    /// `epoch (8) || nonce (12) || ciphertext || tag (16)`, bound to `place`.
    pub(super) fn seal(&self, kind: Kind, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let epoch = self.live.get(&self.current).ok_or(StoreError::KeyMissing)?;
        let iv: [u8; NONCE_LEN] = random()?;
        let mut text = Vec::with_capacity(NUMBER_LEN + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        text.extend_from_slice(&self.current.to_be_bytes());
        text.extend_from_slice(&iv);
        let mut body = Zeroizing::new(plain.to_vec());
        let aad = Aad::from([&self.current.to_be_bytes(), place].concat());
        let tag = epoch
            .cipher(kind)
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), aad, &mut body)
            .map_err(|_| StoreError::Broken("encryption"))?;
        text.extend_from_slice(&body);
        text.extend_from_slice(tag.as_ref());
        Ok(text)
    }

    /// What was sealed for `place`, under any epoch that lives.
    pub(super) fn open_sealed(
        &self,
        kind: Kind,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let broken = || StoreError::Broken("a ciphertext does not open with the ledger's key");
        let (number, rest) = number_of(sealed).ok_or_else(broken)?;
        let epoch = self.live.get(&number).ok_or(StoreError::KeyErased)?;
        let (iv, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let aad = Aad::from([&number.to_be_bytes(), place].concat());
        let mut text = Zeroizing::new(text.to_vec());
        let plain = epoch
            .cipher(kind)
            .open_in_place(Nonce::assume_unique_for_key(*iv), aad, &mut text)
            .map_err(|_| broken())?;
        Ok(Zeroizing::new(plain.to_vec()))
    }

    /// The same under the current epoch; None if it is there already.
    pub(super) fn renew(&self, kind: Kind, place: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if number_of(sealed).is_some_and(|(number, _)| number == self.current) {
            return Ok(None);
        }
        let plain = self.open_sealed(kind, place, sealed)?;
        self.seal(kind, place, &plain).map(Some)
    }
}

impl Epoch {
    fn of(key: &Key) -> Result<Self, StoreError> {
        let cipher = |purpose: &[u8]| {
            let key = derive(key, purpose)?;
            let key = UnboundKey::new(&AES_256_GCM, key.as_ref());
            key.map(LessSafeKey::new).map_err(|_| StoreError::Broken("a key's length"))
        };
        Ok(Self {
            data_keys: cipher(b"data keys")?,
            sessions: cipher(b"sessions")?,
            registers: cipher(b"registers")?,
        })
    }

    fn cipher(&self, kind: Kind) -> &LessSafeKey {
        match kind {
            Kind::DataKey => &self.data_keys,
            Kind::Session => &self.sessions,
            Kind::Register => &self.registers,
        }
    }
}

/// The epoch's number before a ciphertext, and the rest.
pub(super) fn number_of(sealed: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = sealed.split_first_chunk::<NUMBER_LEN>()?;
    Some((u64::from_be_bytes(*number), rest))
}

/// The key file of an epoch.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("wrapping-{number}.key"))
}

/// Erases what a crash left of a file that was not yet named: nothing was ever under it.
fn sweep(folder: &Path) -> Result<(), StoreError> {
    for name in names(folder)? {
        if name.starts_with(".wrapping-") && name.ends_with(".key.new") {
            durable::erase(&folder.join(name)).map_err(StoreError::System)?;
        }
    }
    Ok(())
}

/// Epochs whose key files are there, ascending.
fn numbers(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let number = |name: &String| name.strip_prefix("wrapping-")?.strip_suffix(".key")?.parse().ok();
    let mut numbers: Vec<u64> = names(folder)?.iter().filter_map(number).filter(|number| *number > 0).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let names = fs::read_dir(folder).map_err(StoreError::System)?;
    let names = names.map(|file| Ok(file.map_err(StoreError::System)?.file_name().into_string().ok()));
    Ok(names.collect::<Result<Vec<_>, StoreError>>()?.into_iter().flatten().collect())
}

const _: () = assert!(KEY_LEN == 32, "AES-256");
