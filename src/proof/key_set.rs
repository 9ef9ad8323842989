//! A provider's public keys: a JWKS file (RFC 7517), of which only whole signature keys are taken.

use std::collections::HashMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, KeyKind};
use crate::traces::digest::Digest;
use crate::varlink::json;

/// Largest JWKS file in bytes, and most keys in it: providers publish two to ten of 2 kB each, certificates included.
const FILE_LEN_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 64;
/// Shortest RSA modulus in bits (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// Longest RSA modulus in bits that the signature check takes.
const RSA_BITS_MAX: usize = 8192;
/// Members that only a private or symmetric key has (RFC 7518 §6).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a file is no set of keys; a key is named by its place, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .fault.words(*.key))]
pub struct KeySetError {
    /// Which key; 0: the file as a whole.
    pub key: usize,
    /// What is wrong.
    pub fault: KeySetFault,
}

/// What is wrong with a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetFault {
    /// No strict JSON object with a list `keys`, or too large.
    Shape,
    /// A private or symmetric key: whoever reads the file could make proofs.
    Secret,
    /// An RSA key of fewer than 2048 or more than 8192 bits.
    RsaLength,
    /// A key whose values are no key.
    Broken,
    /// Two keys have one `kid`.
    Twice,
    /// No key with a `kid` serves any of the provider's algorithms.
    NoneUsable,
}

impl KeySetFault {
    fn words(self, key: usize) -> String {
        match self {
            Self::Shape => "ce n'est pas un fichier JWKS (objet JSON avec la liste keys, sans membre en double, 256 Kio et 64 clés au plus) ; reprenez-le chez le fournisseur".to_owned(),
            Self::Secret => format!("la clé n° {key} est privée ou symétrique ; retirez ce fichier, faites changer cette clé, ne gardez que les clés publiques"),
            Self::RsaLength => format!("la clé n° {key} est une RSA hors de {RSA_BITS_MIN} à {RSA_BITS_MAX} bits ; faites-la remplacer par le fournisseur"),
            Self::Broken => format!("la clé n° {key} n'est pas une clé publique valable ; reprenez le fichier chez le fournisseur"),
            Self::Twice => format!("la clé n° {key} a le kid d'une autre ; faites corriger le fournisseur"),
            Self::NoneUsable => "aucune clé de signature avec un kid ne sert un algorithme déclaré ; vérifiez algorithms et le fichier".to_owned(),
        }
    }
}

/// One public key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    kind: KeyKind,
    /// `alg`: the only algorithm that the provider uses it with.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl Key {
    /// The key, if it is for that algorithm.
    pub(super) fn for_algorithm(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits = self.kind == algorithm.key_kind() && self.algorithm.is_none_or(|only| only == algorithm);
        fits.then_some(&self.key)
    }
}

/// Keys by `kid`, which is a look-up word in this table and nothing else.
#[derive(Clone, Debug)]
pub struct KeySet {
    by_kid: HashMap<String, Key>,
    digest: Digest,
}

impl KeySet {
    /// Reads a JWKS file for a provider that signs with `algorithms`.
    ///
    /// Keys for encryption, of unknown kinds or algorithms, or without a `kid` are left out. After `Ok` at least one key serves.
    ///
    /// # Errors
    /// [`KeySetError`]: one wrong key spoils the set, as nobody knows then what its maker meant.
    pub fn parse(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        let whole = |fault| KeySetError { key: 0, fault };
        let keys = list(bytes).ok_or(whole(KeySetFault::Shape))?;
        let mut by_kid = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            let wrong = |fault| KeySetError { key: place + 1, fault };
            let Value::Object(members) = key else { return Err(whole(KeySetFault::Shape)) };
            if SECRET_MEMBERS.iter().any(|name| members.contains_key(*name)) {
                return Err(wrong(KeySetFault::Secret));
            }
            let (Some(kid), Some(key)) = (text(members, "kid"), key_of(members).map_err(wrong)?) else { continue };
            if by_kid.insert(kid.to_owned(), key).is_some() {
                return Err(wrong(KeySetFault::Twice));
            }
        }
        by_kid
            .retain(|_, key: &mut Key| algorithms.iter().any(|algorithm| key.for_algorithm(*algorithm).is_some()));
        if by_kid.is_empty() {
            return Err(whole(KeySetFault::NoneUsable));
        }
        Ok(Self { by_kid, digest: Digest::of(&[bytes]) })
    }

    /// SHA-256 of the file that it was read from: another one is another set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.by_kid.get(kid)
    }
}

fn list(bytes: &[u8]) -> Option<Vec<Value>> {
    if bytes.len() > FILE_LEN_MAX || json::parse(bytes).is_err() {
        return None;
    }
    match serde_json::from_slice::<Map<String, Value>>(bytes).ok()?.remove("keys")? {
        Value::Array(keys) if keys.len() <= KEYS_MAX => Some(keys),
        _ => None,
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name).and_then(Value::as_str)
}

/// The key of these members; None: it is not for signatures, or of a kind that is not ours.
fn key_of(members: &Map<String, Value>) -> Result<Option<Key>, KeySetFault> {
    let is_for_signatures = members.get("use").is_none_or(|use_| use_ == "sig")
        && members.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|op| op == "verify"))
        });
    let algorithm = match members.get("alg") {
        None => None,
        Some(name) => match name.as_str().and_then(Algorithm::parse) {
            // RSA-OAEP, RS1, ES256K…: nothing that we would verify with it.
            None => return Ok(None),
            found => found,
        },
    };
    if !is_for_signatures {
        return Ok(None);
    }
    let value =
        |name| text(members, name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(KeySetFault::Broken);
    let (kind, key) = match (text(members, "kty"), text(members, "crv")) {
        (Some("RSA"), _) => (KeyKind::Rsa, rsa(&value("n")?, &value("e")?)?),
        (Some("EC"), Some("P-256")) => {
            (KeyKind::P256, ec(&ECDSA_P256_SHA256_FIXED, 32, &value("x")?, &value("y")?)?)
        }
        (Some("EC"), Some("P-384")) => {
            (KeyKind::P384, ec(&ECDSA_P384_SHA384_FIXED, 48, &value("x")?, &value("y")?)?)
        }
        (Some("OKP"), Some("Ed25519")) => {
            let x = value("x")?;
            ParsedPublicKey::new(&ED25519, &x).map_err(|_| KeySetFault::Broken)?;
            (KeyKind::Ed25519, DecodingKey::from_ed_der(&x))
        }
        _ => return Ok(None),
    };
    if algorithm.is_some_and(|algorithm| algorithm.key_kind() != kind) {
        return Err(KeySetFault::Broken);
    }
    Ok(Some(Key { kind, algorithm, key }))
}

fn rsa(n: &[u8], e: &[u8]) -> Result<DecodingKey, KeySetFault> {
    let n = strip_zeros(n);
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(KeySetFault::RsaLength);
    }
    let e = strip_zeros(e);
    // Even numbers and 1 make no RSA; an exponent beyond 64 bits only costs time.
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !odd(n) || !odd(e) || e == [1] || e.len() > 8 {
        return Err(KeySetFault::Broken);
    }
    Ok(DecodingKey::from_rsa_raw_components(n, e))
}

fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A point of that curve, whose coordinates have exactly that length (RFC 7518 §6.2.1.2).
fn ec(
    curve: &'static dyn VerificationAlgorithm,
    len: usize,
    x: &[u8],
    y: &[u8],
) -> Result<DecodingKey, KeySetFault> {
    if x.len() != len || y.len() != len {
        return Err(KeySetFault::Broken);
    }
    let point = [&[4], x, y].concat();
    ParsedPublicKey::new(curve, &point).map_err(|_| KeySetFault::Broken)?;
    Ok(DecodingKey::from_ec_der(&point))
}
