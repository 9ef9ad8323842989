//! The Luhn formula (ISO/IEC 7812-1 annex B), the check digit of RPPS, FINESS, SIREN and SIRET.

/// Whether the last digit of `digits` is the Luhn check digit of the others. Anything but a digit makes it false.
pub(super) fn holds(digits: &str) -> bool {
    let mut sum = 0_u32;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(byte - b'0');
        // Every second digit from the right is doubled; a result of two digits counts as their sum.
        let weighted = if place % 2 == 1 { digit * 2 } else { digit };
        sum += weighted / 10 + weighted % 10;
    }
    sum.is_multiple_of(10)
}
