//! What the establishment declared to the Cnam: methods, rights table, delays, services (convention, annexes 2 and 3).

use serde::Deserialize;

use super::breach::Breach;
use crate::vihf::codes::Purpose;
use crate::vihf::method::Method;

/// Longest delay in milliseconds between CPS with PIN and the contactless reading: a working day.
const CONTACTLESS_DELAY_MAX_MS: u64 = 24 * 3_600_000;
/// Oldest login in milliseconds that any service may accept: a working day.
const LOGIN_AGE_MAX_MS: u64 = 24 * 3_600_000;
/// Longest life of an assertion in milliseconds that a service may ask for; profiles cap it lower (AIR: 30 s).
const LIFETIME_MAX_MS: u64 = 300_000;
/// Shortest life of an assertion in milliseconds: below, a call cannot reach the DMP in time.
const LIFETIME_MIN_MS: u64 = 1_000;
/// Longest name of a service in bytes.
const SERVICE_NAME_LEN_MAX: usize = 64;

/// Which rows of the AIR rights table the convention opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Consultation, as the 2020 convention allows.
    #[default]
    Consultation,
    /// The table of July 2025, named by the convention.
    #[serde(rename = "table-2025")]
    Table2025,
}

/// The convention's terms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Convention {
    /// Methods of annexe 2 that the establishment declared.
    pub methods: Vec<Method>,
    /// Rows of the rights table.
    pub rights: Scope,
    /// Method 3: longest time from CPS with PIN to the contactless reading, in milliseconds; 0 allows none.
    pub contactless_delay_ms: u64,
}

impl Convention {
    /// Terms that contradict each other.
    #[must_use]
    pub fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if self.contactless_delay_ms > CONTACTLESS_DELAY_MAX_MS {
            let cause = format!(
                "[convention] contactless_delay_ms = {} : le maximum est {CONTACTLESS_DELAY_MAX_MS}",
                self.contactless_delay_ms
            );
            breaches.push(Breach::of("bad-value", "convention", "contactless_delay_ms", cause));
        }
        if self.methods.contains(&Method::CpsSansContact) && self.contactless_delay_ms == 0 {
            let cause = format!(
                "[convention] methods contient {} : donnez contactless_delay_ms, le délai déclaré",
                Method::CpsSansContact
            );
            breaches.push(Breach::of("contradiction", "convention", "methods", cause));
        }
        breaches
    }
}

/// A service of the establishment with its lifetimes (convention, article 3.5: the life of a token fits its context).
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
        if self.purposes.is_empty() {
            refuse("purposes", format!("[[service]] {name} : purposes est vide ; donnez au moins normal"));
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
        breaches
    }
}
