//! INS, the national health identity number of a patient (vihf.md §7).

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ascii::require_form;
use super::{Identifier, IdentityError};

/// INS: 13 characters and a key of two digits.
///
/// Its digits never reach a log: `Debug` withholds them, there is no `Display`, and the memory is erased on drop.
/// [`Ins::as_str`] is the one way out. The key is enforced in every mode.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct Ins([u8; 15]);

impl Ins {
    /// Accepts 15 digits, `2A` or `2B` allowed as department (characters 6 and 7), whose key holds.
    ///
    /// The first character may be any digit but 0: besides 1 and 2, numbers of people who wait for their definitive one
    /// begin otherwise, and no public list of them is closed. Month, department and municipality are not judged either:
    /// unknown births carry months outside 01–12. The key is the rule, the national identity service the authority.
    pub fn parse(value: &str) -> Result<Ins, IdentityError> {
        let department = value.get(5..7);
        let corsican = matches!(department, Some("2A" | "2B"));
        require_form(Identifier::Ins, value, 15..=15, |index, c| match index {
            0 => matches!(c, '1'..='9'),
            6 => c.is_ascii_digit() || corsican,
            _ => c.is_ascii_digit(),
        })?;
        let mut ins = Ins([0; 15]);
        for (slot, byte) in ins.0.iter_mut().zip(value.bytes()) {
            *slot = byte;
        }
        if ins.key_holds() { Ok(ins) } else { Err(IdentityError::InsKey) }
    }

    /// The 15 characters, for the assertion and for looking a patient up; keep them out of messages and logs.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// key = 97 − (n mod 97), where a department `2A` counts as 19 and `2B` as 18.
    fn key_holds(&self) -> bool {
        let mut body = 0_u64;
        let mut key = 0_u64;
        for (index, &byte) in self.0.iter().enumerate() {
            let digit = match (index, byte) {
                // With the 2 before it this reads 20; what 19 and 18 lack is taken off below.
                (6, b'A' | b'B') => 0,
                _ => u64::from(byte.wrapping_sub(b'0')),
            };
            if index < 13 {
                body = body * 10 + digit;
            } else {
                key = key * 10 + digit;
            }
        }
        // Character 7 of 13 has six digits behind it.
        let corsican = match self.0[6] {
            b'A' => 1_000_000,
            b'B' => 2_000_000,
            _ => 0,
        };
        key == 97 - body.saturating_sub(corsican) % 97
    }
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ins(…)")
    }
}
