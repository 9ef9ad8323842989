//! The invitation code: what an operator gives to an application server so that it may propose its certificate, once.
//!
//! It holds a secret that `sceaud` drew, and the hash of the gate's public key: whoever has it trusts no other gate, and the
//! proof that it makes is worth nothing at another.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::traces::digest::Digest;

/// Bytes of the secret: guessed once in 2^128.
pub const SECRET_LEN: usize = 16;
/// Bytes of the checksum: a mistyped character is told at once, before anything is sent.
const CHECKSUM_LEN: usize = 4;
/// What a code begins with; another version would have another number.
const PREFIX: &str = "SCEAU1-";
/// Characters of a group.
const GROUP_LEN: usize = 5;
/// Longest text that is read: groups may be separated by anything people put there.
const TEXT_LEN_MAX: usize = 256;

/// The one reason that whoever proposes in vain is given: he learns of no invitation.
pub const REFUSED_REASON: &str = "enrolment-refused";
/// And the one message.
pub const REFUSED: &str =
    "l'inscription est refusée : vérifiez le nom et le code, ou demandez un nouveau code à l'exploitant";

/// The secret of an invitation; erased when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; SECRET_LEN]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// These bytes, drawn elsewhere.
    #[must_use]
    pub const fn new(bytes: [u8; SECRET_LEN]) -> Self {
        Self(bytes)
    }

    /// The proof that whoever has the public key `public_key` (SubjectPublicKeyInfo, DER) has the secret, for the gate of that
    /// key's hash alone: HMAC-SHA-256 of the one and the other.
    #[must_use]
    pub fn prove(&self, public_key: &[u8], gate: &Digest) -> Digest {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(public_key);
        context.update(gate.as_bytes());
        // HMAC-SHA-256 gives 32 bytes: `None` does not happen.
        Digest::from_slice(context.sign().as_ref()).unwrap_or_default()
    }

    /// Whether that is the proof; in constant time.
    #[must_use]
    pub fn is_proved(&self, public_key: &[u8], gate: &Digest, proof: &Digest) -> bool {
        verify_slices_are_equal(self.prove(public_key, gate).as_bytes(), proof.as_bytes()).is_ok()
    }
}

/// An invitation code.
#[derive(Clone, Debug)]
pub struct Code {
    /// What proves the invitation.
    pub secret: Secret,
    /// SHA-256 of the gate's SubjectPublicKeyInfo.
    pub gate: Digest,
}

impl Code {
    /// The text that a person carries over: `SCEAU1-` and base32 (RFC 4648 §6, no padding) in groups of five.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_LEN + Digest::LEN + CHECKSUM_LEN));
        bytes.extend_from_slice(&self.secret.0);
        bytes.extend_from_slice(self.gate.as_bytes());
        let sum = Digest::of(&[&bytes]);
        bytes.extend_from_slice(sum.as_bytes().get(..CHECKSUM_LEN).unwrap_or_default());
        let letters = Zeroizing::new(BASE32_NOPAD.encode(&bytes));
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN_MAX));
        text.push_str(PREFIX);
        for (place, letter) in letters.chars().enumerate() {
            if place > 0 && place % GROUP_LEN == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// Reads a code as people type one: small letters, blanks and missing hyphens are no fault. None: it is mistyped, or none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_LEN_MAX {
            return None;
        }
        let typed = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        let letters = Zeroizing::new(typed.map(|letter| letter.to_ascii_uppercase()).collect::<String>());
        let letters = letters.strip_prefix(PREFIX.trim_end_matches('-'))?;
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(letters.as_bytes()).ok()?);
        let (secret, rest) = bytes.split_first_chunk::<SECRET_LEN>()?;
        let (gate, sum) = rest.split_first_chunk::<{ Digest::LEN }>()?;
        let checked = Digest::of(&[bytes.get(..SECRET_LEN + Digest::LEN)?]);
        let right = checked.as_bytes().get(..CHECKSUM_LEN) == Some(sum);
        right.then(|| Self { secret: Secret(*secret), gate: Digest::new(*gate) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_this_text() {
        let code = Code { secret: Secret([7; SECRET_LEN]), gate: Digest::of(&[b"gate"]) };
        let text = code.text();
        assert!(text.starts_with("SCEAU1-A4DQO-BYHA4") && text.len() == 7 + 84 + 16, "{}", text.as_str());
        let typed = format!("  {}\n", text.to_lowercase().replace('-', " "));
        let read = Code::parse(&typed).unwrap();
        assert_eq!((read.secret.0, read.gate), (code.secret.0, code.gate));
    }

    #[test]
    fn a_proof_is_for_one_key_and_one_gate() {
        let (secret, gate) = (Secret([1; SECRET_LEN]), Digest::of(&[b"gate"]));
        let proof = secret.prove(b"key", &gate);
        assert!(secret.is_proved(b"key", &gate, &proof));
        assert!(!secret.is_proved(b"kez", &gate, &proof));
        assert!(!secret.is_proved(b"key", &Digest::of(&[b"other"]), &proof));
        assert!(!Secret([2; SECRET_LEN]).is_proved(b"key", &gate, &proof));
    }

    proptest! {
        #[test]
        fn one_wrong_letter_is_no_code(secret: [u8; SECRET_LEN], place in 7_usize..107, letter in "[A-Z2-7]") {
            let text = Code { secret: Secret(secret), gate: Digest::of(&[&secret]) }.text().to_string();
            prop_assume!(text.as_bytes()[place] != b'-' && text[place..=place] != letter);
            let wrong = format!("{}{letter}{}", &text[..place], &text[place + 1..]);
            prop_assert!(Code::parse(&wrong).is_none());
        }

        #[test]
        fn no_text_is_read_amiss(text in ".{0,120}") {
            if let Some(code) = Code::parse(&text) {
                prop_assert!(Code::parse(&code.text()).is_some());
            }
        }
    }
}
