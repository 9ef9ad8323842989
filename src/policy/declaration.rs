//! Declared logins: the marked exception to proof. Whose word is enough, until when, how old, how often.

use serde::Deserialize;

use super::application::{Application, end_of_day};
use super::breach::Breach;
use crate::vihf::instant::Instant;

/// Oldest login in milliseconds that may ever be declared: half of what a proved one may be at most.
const LOGIN_AGE_MAX_MS: u64 = 12 * 3_600_000;
/// Most declared sessions of an hour that may be configured: beyond, it is no limit.
const SESSIONS_PER_HOUR_MAX: usize = 100_000;
/// Longest name of a Unix user in bytes (useradd(8) has 32, other directories more).
const USER_LEN_MAX: usize = 128;
/// Longest reason of an exception in bytes.
const REASON_LEN_MAX: usize = 256;

/// What a declared login is held to, beside what holds for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declaration {
    /// Oldest declared login in milliseconds, and longest life of its session; the service's own limit holds too.
    ///
    /// An hour: nobody vouches for the instant, so what it opens ends within one.
    pub login_age_max_ms: u64,
    /// Declared sessions of one application within any hour.
    ///
    /// 600: two hundred professionals who log in three times; one that forges logins at random is stopped within the hour.
    pub sessions_per_hour_max: usize,
}

impl Default for Declaration {
    fn default() -> Self {
        Self { login_age_max_ms: 3_600_000, sessions_per_hour_max: 600 }
    }
}

impl Declaration {
    /// Values that no establishment may have.
    #[must_use]
    pub fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut refuse = |field, value: u64, max: u64| {
            if !(1..=max).contains(&value) {
                let cause = format!("[declaration] {field} = {value} : attendu 1 à {max}");
                breaches.push(Breach::of("bad-value", "declaration", field, cause));
            }
        };
        refuse("login_age_max_ms", self.login_age_max_ms, LOGIN_AGE_MAX_MS);
        let sessions = u64::try_from(self.sessions_per_hour_max).unwrap_or(u64::MAX);
        refuse("sessions_per_hour_max", sessions, SESSIONS_PER_HOUR_MAX as u64);
        breaches
    }
}

/// An application whose word is enough in production, for a time, for a reason that somebody wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Its Unix user, as the register of applications names it.
    pub application: String,
    /// Why.
    pub reason: String,
    /// First instant at which it no longer holds.
    pub ends_at: Instant,
}

/// The TOML shape of an exception.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionTable {
    application: String,
    reason: String,
    until: String,
}

impl ExceptionTable {
    /// The application's Unix user as written.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The exception.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self) -> Result<Exception, Vec<Breach>> {
        let mut breaches = Vec::new();
        let mut refuse = |field, cause: String| breaches.push(Breach::of("bad-value", "exception", field, cause));
        let user = &self.application;
        if user.is_empty() || user.len() > USER_LEN_MAX || user.chars().any(char::is_control) {
            let cause = format!("[[exception]] application : un utilisateur Unix, 1 à {USER_LEN_MAX} octets");
            refuse("application", cause);
        }
        let reason = self.reason.trim();
        if reason.is_empty() || reason.len() > REASON_LEN_MAX || reason.chars().any(char::is_control) {
            let cause = format!(
                "[[exception]] reason : 1 à {REASON_LEN_MAX} octets, sans caractère de contrôle ; dites pourquoi"
            );
            refuse("reason", cause);
        }
        let ends_at = end_of_day(&self.until);
        if ends_at.is_none() {
            refuse("until", format!("[[exception]] until = {:?} n'est pas une date AAAA-MM-JJ", self.until));
        }
        match ends_at {
            Some(ends_at) if breaches.is_empty() => {
                Ok(Exception { application: self.application, reason: self.reason, ends_at })
            }
            _ => Err(breaches),
        }
    }
}

/// Who may declare logins, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Test mode: declared logins are taken unless the register says otherwise (contract).
    pub test: bool,
    /// What they are held to.
    pub limits: Declaration,
    /// Exceptions to proof; production knows no other way.
    pub exceptions: Vec<Exception>,
}

impl Declarations {
    /// Whether the word of `application` is enough at `now`: in production its register entry says so *and* an exception is in
    /// force; in test mode unless the entry forbids it.
    #[must_use]
    pub fn admit(&self, application: &Application, now: Instant) -> bool {
        match application.may_declare {
            Some(false) => false,
            Some(true) if !self.test => self.exception(&application.user).is_some_and(|held| now < held.ends_at),
            None if !self.test => false,
            _ => true,
        }
    }

    /// The exception of that Unix user, in force or not.
    #[must_use]
    pub fn exception(&self, user: &str) -> Option<&Exception> {
        self.exceptions.iter().find(|exception| exception.application == user)
    }
}
