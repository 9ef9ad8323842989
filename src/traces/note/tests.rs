//! Notes of others, verified; ours, in one text form; keys and signatures that are not.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use proptest::prelude::*;

use super::key::{Algorithm, KeyError};
use super::*;

/// Published by the Go project as the example of the format.
const NEUMANN_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// Real checkpoints of two public logs, whose keys are ECDSA P-256.
const REKOR_KEY: &str = "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=";
const REKOR: &str = "Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n\
    — rekor.sigstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=\n";
const PIXEL_KEY: &str = "pixel6_transparency_log+91c16e30+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN+4x0Jk1yTwvLFI9A4NDdGZcX0aiWVdWM5XJVy0M4VWD3AvyW5Q6Hs9A0mcDkpUoYgn+KKPNzFC0H3nN3q6JQ8=";
const PIXEL: &str = "DEFAULT\n10\nbsWRucJU5xJPHb5eBdOm6+DM+VelCZBuvtI3sHERJ9Y=\n\n\
    — pixel6_transparency_log kcFuMDBFAiEAhqMAP8P6qf6QxtUJhzMhbN+MbZ9dwfUHzGQJmffJHtoCIGD0cNe47dHWBoPwYdgBCepB06/+g5O1FmYjXl06owL4\n";

#[test]
fn notes_of_others_are_verified() {
    for (key, note) in [(NEUMANN_KEY, NEUMANN), (REKOR_KEY, REKOR), (PIXEL_KEY, PIXEL)] {
        let keys = [VerifierKey::parse(key).unwrap()];
        assert_eq!(keys[0].to_string(), key);
        let parsed = Note::parse(note).unwrap();
        assert_eq!(parsed.to_string(), note);
        assert_eq!(parsed.verify(&keys).unwrap(), &keys[0]);
        let other = Note::parse(&note.replacen(['o', '1'], "0", 1)).unwrap();
        assert_eq!(other.verify(&keys), Err(NoteError::FalseSignature(keys[0].name().to_owned())));
        assert_eq!(parsed.verify(&[]), Err(NoteError::NotSigned));
    }
}

#[test]
fn a_key_text_that_is_not_its_key_is_refused() {
    let (name, rest) = REKOR_KEY.split_once('+').unwrap();
    let cases = [
        ("", KeyError::Form),
        ("name+c0d23d6a", KeyError::Form),
        ("name+c0d23d6a+no base64", KeyError::Form),
        ("name+c0d23d6a+", KeyError::Form),
        ("name+12345678+BAEB", KeyError::Algorithm(4)),
        ("name+12345678+AQEB", KeyError::Public),
        ("name+12345678+AgEB", KeyError::Public),
        (&format!("a b+{rest}"), KeyError::Form),
        (&REKOR_KEY.replace("c0d23d6a", "C0D23D6A"), KeyError::Id),
        (&REKOR_KEY.replace("c0d23d6a", "00000000"), KeyError::Id),
        (&NEUMANN_KEY.replace("PeterNeumann", name), KeyError::Id),
    ];
    for (text, error) in cases {
        assert_eq!(VerifierKey::parse(text), Err(error), "{text}");
    }
}

#[test]
fn what_is_no_note_is_refused() {
    let line = "— n AAAAAAA=\n";
    assert!(Note::parse(&format!("text\n\n{line}")).is_ok());
    assert!(Note::parse(&format!("text\n\nmore\n\n{line}{line}")).is_ok());
    let cases = [
        "".into(),
        "text\n".into(),
        line.into(),
        format!("text\n{line}"),
        "text\n\n".into(),
        format!("text\n\n{}", line.trim_end()),
        format!("text\n\n{line}\n"),
        format!("te\txt\n\n{line}"),
        format!("te\rxt\n\n{line}"),
        "text\n\n- n AAAAAAA=\n".into(),
        "text\n\n— n\n".into(),
        "text\n\n—  AAAAAAA=\n".into(),
        "text\n\n— a+b AAAAAAA=\n".into(),
        "text\n\n— a\u{2003}b AAAAAAA=\n".into(),
        "text\n\n— n AAAAAA==\n".into(),
        "text\n\n— n AAAAAAA\n".into(),
        "text\n\n— n AAAAAAB=\n".into(),
        format!("text\n\n{}", line.repeat(SIGNATURES_MAX + 1)),
    ];
    for case in cases {
        assert!(matches!(Note::parse(&case), Err(NoteError::Form(_))), "{case:?}");
    }
    assert_eq!(Note::parse(&" ".repeat(NOTE_LEN_MAX + 1)), Err(NoteError::TooLong));
}

fn p256() -> (EcdsaKeyPair, VerifierKey) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = VerifierKey::p256("example.fr/journal", pair.public_key().as_ref()).unwrap();
    (pair, key)
}

#[test]
fn both_types_sign_as_a_token_does() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let key = VerifierKey::ed25519("example.fr/journal", pair.public_key().as_ref()).unwrap();
    assert_eq!((key.algorithm(), VerifierKey::parse(&key.to_string())), (Algorithm::Ed25519, Ok(key.clone())));
    let sign = |text: &[u8]| Ok::<_, Infallible>(pair.sign(text).as_ref().to_vec());
    let note = Note::sign("one\n\ntwo\n", &key, sign).unwrap();
    assert_eq!(Note::parse(&note.to_string()).unwrap(), note);
    assert_eq!(note.text(), "one\n\ntwo\n");
    assert!(note.verify(&[key]).is_ok());
    let (pair, key) = p256();
    assert_eq!((key.algorithm(), VerifierKey::parse(&key.to_string())), (Algorithm::EcdsaP256, Ok(key.clone())));
    // Often enough for numbers with and without leading zeros and sign bits.
    for n in 0..300 {
        let sign =
            |text: &[u8]| pair.sign(&SystemRandom::new(), text).map(|signature| signature.as_ref().to_vec());
        let note = Note::sign(&format!("{n}\n"), &key, sign).unwrap();
        assert!(note.verify(std::slice::from_ref(&key)).is_ok());
    }
}

#[test]
fn a_false_signature_never_leaves() {
    let (_, key) = p256();
    for raw in [vec![0; 64], vec![1; 64], vec![0xff; 64], vec![1; 63], Vec::new()] {
        let refused = Note::sign("text\n", &key, |_| Ok::<_, Infallible>(raw));
        assert!(matches!(refused, Err(SignError::Note(NoteError::FalseSignature(_)))));
    }
    assert!(matches!(Note::sign("text\n", &key, |_| Err(())), Err(SignError::Signer(()))));
}

#[test]
fn a_known_name_with_another_id_is_ignored_and_one_false_line_is_not() {
    let keys = [VerifierKey::parse(REKOR_KEY).unwrap()];
    let with = |line: &str| Note::parse(&format!("{REKOR}{line}")).unwrap();
    assert!(with("— rekor.sigstore.dev AAAAAAA=\n").verify(&keys).is_ok());
    assert!(with("— somebody wNI9agA=\n").verify(&keys).is_ok());
    assert!(with("— rekor.sigstore.dev wNI9agA=\n").verify(&keys).is_err());
}

proptest! {
    #[test]
    fn a_note_has_one_text(note in "[a\n—+ =AB]{0,40}|a\n\n(— a AAAAAAA=\n){0,3}[ a\n]{0,2}", key in "[a+/=0-9]{0,40}") {
        if let Ok(parsed) = Note::parse(&note) {
            prop_assert_eq!(parsed.to_string(), note);
        }
        let _ = VerifierKey::parse(&key);
    }
}
