//! Contents of CertificateVerify: right ones are taken, everything near them is not.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};

use super::*;
use crate::seal::wire::{NONCE_LEN, self_test_message};
use crate::vihf::signature::{SignatureAlgorithm, signed_info};

fn tls13(hash: usize) -> Vec<u8> {
    [[b' '; 64].as_slice(), b"TLS 1.3, client CertificateVerify\0", &vec![7; hash]].concat()
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], prefixed(body).as_slice()].concat()
}

fn prefixed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat()
}

/// A certificate and its key's SubjectPublicKeyInfo.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    (certificate.der().to_vec(), key.subject_public_key_info())
}

/// The messages of a full handshake, one by one, with this client certificate.
fn handshake(own: &[u8], stapled: bool) -> Vec<Vec<u8>> {
    let list = prefixed(&prefixed(own));
    let mut messages = vec![framed(1, &[3, 3, 0]), framed(2, &[3, 3, 9]), framed(11, b"server")];
    if stapled {
        messages.push(framed(22, b"ocsp"));
    }
    messages.extend([framed(12, b"ecdhe"), framed(13, b"request"), framed(14, b"")]);
    messages.extend([framed(11, &list), framed(16, b"share")]);
    messages
}

#[test]
fn the_two_contents_are_taken() {
    let (own, spki) = certificate();
    for scheme in [Scheme::RsaPss, Scheme::EcdsaP256] {
        assert!(may_sign(scheme, &tls13(32), &spki) && may_sign(scheme, &tls13(48), &spki));
    }
    assert!(!may_sign(Scheme::RsaPkcs1, &tls13(32), &spki), "RFC 8446 §4.2.3: never in TLS 1.3");
    for stapled in [false, true] {
        let content = handshake(&own, stapled).concat();
        for scheme in [Scheme::RsaPss, Scheme::EcdsaP256, Scheme::RsaPkcs1] {
            assert!(may_sign(scheme, &content, &spki));
        }
    }
}

#[test]
fn a_handshake_in_another_order_or_of_another_key_is_not() {
    let ((own, spki), (_, other)) = (certificate(), certificate());
    let whole = handshake(&own, true);
    assert!(!may_sign(Scheme::RsaPss, &whole.concat(), &other));
    for at in 0..whole.len() {
        let mut less = whole.clone();
        less.remove(at);
        assert_eq!(may_sign(Scheme::RsaPss, &less.concat(), &spki), at == 3, "without message {at}");
        let mut twice = whole.clone();
        twice.insert(at, whole[at].clone());
        assert!(!may_sign(Scheme::RsaPss, &twice.concat(), &spki), "message {at} twice");
    }
    let mut longer = whole.concat();
    longer.push(0);
    assert!(!may_sign(Scheme::RsaPss, &longer, &spki));
    let mut old = whole.concat();
    old[4..6].copy_from_slice(&[3, 2]);
    assert!(!may_sign(Scheme::RsaPss, &old, &spki), "TLS 1.1");
}

#[test]
fn no_content_of_another_purpose_is_one() {
    let (_, spki) = certificate();
    let info = signed_info(SignatureAlgorithm::RsaSha256, "_1b4e28ba-2fa1-41d2-883f-0016d3cca427", &[7; 32], None);
    let server = String::from_utf8(tls13(32)).unwrap().replace("client", "server").into_bytes();
    for content in [info.as_bytes(), &self_test_message(&[1; NONCE_LEN]), &server, b"", b"origin\n1\nAAAA\n"] {
        for scheme in [Scheme::RsaPss, Scheme::EcdsaP256, Scheme::RsaPkcs1] {
            assert!(!may_sign(scheme, content, &spki));
        }
    }
}

proptest! {
    #[test]
    fn recognising_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..2000) {
        let (own, spki) = certificate();
        let _ = may_sign(Scheme::RsaPss, &bytes, &spki);
        let content = handshake(&own, true).concat();
        let cut = cut.min(content.len() - 1);
        prop_assert!(!may_sign(Scheme::RsaPss, &content[..cut], &spki));
    }
}
