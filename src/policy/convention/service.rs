//! A service of the establishment with its lifetimes (convention, article 3.5: the life of a token fits its context).

use serde::Deserialize;

use crate::policy::breach::Breach;
use crate::vihf::codes::Purpose;

/// Oldest login in milliseconds that any service may accept, and so the longest life of any session: a working day.
pub const LOGIN_AGE_MAX_MS: u64 = 24 * 3_600_000;
/// Longest life of an assertion in milliseconds that a service may ask for; profiles cap it lower (AIR: 30 s).
const LIFETIME_MAX_MS: u64 = 300_000;
/// Shortest life of an assertion in milliseconds: below, a call cannot reach the DMP in time.
const LIFETIME_MIN_MS: u64 = 1_000;
/// Longest name of a service in bytes.
const SERVICE_NAME_LEN_MAX: usize = 64;

/// A service with its lifetimes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Name, as sessions give it.
    pub name: String,
    /// Life of an assertion in milliseconds, capped by the profile.
    pub lifetime_ms: u64,
    /// Oldest primary login in milliseconds; also the longest life of a session.
    pub login_age_max_ms: u64,
    /// What it asks for is urgent: the volume guard is relaxed and marks it.
    #[serde(default)]
    pub emergency: bool,
    /// Purposes that it may ask for: the others open records beyond what patients agreed to (bris de glace, centre 15), and are
    /// given by name.
    #[serde(default = "normal_only")]
    pub purposes: Vec<Purpose>,
}

fn normal_only() -> Vec<Purpose> {
    vec![Purpose::Normal]
}

impl Service {
    /// Values that no service may have.
    #[must_use]
    pub fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut refuse = |field, cause| breaches.push(Breach::of("bad-value", "service", field, cause));
        let name = &self.name;
        if name.is_empty() || name.len() > SERVICE_NAME_LEN_MAX || name.chars().any(char::is_control) {
            refuse(
                "name",
                format!(
                    "[[service]] name = {name:?} : 1 à {SERVICE_NAME_LEN_MAX} octets, sans caractère de contrôle"
                ),
            );
        }
        if !(LIFETIME_MIN_MS..=LIFETIME_MAX_MS).contains(&self.lifetime_ms) {
            refuse(
                "lifetime_ms",
                format!(
                    "[[service]] {name} : lifetime_ms = {}, attendu {LIFETIME_MIN_MS} à {LIFETIME_MAX_MS}",
                    self.lifetime_ms
                ),
            );
        }
        if !(1..=LOGIN_AGE_MAX_MS).contains(&self.login_age_max_ms) {
            refuse(
                "login_age_max_ms",
                format!(
                    "[[service]] {name} : login_age_max_ms = {}, attendu 1 à {LOGIN_AGE_MAX_MS}",
                    self.login_age_max_ms
                ),
            );
        }
        if self.purposes.is_empty() {
            refuse("purposes", format!("[[service]] {name} : purposes est vide ; donnez au moins normal"));
        }
        breaches
    }
}
