//! The wrapping key: 256 random bits, written as one line so that whatever delivers a PIN delivers it.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use std::fmt;
use zeroize::Zeroizing;

use super::error::SealedError;
use crate::config::PinSource;
use crate::token::Pin;

/// Bytes of a wrapping key.
const LEN: usize = 32;
/// Bytes of a file's salt.
pub(super) const SALT_LEN: usize = 32;
/// Says what the derived key is for.
const INFO: &[u8] = b"fr.sceau.sealed-key/1 AES-256-GCM";

/// A wrapping key; erased from memory when dropped, never shown.
pub struct WrappingKey(Zeroizing<[u8; LEN]>);

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(…)")
    }
}

impl WrappingKey {
    /// Draws a new one.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn draw() -> Result<Self, Unspecified> {
        let mut bytes = Zeroizing::new([0; LEN]);
        rand::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Reads it from where a PIN would be.
    ///
    /// # Errors
    /// [`SealedError::Wrapping`], [`SealedError::WrappingForm`].
    pub fn read(source: &PinSource) -> Result<Self, SealedError> {
        let text = Pin::read(source)?;
        Self::of_digits(text.expose()).ok_or(SealedError::WrappingForm)
    }

    fn of_digits(digits: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; LEN]);
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != LEN || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(bytes))
    }

    /// Its line, without end: what a credential or our own seal is made of.
    #[must_use]
    pub fn digits(&self) -> Zeroizing<String> {
        // Room for all of it and a line end: the buffer never moves.
        let mut text = Zeroizing::new(String::with_capacity(2 * LEN + 1));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 0x0f] {
                text.extend(char::from_digit(digit.into(), 16));
            }
        }
        text
    }

    /// The key of one file: its salt is its own, so that no two files are under one key.
    pub(super) fn of_file(&self, salt: &[u8; SALT_LEN]) -> Result<LessSafeKey, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, salt).extract(self.0.as_slice());
        Ok(LessSafeKey::new(UnboundKey::from(secret.expand(&[INFO], &AES_256_GCM)?)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wrapping_key_is_read_as_it_is_written_and_nothing_else_is_one() {
        let key = WrappingKey::draw().unwrap();
        let digits = key.digits();
        assert_eq!(digits.len(), 64);
        assert_eq!(WrappingKey::of_digits(digits.as_bytes()).unwrap().0, key.0);
        assert_eq!(WrappingKey::of_digits(digits.to_uppercase().as_bytes()).unwrap().0, key.0);
        for wrong in ["", "1234", &digits[1..], &format!("{}0", &*digits), &"g".repeat(64), &"+1".repeat(32)] {
            assert!(WrappingKey::of_digits(wrong.as_bytes()).is_none());
        }
        assert!(!format!("{key:?}").contains(&digits[..8]));
    }
}
