//! Practitioners and patients as a leaf may hold them: ciphertexts bound to their place.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use super::key::DataKey;
use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::{Ins, InsOid, PsIdNat};

/// Longest ciphertext of an identity, in bytes: nonce (12), OID and INS (36), tag (16), and room for an identifier
/// system not yet known.
pub const CIPHERTEXT_LEN_MAX: usize = 128;

/// 96 random bits for one ciphertext (NIST SP 800-38D §8.2.2): never used twice under a key. Random, and no counter of
/// entries: an index is used again if a crash loses it.
#[derive(Debug)]
pub struct Iv(pub [u8; NONCE_LEN]);

/// An identity under a [`DataKey`]: AES-256-GCM, bound to its entry and field.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Ciphertext {
    /// The data key's number.
    #[n(0)]
    pub key: u64,
    /// Nonce, ciphertext and tag.
    #[n(1)]
    pub bytes: ByteVec,
}

/// A patient in a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SealedPatient {
    /// Keyed hash of identifier system and digits.
    #[n(0)]
    pub lookup: Digest,
    /// Identifier system and digits.
    #[n(1)]
    pub identity: Ciphertext,
}

/// Where a ciphertext belongs: it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The entry.
    pub index: u64,
    /// The identity.
    pub field: Field,
    /// Its keyed hash.
    pub lookup: Digest,
}

/// The two identities of an entry; the number is the field's key in the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Who acts.
    Practitioner = 3,
    /// Whose record.
    Patient = 16,
}

/// Why a ciphertext was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Encryption failed: the library's own fault, nothing was written.
    #[error("the identity could not be encrypted")]
    NotSealed,
    /// Another key, another place, or altered bytes.
    #[error("the ciphertext does not open with this key at this place")]
    NotOpened,
    /// It opened, and holds no identity.
    #[error("what was encrypted is no identity")]
    NotAnIdentity,
}

/// Begins the additional authenticated data.
const AAD_MARK: &[u8; 24] = b"sceau-trace-identity-v1\0";
/// Mark, index, field, lookup, key.
const AAD_LEN: usize = AAD_MARK.len() + 8 + 1 + Digest::LEN + 8;

impl Place {
    /// Additional authenticated data (format-traces.md, *Identities*).
    fn aad(&self, key: u64) -> Aad<[u8; AAD_LEN]> {
        let mut aad = [0; AAD_LEN];
        let field = [self.field as u8];
        let (index, key) = (self.index.to_be_bytes(), key.to_be_bytes());
        let parts: [&[u8]; 5] = [AAD_MARK, &index, &field, self.lookup.as_bytes(), &key];
        aad.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        Aad::from(aad)
    }
}

impl Ciphertext {
    /// Encrypts an identity for its place.
    ///
    /// # Errors
    /// [`IdentityError::NotSealed`].
    fn seal(plain: &[u8], place: &Place, key: &DataKey, iv: Iv) -> Result<Self, IdentityError> {
        let cipher = key.cipher().ok_or(IdentityError::NotSealed)?;
        let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + cipher.algorithm().tag_len());
        bytes.extend_from_slice(&iv.0);
        bytes.extend_from_slice(plain);
        // Encrypted where it stands: no copy in clear is left behind.
        let text = bytes.get_mut(NONCE_LEN..).unwrap_or_default();
        let sealed =
            cipher.seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv.0), place.aad(key.id()), text);
        let Ok(tag) = sealed else {
            bytes.zeroize();
            return Err(IdentityError::NotSealed);
        };
        bytes.extend_from_slice(tag.as_ref());
        Ok(Self { key: key.id(), bytes: bytes.into() })
    }

    /// A practitioner for the entry at `place`.
    ///
    /// # Errors
    /// [`IdentityError::NotSealed`].
    pub fn of_practitioner(id: &PsIdNat, place: &Place, key: &DataKey, iv: Iv) -> Result<Self, IdentityError> {
        Self::seal(id.as_str().as_bytes(), place, key, iv)
    }

    /// A patient for the entry at `place`.
    ///
    /// # Errors
    /// [`IdentityError::NotSealed`].
    pub fn of_patient(patient: &Patient, place: &Place, key: &DataKey, iv: Iv) -> Result<Self, IdentityError> {
        Self::seal(&plain(patient), place, key, iv)
    }

    fn open(&self, place: &Place, key: &DataKey) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let (iv, text) = self.bytes.split_first_chunk::<NONCE_LEN>().ok_or(IdentityError::NotOpened)?;
        let cipher = key.cipher().ok_or(IdentityError::NotOpened)?;
        let mut text = Zeroizing::new(text.to_vec());
        let plain = cipher
            .open_in_place(Nonce::assume_unique_for_key(*iv), place.aad(key.id()), &mut text)
            .map_err(|_| IdentityError::NotOpened)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }

    /// The practitioner again.
    ///
    /// # Errors
    /// [`IdentityError::NotOpened`], [`IdentityError::NotAnIdentity`].
    pub fn open_practitioner(&self, place: &Place, key: &DataKey) -> Result<PsIdNat, IdentityError> {
        let plain = self.open(place, key)?;
        let text = std::str::from_utf8(&plain).map_err(|_| IdentityError::NotAnIdentity)?;
        PsIdNat::parse(text).map_err(|_| IdentityError::NotAnIdentity)
    }

    /// The patient again.
    ///
    /// # Errors
    /// [`IdentityError::NotOpened`], [`IdentityError::NotAnIdentity`].
    pub fn open_patient(&self, place: &Place, key: &DataKey) -> Result<Patient, IdentityError> {
        let plain = self.open(place, key)?;
        let text = std::str::from_utf8(&plain).map_err(|_| IdentityError::NotAnIdentity)?;
        let (oid, ins) = text.split_once('\0').ok_or(IdentityError::NotAnIdentity)?;
        let oid = InsOid::parse(oid).map_err(|_| IdentityError::NotAnIdentity)?;
        Ok(Patient { ins: Ins::parse(ins).map_err(|_| IdentityError::NotAnIdentity)?, oid })
    }
}

/// A patient's identifier system, NUL, digits.
pub(super) fn plain(patient: &Patient) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([patient.oid.as_str().as_bytes(), b"\0", patient.ins.as_str().as_bytes()].concat())
}
