//! Signatures that ssh-keygen made once (tests/golden/orders): each is right for its bytes, and nothing else is.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::order::NAMESPACE;

const ORDER: &[u8] = include_bytes!("../../tests/golden/orders/order.json");

macro_rules! golden {
    ($($kind:literal),*) => {
        [$((
            include_str!(concat!("../../tests/golden/orders/", $kind, ".pub")),
            include_str!(concat!("../../tests/golden/orders/", $kind, ".sig")),
        )),*]
    };
}

const GOLDEN: [(&str, &str); 5] = golden!["ed25519", "ecdsa", "rsa", "ed25519-sk", "ecdsa-sk"];

/// Whether this armour is a signature of `order` by `key`.
fn is_right(key: &OperatorKey, armour: &str, order: &[u8]) -> bool {
    Envelope::parse(armour)
        .is_some_and(|envelope| envelope.key().as_ref() == Some(key) && envelope.is_by(key, NAMESPACE, order))
}

#[test]
fn golden_signatures_are_right_for_their_bytes_alone() {
    let keys = GOLDEN.map(|(line, _)| OperatorKey::parse(line).unwrap());
    for ((line, armour), key) in GOLDEN.iter().zip(&keys) {
        assert_eq!(key.text(), line.trim());
        assert!(is_right(key, armour, ORDER), "{line}");
        for place in 0..ORDER.len() {
            let mut other = ORDER.to_vec();
            other[place] ^= 1;
            assert!(!is_right(key, armour, &other), "{line}: byte {place}");
        }
        let envelope = Envelope::parse(armour).unwrap();
        assert!(!envelope.is_by(key, "file", ORDER));
        for other in keys.iter().filter(|other| *other != key) {
            assert!(!envelope.is_by(other, NAMESPACE, ORDER));
        }
    }
}

/// Every character of the armour counts.
#[test]
fn a_changed_character_is_no_signature() {
    for (line, armour) in GOLDEN {
        let key = OperatorKey::parse(line).unwrap();
        let mut accepted = Vec::new();
        for place in 0..armour.trim_end().len() {
            let mut other = armour.as_bytes().to_vec();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            if is_right(&key, &other, ORDER) {
                accepted.push(place);
            }
        }
        assert_eq!(accepted, [0; 0], "{line}");
    }
}

/// A number of a FIDO2 signature that was made without a touch is right, and yet none.
#[test]
fn a_fido2_signature_needs_its_flag() {
    assert!(of_sk("ssh:", b"x", &[0, 0, 0, 0, 0, 0]).is_none());
    assert!(of_sk("ssh:", b"x", &[0, 1, 0, 0, 0, 0]).is_some());
    assert!(of_sk("ssh:", b"x", &[1, 0, 0, 0]).is_none());
}

#[test]
fn keys_that_may_not_sign_are_told_apart() {
    assert_eq!(OperatorKey::parse("ssh-ed25519 AAAA").unwrap_err(), KeyError::Unreadable);
    assert_eq!(OperatorKey::parse("").unwrap_err(), KeyError::Unreadable);
    let (line, _) = GOLDEN[0];
    assert_eq!(
        OperatorKey::parse(&format!("{}\n{}", line.trim(), line.trim())).unwrap_err(),
        KeyError::Unreadable
    );
    assert_eq!(OperatorKey::parse(&format!("{} comment", line.trim())).unwrap().text(), line.trim());
}
