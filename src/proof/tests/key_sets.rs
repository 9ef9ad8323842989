//! JWKS files: what is taken, what is left out, what spoils the whole.

use super::*;

const EVERY: &[Algorithm] = &Algorithm::ALL;

fn fault(keys: &Value) -> Option<(usize, KeySetFault)> {
    let text = json!({ "keys": keys }).to_string();
    KeySet::parse(text.as_bytes(), EVERY).err().map(|error| (error.key, error.fault))
}

/// One of the signer's keys with members changed; `null` takes one away.
fn key(place: usize, changes: &Value) -> Value {
    let mut key = Signer::new().jwks()["keys"][place].clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() { drop(key.as_object_mut().unwrap().remove(name)) } else { key[name] = value.clone() }
    }
    key
}

#[test]
fn only_whole_signature_keys_are_taken() {
    let none = Some((0, KeySetFault::NoneUsable));
    for (place, changes, expected) in [
        (0, json!({}), None),
        (1, json!({ "alg": "ES256" }), None),
        (0, json!({ "alg": "PS384", "x5c": ["MII"] }), None),
        (0, json!({ "use": "enc" }), none),
        (2, json!({ "key_ops": ["sign"] }), none),
        (2, json!({ "key_ops": "verify" }), none),
        (0, json!({ "alg": "RSA-OAEP" }), none),
        (1, json!({ "kid": null }), none),
        (1, json!({ "kty": "other" }), none),
        (1, json!({ "crv": "P-521" }), none),
        (1, json!({ "alg": "RS256" }), Some((1, KeySetFault::Broken))),
        (1, json!({ "x": "AAAA" }), Some((1, KeySetFault::Broken))),
        (1, json!({ "y": b64([7; 32]) }), Some((1, KeySetFault::Broken))),
        (1, json!({ "crv": "P-384" }), Some((1, KeySetFault::Broken))),
        (0, json!({ "e": "AQ" }), Some((1, KeySetFault::Broken))),
        (0, json!({ "e": "Ag" }), Some((1, KeySetFault::Broken))),
        (0, json!({ "n": null }), Some((1, KeySetFault::Broken))),
        (0, json!({ "n": b64([0xff; 255]) }), Some((1, KeySetFault::RsaLength))),
        (0, json!({ "n": b64([&[0; 40][..], &[0xff; 230]].concat()) }), Some((1, KeySetFault::RsaLength))),
        (0, json!({ "d": "AAAA" }), Some((1, KeySetFault::Secret))),
        (2, json!({ "d": null, "kty": "oct", "k": "AAAA" }), Some((1, KeySetFault::Secret))),
        (2, json!({ "x": "AAAA" }), Some((1, KeySetFault::Broken))),
    ] {
        assert_eq!(fault(&json!([key(place, &changes)])), expected, "{changes}");
    }
    // A key of the same name makes two answers possible; a key that is left out does not.
    let twice = json!([key(0, &json!({ "kid": "k" })), key(1, &json!({ "kid": "k" }))]);
    assert_eq!(fault(&twice), Some((2, KeySetFault::Twice)));
    assert_eq!(
        fault(&json!([key(0, &json!({ "kid": "k", "use": "enc" })), key(1, &json!({ "kid": "k" }))])),
        None
    );
}

#[test]
fn a_set_serves_its_providers_algorithms() {
    let jwks = Signer::new().jwks().to_string();
    assert!(KeySet::parse(jwks.as_bytes(), &[Algorithm::PS256]).is_ok());
    let none = KeySet::parse(jwks.as_bytes(), &[Algorithm::ES384]).unwrap_err();
    assert_eq!(none.fault, KeySetFault::NoneUsable);
}

#[test]
fn a_file_that_is_no_set_is_refused() {
    let large = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000));
    let many = json!({ "keys": vec![json!({}); 65] }).to_string();
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[7]}"#, r#"{"keys":[],"keys":[]}"#, &large, &many] {
        let error = KeySet::parse(text.as_bytes(), EVERY).unwrap_err();
        assert_eq!((error.key, error.fault), (0, KeySetFault::Shape), "{}", &text[..text.len().min(40)]);
    }
}
