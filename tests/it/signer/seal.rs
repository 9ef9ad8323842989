//! What a signer signs, checked by OpenSSL, and what it does not.

use std::fs;

use sceau::policy::keyring::Keyring;
use sceau::seal::key::SpkiSource;
use sceau::seal::wire::{Answer, Failure, NONCE_LEN, Request, self_test_message};
use sceau::vihf::signature::{SignatureAlgorithm, signed_info};

use super::rig::{Rig, SPY, Setting};
use crate::support::key_kind::KeyOrigin;

pub(super) const ID: &str = "_1b4e28ba-2fa1-41d2-883f-0016d3cca427";

pub(super) fn text(algorithm: SignatureAlgorithm) -> String {
    signed_info(algorithm, ID, &[7; 32], Some("ds saml xsi"))
}

/// OpenSSL reads ECDSA signatures as DER: raw r‖s to SEQUENCE { INTEGER r, INTEGER s }.
fn ecdsa_der(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let start = bytes.iter().position(|b| *b != 0).unwrap();
        let pad = if bytes[start] & 0x80 == 0 { vec![] } else { vec![0] };
        let value = [pad.as_slice(), &bytes[start..]].concat();
        [&[0x02, u8::try_from(value.len()).unwrap()], value.as_slice()].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

fn openssl_verifies(rig: &Rig, spki: &[u8], algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) {
    let (digest, signature) = match algorithm {
        SignatureAlgorithm::RsaSha256 => ("-sha256", signature.to_vec()),
        SignatureAlgorithm::EcdsaSha256 => ("-sha256", ecdsa_der(signature)),
        SignatureAlgorithm::EcdsaSha384 => ("-sha384", ecdsa_der(signature)),
    };
    fs::write(rig.path("spki.der"), spki).unwrap();
    fs::write(rig.path("message"), message).unwrap();
    fs::write(rig.path("signature"), signature).unwrap();
    rig.tool("openssl", &["pkey", "-pubin", "-inform", "DER", "-in", "spki.der", "-out", "spki.pem"]);
    let arguments = ["dgst", digest, "-verify", "spki.pem", "-signature", "signature", "message"];
    assert_eq!(rig.tool("openssl", &arguments).stdout, b"Verified OK\n");
}

#[test]
fn every_key_type_signs_what_openssl_verifies() {
    for (keys, kind, algorithm, bits) in [
        ("rsa:2048", SignatureAlgorithm::RsaSha256, 2048),
        ("rsa:3072", SignatureAlgorithm::RsaSha256, 3072),
        ("rsa:4096", SignatureAlgorithm::RsaSha256, 4096),
        ("EC:prime256v1", SignatureAlgorithm::EcdsaSha256, 256),
        ("EC:secp384r1", SignatureAlgorithm::EcdsaSha384, 384),
    ]
    .into_iter()
    .flat_map(|(kind, algorithm, bits)| KeyOrigin::KEYRINGS.map(|keys| (keys, kind, algorithm, bits)))
    {
        let rig = Rig::with(keys, kind);
        let signer = rig.start("seal-a-1");
        let mut client = signer.connect();
        let key = client.hello();
        let sealed_file = rig.path("seal-a.sealed").display().to_string();
        let (source, keyring, label) = match keys {
            KeyOrigin::Sealed => (SpkiSource::PrivateKey, Keyring::Sealed, sealed_file.as_str()),
            _ => (SpkiSource::PublicObject, Keyring::Pkcs11, "sceau-test"),
        };
        assert_eq!((key.algorithm, key.bits, key.spki_source), (algorithm.into(), bits, source), "{kind}");
        assert_eq!((key.key.as_str(), key.keyring, key.token.label.as_str()), ("seal-a", keyring, label));
        assert_eq!((key.pid, key.sessions), (signer.child.id(), 1));
        // pkcs11-tool 0.23 writes no other type of public key.
        if kind == "EC:prime256v1" && keys == KeyOrigin::Generated {
            rig.pkcs11_tool(&["--read-object", "--type", "pubkey", "--id", "01", "-o", "token.der"]);
            let der =
                rig.tool("openssl", &["pkey", "-pubin", "-inform", "DER", "-in", "token.der", "-outform", "DER"]);
            assert_eq!(key.spki, der.stdout, "{kind}: the token's public key as another tool reads it");
        }
        let message = text(algorithm);
        let signature = client.sign(message.as_bytes()).unwrap();
        openssl_verifies(&rig, &key.spki, algorithm, message.as_bytes(), &signature);
        let Answer::Signature(signature) = client.ask(&Request::SelfTest([9; NONCE_LEN])) else {
            panic!("{kind}")
        };
        openssl_verifies(&rig, &key.spki, algorithm, &self_test_message(&[9; NONCE_LEN]), &signature);
        let stats = client.stats();
        // One more than asked for: the proof at opening.
        assert_eq!((stats.signatures, stats.recoveries), (3, 0));
        assert!(stats.sign_cpu_ns > 10_000, "{stats:?}");
    }
}

#[test]
fn nothing_but_a_signed_info_of_its_own_algorithm_is_signed() {
    KeyOrigin::KEYRINGS.into_iter().for_each(nothing_else_is_signed);
}

fn nothing_else_is_signed(keys: KeyOrigin) {
    let rig = Rig::with(keys, "EC:prime256v1");
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    let good = text(SignatureAlgorithm::EcdsaSha256);
    let refused: [Vec<u8>; 7] = [
        vec![],
        b"<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:SignedInfo>".to_vec(),
        b"<saml:Assertion></saml:Assertion>".to_vec(),
        good.as_bytes()[1..].to_vec(),
        format!("{good}\n").into_bytes(),
        text(SignatureAlgorithm::RsaSha256).into_bytes(),
        self_test_message(&[9; NONCE_LEN]),
    ];
    for bytes in refused {
        assert_eq!(client.sign(&bytes), Err(Failure::ShapeRefused), "{}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(client.stats().signatures, 1, "only the proof at opening");
    assert!(client.sign(good.as_bytes()).is_ok(), "the connection survives refusals");
}

#[test]
fn handles_are_resolved_once_and_one_login_serves_every_session() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: SPY.as_ref(), sessions: 2, ..Setting::default() });
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    assert_eq!(client.hello().sessions, 2);
    let searches = rig.calls("C_FindObjectsInit");
    let message = text(SignatureAlgorithm::EcdsaSha256);
    let signed = rig.calls("C_SignInit");
    for _ in 0..20 {
        client.sign(message.as_bytes()).unwrap();
    }
    assert_eq!(rig.calls("C_SignInit"), signed + 20, "the recorder sees the signatures");
    assert!(searches > 0 && rig.calls("C_FindObjectsInit") == searches, "no search for a signature");
    assert_eq!(rig.calls("C_Login"), 1);
    assert_eq!(rig.calls("C_OpenSession"), 3, "the anchor and two that sign");
    assert!(signer.stop().success());
    assert_eq!((rig.calls("C_CloseSession"), rig.calls("C_Finalize")), (3, 1));
}

#[test]
fn sessions_sign_side_by_side_and_places_are_counted() {
    KeyOrigin::KEYRINGS.into_iter().for_each(places_are_counted);
}

fn places_are_counted(keys: KeyOrigin) {
    let rig = Rig::with(keys, "rsa:2048");
    rig.configure(&Setting { sessions: 2, ..Setting::default() });
    let signer = rig.start("seal-a-1");
    let message = text(SignatureAlgorithm::RsaSha256);
    let mut clients: Vec<_> = (0..4).map(|_| signer.connect()).collect();
    for client in &mut clients {
        client.hello();
    }
    let mut fifth = signer.connect();
    assert_eq!(fifth.read().unwrap(), Answer::Failure(Failure::Busy));
    assert!(fifth.read().is_err(), "and it is closed");
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| {
                for _ in 0..25 {
                    client.sign(message.as_bytes()).unwrap();
                }
            });
        }
    });
    assert_eq!(clients[0].stats().signatures, 101);
    drop(clients);
    super::rig::eventually("places are freed", || {
        signer.connect().try_ask(&Request::Hello).ok().filter(|a| matches!(a, Answer::Key(_)))
    });
}

#[test]
fn the_certificate_stands_in_for_a_missing_public_object_and_is_proved() {
    let rig = Rig::new("EC:prime256v1");
    rig.pkcs11_tool(&["--read-object", "--type", "pubkey", "--id", "01", "-o", "token.der"]);
    rig.pkcs11_tool(&["--delete-object", "--type", "pubkey", "--id", "01"]);
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("seal-a.pem"), "{message}");
    rig.tool("openssl", &["pkey", "-pubin", "-inform", "DER", "-in", "token.der", "-out", "token.pub"]);
    rig.tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other.key"]);
    let certify = |more: &[&str]| {
        let base = ["x509", "-new", "-key", "other.key", "-subj", "/CN=seal", "-out", "seal-a.pem"];
        rig.tool("openssl", &[&base, more].concat());
    };
    certify(&[]);
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("ne vérifie pas"), "{message}");
    certify(&["-force_pubkey", "token.pub"]);
    let key = rig.start("seal-a-1").connect().hello();
    let output = rig.tool("openssl", &["pkey", "-pubin", "-in", "token.pub", "-outform", "DER"]);
    assert_eq!((key.spki_source, key.spki), (SpkiSource::Certificate, output.stdout));
}

/// Public objects of other keys under the key's own id, as a token gets by a careless renewal.
fn add_decoys(rig: &Rig, kind: &str) {
    for n in 0..4 {
        let label = format!("decoy-{n}");
        rig.pkcs11_tool(&["--keypairgen", "--key-type", kind, "--label", &label, "--id", "01"]);
    }
}

#[test]
fn the_public_key_is_the_candidate_that_verifies() {
    for (kind, source) in [("EC:prime256v1", SpkiSource::Certificate), ("rsa:2048", SpkiSource::PrivateObject)] {
        let rig = Rig::new(kind);
        let expected = rig.start("seal-a-1").connect().hello().spki;
        add_decoys(&rig, kind);
        let key = rig.start("seal-a-1").connect().hello();
        assert_eq!((&key.spki, key.spki_source), (&expected, SpkiSource::PublicObject), "{kind}");
        rig.pkcs11_tool(&["--delete-object", "--type", "pubkey", "--label", "seal-a"]);
        if source == SpkiSource::Certificate {
            // SoftHSM's private EC key has no point.
            let (code, message) = rig.refused("seal-a-1");
            assert!(code == Some(2) && message.contains("ne vérifie pas"), "{message}");
            fs::write(rig.path("token.der"), &expected).unwrap();
            rig.tool("openssl", &["pkey", "-pubin", "-inform", "DER", "-in", "token.der", "-out", "token.pub"]);
            rig.tool("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key"]);
            let base = ["x509", "-new", "-key", "ca.key", "-subj", "/CN=seal", "-out", "seal-a.pem"];
            rig.tool("openssl", &[base.as_slice(), &["-force_pubkey", "token.pub"]].concat());
        }
        let key = rig.start("seal-a-1").connect().hello();
        assert_eq!((key.spki, key.spki_source), (expected, source), "{kind}");
    }
}
