//! The text of a proof: a compact JWS, read strictly (RFC 7515 §7.1, RFC 8725 §3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::varlink::json::{self, JsonFault};

/// Longest proof in bytes.
///
/// Reason: ID tokens with a signature of RSA 4096 have 1 to 3 kB; one with every group of a directory is still below, and no
/// peer makes us hash and parse more. A frame has 64 kB.
pub const PROOF_LEN_MAX: usize = 16 * 1024;
/// Longest `kid` in bytes: a look-up word, never a path, an address or a query.
const KID_LEN_MAX: usize = 256;

/// A proof's parts, of which nothing is trusted yet.
pub(super) struct Compact<'t> {
    /// What the signature covers: header and claims as they stand.
    pub(super) signed: &'t str,
    /// The signature, still encoded.
    pub(super) signature: &'t str,
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
}

/// The header's members that count.
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
}

impl<'t> Compact<'t> {
    /// Takes the text apart.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub(super) fn read(text: &'t str) -> Result<Self, Refusal> {
        if text.len() > PROOF_LEN_MAX {
            return Err(Refusal::TooLong);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::NotCompact);
        };
        let (header, claims) = (object(header)?, object(claims)?);
        // The engine takes one spelling of each value: no padding, no stray bits.
        URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::Encoding)?;
        let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed);
        Ok(Self { signed, signature, header: Header::read(&header)?, claims })
    }
}

impl Header {
    fn read(members: &Map<String, Value>) -> Result<Self, Refusal> {
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::Header),
        };
        for name in members.keys() {
            match name.as_str() {
                "alg" | "kid" | "typ" | "x5t" | "x5t#S256" => {}
                "jwk" | "jku" | "x5u" | "x5c" => return Err(Refusal::EmbeddedKey),
                "crit" | "b64" => return Err(Refusal::Critical),
                _ => return Err(Refusal::Header),
            }
        }
        // RFC 8725 §3.11: an access token (at+jwt) or a logout token shows no login.
        if text("typ")?.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(Refusal::Type);
        }
        let alg = text("alg")?.ok_or(Refusal::Algorithm)?;
        let kid = text("kid")?;
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > KID_LEN_MAX) {
            return Err(Refusal::KeyUnknown);
        }
        Ok(Self { alg, kid })
    }
}

/// One part as a JSON object without a member twice at any level.
fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Encoding)?;
    // `serde_json` keeps the last of two members: the strict reader goes first.
    json::parse(&bytes).map_err(|error| match error.fault {
        JsonFault::Duplicate => Refusal::DuplicateMember,
        JsonFault::Syntax | JsonFault::Surrogate => Refusal::Json,
    })?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Refusal::Json),
    }
}
