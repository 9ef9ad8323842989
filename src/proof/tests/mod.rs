//! Proofs made here with aws-lc's keys; tokens of other JOSE libraries are judged at the door (`tests/it/proofs`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod judging;
mod key_sets;
mod properties;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA512,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;

const ISSUER: &str = "https://sso.example.test";
/// The instant at which everything happens, in seconds.
const NOW: i64 = 1_790_000_000;

/// A provider's private keys.
struct Signer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn jwks(&self) -> Value {
        let public = self.rsa.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "n": b64(n.big_endian_without_leading_zero()),
              "e": b64(e.big_endian_without_leading_zero()) },
            { "kty": "EC", "kid": "ec", "use": "sig", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "OKP", "kid": "ed", "key_ops": ["verify"], "crv": "Ed25519", "x": b64(self.ed.public_key()) },
        ] })
    }

    fn sign(&self, alg: &str, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(claims));
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        let signature = match alg {
            "RS256" | "PS512" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if alg == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA512 };
                self.rsa.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            "ES256" => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(message).as_ref().to_vec(),
            other => panic!("{other}"),
        };
        format!("{signed}.{}", b64(signature))
    }

    /// A token with these claims, signed with ES256.
    fn token(&self, claims: &Value) -> String {
        self.sign("ES256", r#"{"alg":"ES256","kid":"ec","typ":"JWT"}"#, &claims.to_string())
    }

    fn providers(&self) -> Providers {
        let terms = Terms {
            name: "sso".to_owned(),
            issuer: ISSUER.to_owned(),
            algorithms: vec![Algorithm::RS256, Algorithm::PS512, Algorithm::ES256, Algorithm::EdDSA],
            clock_skew_ms: 2_000,
            age_max_ms: 300_000,
            instant_tolerance_ms: 2_000,
            methods: vec![
                MethodRule {
                    method: Method::Cps,
                    acr: vec!["eidas2".to_owned(), "eidas3".to_owned()],
                    amr: vec!["sc".to_owned(), "pin".to_owned()],
                    factors: Vec::new(),
                    initial_claim: None,
                },
                MethodRule {
                    method: Method::CpsSansContact,
                    acr: vec!["previous".to_owned()],
                    amr: Vec::new(),
                    factors: vec![Factor::Possession, Factor::Knowledge],
                    initial_claim: Some("pin_time".to_owned()),
                },
            ],
        };
        let keys = KeySet::parse(self.jwks().to_string().as_bytes(), &terms.algorithms).unwrap();
        let mut providers = Providers::default();
        providers.add(terms, keys);
        providers
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "anne", "aud": "dpi", "azp": "dpi", "jti": "j-1", "exp": NOW + 60, "nbf": NOW - 10,
        "iat": NOW - 5, "auth_time": NOW - 30, "acr": "eidas2", "amr": ["sc", "pin", "user"], "typ": "ID",
        "name": "ignored",
    })
}

/// The claims with one changed; `null` takes it away.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

fn audiences() -> Vec<Audience> {
    vec![Audience { provider: "sso".to_owned(), client_id: "dpi".to_owned() }]
}

fn at(seconds: i64) -> Instant {
    Instant::from_ms(seconds * 1000)
}

fn judge(providers: &Providers, token: &str) -> Result<Proof, Refusal> {
    verify(providers, &audiences(), token, at(NOW))
}
