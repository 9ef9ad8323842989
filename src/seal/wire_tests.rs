//! Frames: golden bytes, round trips, and no panic on anything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::seal::key::{KeyAlgorithm, KeyAttributes, SpkiSource, TokenIdentity};
use crate::vihf::signature::recognise;

fn key() -> KeyDescription {
    KeyDescription {
        keyring: crate::policy::keyring::Keyring::Pkcs11,
        key: "seal-a".to_owned(),
        algorithm: KeyAlgorithm::EcdsaSha384,
        bits: 384,
        spki: vec![0x30, 0x00],
        spki_source: SpkiSource::PublicObject,
        attributes: KeyAttributes { sensitive: Some(true), local: None, ..KeyAttributes::default() },
        token: TokenIdentity { label: "t".to_owned(), ..TokenIdentity::default() },
        module: "/m.so".to_owned(),
        sessions: 2,
        pid: 7,
    }
}

fn request_frame(request: &Request<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(request, &mut out).unwrap();
    out
}

fn answer_frame(answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    encode_answer(answer, &mut out).unwrap();
    out
}

#[test]
fn golden_bytes() {
    assert_eq!(request_frame(&Request::Hello), b"\0\0\0\x01\x01");
    assert_eq!(request_frame(&Request::Sign(b"<a>")), b"\0\0\0\x04\x02<a>");
    assert_eq!(request_frame(&Request::SelfTest([9; 32])), [b"\0\0\0\x21\x03".as_slice(), &[9; 32]].concat());
    let handshake = Request::SignHandshake(Scheme::RsaPss, b" ");
    assert_eq!(request_frame(&handshake), b"\0\0\0\x04\x05\x08\x04 ");
    assert_eq!(decode_request(b"\x05\x08\x05 "), Err(WireError::Payload(5)), "a scheme that is not offered");
    assert_eq!(request_frame(&Request::Stats), b"\0\0\0\x01\x04");
    assert_eq!(answer_frame(&Answer::Signature(vec![1, 2])), b"\0\0\0\x03\x82\x01\x02");
    assert_eq!(
        answer_frame(&Answer::Stats(Stats { signatures: 1, sign_cpu_ns: 2, recoveries: 3 })),
        b"\0\0\0\x19\x83\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03"
    );
    assert_eq!(answer_frame(&Answer::Failure(Failure::Busy)), b"\0\0\0\x05\x84busy");
    let json = r#"{"key":"seal-a","algorithm":"ecdsa-sha384","bits":384,"spki":"MAA=","spki_source":"public-object","attributes":{"sensitive":true,"always_sensitive":null,"extractable":null,"never_extractable":null,"local":null},"token":{"label":"t","manufacturer":"","model":"","serial":""},"module":"/m.so","sessions":2,"pid":7}"#;
    assert_eq!(answer_frame(&Answer::Key(Box::new(key())))[5..], *json.as_bytes());
}

#[test]
fn lengths_are_bounded_on_both_sides() {
    let mut out = vec![1];
    assert_eq!(
        encode(&Request::Sign(&vec![0; FRAME_LEN_MAX]), &mut out),
        Err(WireError::Length(FRAME_LEN_MAX + 1))
    );
    assert_eq!(out, [1]);
    assert_eq!(header(&[0, 0, 0, 0]), Err(WireError::Length(0)));
    assert_eq!(header(&[0, 1, 0, 0]), Ok(FRAME_LEN_MAX));
    assert_eq!(header(&[0, 1, 0, 1]), Err(WireError::Length(FRAME_LEN_MAX + 1)));
    assert_eq!(decode_request(&[]), Err(WireError::Length(0)));
}

#[test]
fn the_self_test_is_no_signed_info() {
    let message = self_test_message(&[b'<'; NONCE_LEN]);
    assert!(
        message.starts_with(b"fr.sceau.signer self-test v1\0") && message.len() == SELF_TEST_DOMAIN.len() + 32
    );
    assert_eq!(recognise(&message), None);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600).prop_map(Answer::Signature),
        any::<[u64; 3]>().prop_map(|[signatures, sign_cpu_ns, recoveries]| Answer::Stats(Stats {
            signatures,
            sign_cpu_ns,
            recoveries
        })),
        prop::sample::select(vec![
            Failure::TokenUnreachable,
            Failure::PinRefused,
            Failure::ShapeRefused,
            Failure::Busy
        ])
        .prop_map(Answer::Failure),
        (".{0,40}", any::<u32>(), prop::collection::vec(any::<u8>(), 0..600), any::<Option<bool>>()).prop_map(
            |(label, pid, spki, local)| {
                let mut key = key();
                key.token.label = label;
                key.pid = pid;
                key.spki = spki;
                key.attributes.local = local;
                Answer::Key(Box::new(key))
            }
        ),
    ]
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in any::<u8>()) {
        let _ = decode_request(&bytes);
        let _ = decode_answer(&bytes);
        let tagged = [&[tag], bytes.as_slice()].concat();
        let (request, answer) = (decode_request(&tagged), decode_answer(&tagged));
        prop_assert!(request.is_err() || answer.is_err(), "one frame has one direction");
    }

    #[test]
    fn requests_come_back(bytes in prop::collection::vec(any::<u8>(), 0..2100), nonce in any::<[u8; 32]>()) {
        let handshake = Request::SignHandshake(Scheme::EcdsaP256, &bytes);
        for request in [Request::Hello, Request::Stats, Request::Sign(&bytes), handshake, Request::SelfTest(nonce)] {
            let frame = request_frame(&request);
            let (head, body) = frame.split_first_chunk().unwrap();
            prop_assert_eq!(header(head), Ok(body.len()));
            prop_assert_eq!(decode_request(body), Ok(request));
        }
    }

    #[test]
    fn answers_come_back(answer in any_answer()) {
        let frame = answer_frame(&answer);
        let (head, body) = frame.split_first_chunk().unwrap();
        prop_assert_eq!(header(head), Ok(body.len()));
        prop_assert_eq!(decode_answer(body), Ok(answer));
    }
}
