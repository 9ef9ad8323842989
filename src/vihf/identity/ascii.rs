//! The storage of a short ASCII identifier, in place.

use std::ops::RangeInclusive;

use super::{Identifier, IdentityError};

/// At most `N` ASCII characters, without allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ascii<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Ascii<N> {
    /// Copies a value whose form was checked by [`require_form`] with a length of at most `N` (and `N` < 256).
    pub(super) fn copy(value: &str) -> Ascii<N> {
        let mut bytes = [0; N];
        let mut len = 0;
        for (slot, byte) in bytes.iter_mut().zip(value.bytes()) {
            *slot = byte;
            len += 1;
        }
        Ascii { bytes, len }
    }

    pub(super) fn as_str(&self) -> &str {
        let held = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        // Never empty in practice: only ASCII was copied.
        std::str::from_utf8(held).unwrap_or_default()
    }
}

/// Requires `len` characters, each ASCII and accepted at its index. After `Ok`, bytes and characters of `value` coincide.
pub(super) fn require_form(
    identifier: Identifier,
    value: &str,
    len: RangeInclusive<usize>,
    accepts: impl Fn(usize, char) -> bool,
) -> Result<(), IdentityError> {
    let found = value.chars().count();
    if !len.contains(&found) {
        return Err(IdentityError::Length { identifier, min: *len.start(), max: *len.end(), found });
    }
    match value.chars().enumerate().find(|&(index, c)| !c.is_ascii() || !accepts(index, c)) {
        Some((index, _)) => Err(IdentityError::Character { identifier, index }),
        None => Ok(()),
    }
}

/// Refuses a placeholder: zeros satisfy the Luhn formula.
pub(super) fn refuse_zeros(identifier: Identifier, value: &str) -> Result<(), IdentityError> {
    if value.bytes().all(|byte| byte == b'0') { Err(IdentityError::AllZero { identifier }) } else { Ok(()) }
}

/// `as_str`, `Display` and `Debug` of an identifier that may be shown: everyone's but a patient's.
macro_rules! shown {
    ($name:ident) => {
        impl $name {
            /// The identifier as it is written in a VIHF.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    };
}

/// The doors of the standard library and of serde to a `parse` that needs nothing but the value.
macro_rules! read_from_text {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = IdentityError;

            fn from_str(value: &str) -> Result<$name, IdentityError> {
                $name::parse(value)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdentityError;

            fn try_from(value: String) -> Result<$name, IdentityError> {
                $name::parse(&value)
            }
        }
    };
}

pub(super) use {read_from_text, shown};
