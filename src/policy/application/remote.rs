//! Applications of other machines: no Unix user of this one, known by certificates at the gate.

use crate::traces::digest::Digest;

/// What the register writes before such an application's name.
const PREFIX: &str = "gate:";
/// Longest name in bytes.
const NAME_LEN_MAX: usize = 31;
/// First of the numbers that stand for remote applications where Unix users have theirs. No system gives these to its users;
/// whoever has one all the same is refused at the doors.
const FIRST: u32 = 0x7000_0000;
/// Bits of a name's hash that are its number.
const BITS: u32 = 28;
/// Separates this use of SHA-256 from all others.
const DOMAIN: &[u8] = b"fr.sceau.gate\0";

/// The name of a remote application, as the register writes it behind `gate:`; none: the entry is a Unix user's.
#[must_use]
pub fn name(user: &str) -> Option<&str> {
    user.strip_prefix(PREFIX)
}

/// Whether that is a name: 1 to 31 of `a-z 0-9 -`, a letter first.
#[must_use]
pub fn is_formed(name: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    name.len() <= NAME_LEN_MAX && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letters)
}

/// The number of a remote application, where a Unix user has its own: of its name alone, so that it is the same after every
/// restart and on both appliances of a pair.
#[must_use]
pub fn number(name: &str) -> u32 {
    let digest = Digest::of(&[DOMAIN, name.as_bytes()]);
    let first = digest.as_bytes().first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    FIRST | first >> (u32::BITS - BITS)
}

/// Whether a number is one of those that remote applications have.
#[must_use]
pub const fn is_reserved(uid: u32) -> bool {
    uid >> BITS == FIRST >> BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_these_for_good() {
        // Sessions, nonces and entries are keyed by them.
        assert_eq!(number("dpi"), 0x7000_0000 | u32::from_str_radix(GOLDEN, 16).unwrap_or_default());
        assert!(is_reserved(number("dpi")) && is_reserved(FIRST) && is_reserved(0x7fff_ffff));
        assert!(!is_reserved(FIRST - 1) && !is_reserved(0x8000_0000) && !is_reserved(65_534) && !is_reserved(0));
    }

    /// First seven digits of `printf 'fr.sceau.gate\0dpi' | sha256sum`.
    const GOLDEN: &str = "4804f8c";

    #[test]
    fn names_are_of_one_form() {
        for right in ["a", "dpi", "labo-2", &"a".repeat(31)] {
            assert!(is_formed(right), "{right}");
        }
        for wrong in ["", "1a", "-a", "A", "a_b", "a:b", "é", &"a".repeat(32)] {
            assert!(!is_formed(wrong), "{wrong}");
        }
        assert_eq!((name("gate:dpi"), name("dpi")), (Some("dpi"), None));
    }
}
