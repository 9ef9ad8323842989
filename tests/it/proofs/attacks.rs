//! Every known attack on signed tokens, made by a library that is not ours: each refused by its rule, each beside a good twin.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Provider, claims, proved, rule};
use crate::doorstep::DoorAlone;

/// The attack (its name in `mint.py`) and the rule that it meets.
const ATTACKS: &[(&str, &str)] = &[
    ("alg 'none'", "algorithm"),
    ("alg 'None'", "algorithm"),
    ("alg 'NONE'", "algorithm"),
    ("alg 'nOnE'", "algorithm"),
    ("alg 'none '", "algorithm"),
    ("alg ''", "algorithm"),
    ("alg 'HS256'", "algorithm"),
    ("alg 'ES256K'", "algorithm"),
    ("alg 'RS1'", "algorithm"),
    ("alg null", "header"),
    ("alg absent", "algorithm"),
    ("none with a signature", "algorithm"),
    ("signature taken away", "signature"),
    ("last part taken away", "not-compact"),
    ("signature cut", "signature"),
    ("HMAC with the public key (PEM)", "algorithm"),
    ("HMAC with the public key (DER)", "algorithm"),
    ("HMAC with the public key (modulus)", "algorithm"),
    ("HMAC called RS256", "signature"),
    ("another key under the provider's kid", "signature"),
    ("embedded jwk", "embedded-key"),
    ("jku", "embedded-key"),
    ("x5u", "embedded-key"),
    ("x5c", "embedded-key"),
    ("kid traversal", "key-unknown"),
    ("kid traversal with an empty HMAC key", "algorithm"),
    ("kid as a query", "key-unknown"),
    ("kid as an address", "key-unknown"),
    ("kid as a template", "key-unknown"),
    ("kid of a kilobyte", "key-unknown"),
    ("no kid", "key-unknown"),
    ("kid of the encryption key", "key-unknown"),
    ("an algorithm that is not the key's", "key-use"),
    ("an algorithm that is not allowed", "algorithm"),
    ("another curve's key", "key-use"),
    ("another curve's signature", "signature"),
    ("an RSA key for ECDSA", "key-use"),
    ("ECDSA r = s = 0", "signature"),
    ("ECDSA r = 0", "signature"),
    ("ECDSA s = 0", "signature"),
    ("ECDSA r = s = n", "signature"),
    ("ECDSA in DER", "signature"),
    ("RSA with SHA-1", "signature"),
    ("small RSA", "key-unknown"),
    ("JWE", "not-compact"),
    ("JSON serialization", "not-compact"),
    ("flattened JSON", "not-compact"),
    ("alg twice", "duplicate-member"),
    ("alg twice, signed", "duplicate-member"),
    ("sub twice", "duplicate-member"),
    ("a member twice by another spelling", "duplicate-member"),
    ("a member twice inside another", "duplicate-member"),
    ("crit", "critical"),
    ("unencoded payload", "critical"),
    ("compressed", "header"),
    ("access token", "type"),
    ("logout token", "type"),
    ("padded", "encoding"),
    ("with a space", "encoding"),
    ("with a line end", "encoding"),
    ("with a prefix", "encoding"),
    ("four parts", "not-compact"),
    ("claims that are a list", "json"),
    ("claims that are no JSON", "json"),
    ("claims with a byte order mark", "json"),
    ("oversized", "too-long"),
];

#[test]
fn each_attack_meets_its_rule_and_its_good_twin_opens() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    let known = provider.mint.ask(&json!({ "do": "attacks" }));
    let known: BTreeSet<&str> = known.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(known, ATTACKS.iter().map(|(name, _)| *name).collect(), "every attack has its rule");
    let mut wrong = Vec::new();
    for (name, expected) in ATTACKS {
        let claims = claims();
        let attack = provider.mint.token(&json!({ "do": "attack", "name": name, "claims": claims }));
        let answer = client.open_session(proved(&claims, &attack));
        // Nothing of what the token says comes back.
        if let Err(refused) = &answer {
            let said = refused.parameters.to_string();
            assert!(!said.contains("mallory") && !said.contains(super::SUBJECT) && said.len() < 400, "{said}");
        }
        let met = rule(answer);
        // The same claims, untouched: the attack alone was refused, and it has spent nothing.
        let twin = rule(client.open_session(proved(&claims, &provider.proof(&claims))));
        if (met.as_str(), twin.as_str()) != (*expected, "opened") {
            wrong.push(format!("{name}: {met}, its twin {twin}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_kind_of_key_opens_by_its_own_algorithm() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    for (key, alg) in [("rsa", "RS256"), ("pss", "PS256"), ("ec", "ES256"), ("p384", "ES384"), ("ed", "EdDSA")] {
        let claims = claims();
        let proof = provider.sign(key, &json!({ "alg": alg, "kid": key }), &claims);
        assert_eq!(rule(door.client().open_session(proved(&claims, &proof))), "opened", "{alg}");
    }
}

/// One that was made for the provider before, and for another establishment's.
#[test]
fn a_proof_of_another_provider_is_refused() {
    let (ours, theirs) = (Provider::new(), Provider::new());
    let door = DoorAlone::open(ours.plan());
    let claims = claims();
    assert_eq!(rule(door.client().open_session(proved(&claims, &theirs.proof(&claims)))), "signature");
    let honest = super::with(claims.clone(), "iss", "https://sso.ailleurs.test".into());
    assert_eq!(rule(door.client().open_session(proved(&honest, &theirs.proof(&honest)))), "issuer");
    assert_eq!(rule(door.client().open_session(proved(&claims, &ours.proof(&claims)))), "opened");
}

#[test]
fn a_frame_of_proof_alone_harms_nobody() {
    let provider = Provider::new();
    let door = DoorAlone::open(provider.plan());
    let mut client = door.client();
    for text in
        ["", ".", "..", "...", "e30.e30.", &"A".repeat(60_000), &".".repeat(60_000), "é.é.é", "\u{0}.\n.\t"]
    {
        let met = rule(client.open_session(proved(&Value::Null, text)));
        assert!(met != "opened" && met.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{text:.20?}: {met}");
    }
    let claims = claims();
    assert_eq!(rule(client.open_session(proved(&claims, &provider.proof(&claims)))), "opened");
}
