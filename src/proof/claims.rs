//! The claims of a proof, each of its type (RFC 7519 §4.1, OpenID Connect Core §2).

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::vihf::instant::Instant;

/// Longest subject, identifier or class in bytes (OpenID Connect Core §2: `sub` has 255 ASCII characters at most).
const TEXT_LEN_MAX: usize = 255;
/// Last NumericDate that is an instant of ours, in seconds: the end of year 9999.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// Claims by type; nothing is judged yet.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) subject: String,
    pub(super) audiences: Vec<String>,
    pub(super) authorized_party: Option<String>,
    pub(super) expires: Instant,
    pub(super) not_before: Option<Instant>,
    pub(super) issued: Instant,
    pub(super) login: Instant,
    pub(super) id: Option<String>,
    pub(super) acr: Option<String>,
    pub(super) amr: Vec<String>,
}

impl Claims {
    /// Reads the claims.
    ///
    /// # Errors
    /// [`Refusal::Claim`]: one is missing or of another type; [`Refusal::Type`]: they are another token's.
    pub(super) fn read(members: &Map<String, Value>) -> Result<Self, Refusal> {
        // Keycloak writes in `typ` which of its tokens this is; `events` makes a logout token (OpenID Back-Channel Logout §2.4).
        if members.get("typ").is_some_and(|typ| typ != "ID") || members.contains_key("events") {
            return Err(Refusal::Type);
        }
        let audiences = match members.get("aud") {
            Some(Value::String(_)) => text(members, "aud")?.into_iter().collect(),
            Some(Value::Array(_)) => texts(members, "aud")?,
            _ => return Err(Refusal::Claim),
        };
        Ok(Self {
            subject: text(members, "sub")?.ok_or(Refusal::Claim)?,
            audiences,
            authorized_party: text(members, "azp")?,
            expires: instant(members, "exp")?.ok_or(Refusal::Claim)?,
            not_before: instant(members, "nbf")?,
            issued: instant(members, "iat")?.ok_or(Refusal::Claim)?,
            login: instant(members, "auth_time")?.ok_or(Refusal::Claim)?,
            id: text(members, "jti")?,
            acr: text(members, "acr")?,
            amr: texts(members, "amr")?,
        })
    }
}

/// A text claim: never empty.
pub(super) fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if (1..=TEXT_LEN_MAX).contains(&text.len()) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::Claim),
    }
}

fn texts(members: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    let Some(value) = members.get(name) else { return Ok(Vec::new()) };
    let Value::Array(items) = value else { return Err(Refusal::Claim) };
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(Refusal::Claim)).collect()
}

/// A NumericDate: seconds since 1970, whole or not (RFC 7519 §2); a text that looks like a number is none.
pub(super) fn instant(members: &Map<String, Value>, name: &str) -> Result<Option<Instant>, Refusal> {
    let Some(value) = members.get(name) else { return Ok(None) };
    if let Some(seconds) = value.as_i64() {
        let ms = seconds.checked_mul(1000).filter(|ms| *ms >= 0).map(Instant::from_ms);
        return ms.filter(|at| at.ms() / 1000 == seconds).map(Some).ok_or(Refusal::Claim);
    }
    match value.as_f64() {
        // Within these bounds a double holds every millisecond.
        #[expect(clippy::cast_possible_truncation, reason = "within the bounds that are just checked")]
        Some(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            Ok(Some(Instant::from_ms((seconds * 1000.0) as i64)))
        }
        _ => Err(Refusal::Claim),
    }
}
