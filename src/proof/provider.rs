//! An identity provider of the establishment: who signs, with what keys, for how long, and what its words mean.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::algorithm::Algorithm;
use super::factor::Factor;
use super::key_set::KeySet;
use crate::vihf::method::Method;

/// Longest time in milliseconds between a proof's issue and its use that may be configured: a proof is shown at the login, and
/// each one used must be remembered that long.
pub const AGE_MAX_MS: u64 = 3_600_000;
/// Largest difference of clocks in milliseconds that may be configured: clocks that differ by more are to be set, not borne.
pub const CLOCK_SKEW_MAX_MS: u64 = 60_000;

/// What the establishment registered of a provider, but its keys.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Name by which registers refer to it.
    pub name: String,
    /// `iss`, compared byte for byte (OpenID Connect Core §3.1.3.7).
    pub issuer: String,
    /// What it may sign with.
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be from ours, in milliseconds.
    pub clock_skew_ms: u64,
    /// Longest time from `iat` to the session, in milliseconds.
    pub age_max_ms: u64,
    /// How far the instant that the application tells may be from the provider's, in milliseconds.
    pub instant_tolerance_ms: u64,
    /// Which methods its words show.
    pub methods: Vec<MethodRule>,
}

/// What a provider's `acr` and `amr` must be to show a method.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodRule {
    /// The method of annexe 2.
    pub method: Method,
    /// `acr` is one of these; empty: whatever it is.
    #[serde(default)]
    pub acr: Vec<String>,
    /// `amr` holds all of these.
    #[serde(default)]
    pub amr: Vec<String>,
    /// Natures that the establishment vouches for by the provider's documentation, beside those that `amr` shows by itself.
    #[serde(default)]
    pub factors: Vec<Factor>,
    /// For the contactless method: the claim that holds the instant of the reading with the PIN.
    #[serde(default)]
    pub initial_claim: Option<String>,
}

impl MethodRule {
    /// The natures of factors that whoever meets this rule has shown.
    #[must_use]
    pub fn natures(&self) -> BTreeSet<Factor> {
        self.amr.iter().filter_map(|value| Factor::of_amr(value)).chain(self.factors.iter().copied()).collect()
    }

    /// Whether these words of a token meet the rule.
    pub(super) fn is_met_by(&self, acr: Option<&str>, amr: &[String]) -> bool {
        (self.acr.is_empty() || acr.is_some_and(|acr| self.acr.iter().any(|wanted| wanted == acr)))
            && self.amr.iter().all(|wanted| amr.contains(wanted))
    }
}

/// What a provider calls an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Name of the provider.
    pub provider: String,
    /// The application's `client_id` there: what `aud` must hold.
    pub client_id: String,
}

/// A provider with its keys.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(super) terms: Terms,
    pub(super) keys: KeySet,
}

/// Every registered provider.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    all: Vec<Arc<Provider>>,
    /// One count for these providers and for those that they become when keys change.
    checked: Arc<AtomicU64>,
}

impl Providers {
    /// Adds a provider; names and issuers are told apart by whoever reads the configuration.
    pub fn add(&mut self, terms: Terms, keys: KeySet) {
        self.all.push(Arc::new(Provider { terms, keys }));
    }

    /// The same providers, of whom the one of that name signs with `keys` from now on.
    #[must_use]
    pub fn with_keys(&self, name: &str, keys: &KeySet) -> Self {
        let renewed = |provider: &Arc<Provider>| {
            if provider.terms.name != name {
                return Arc::clone(provider);
            }
            Arc::new(Provider { keys: keys.clone(), ..Provider::clone(provider) })
        };
        Self { all: self.all.iter().map(renewed).collect(), checked: Arc::clone(&self.checked) }
    }

    /// The keys of the provider of that name.
    #[must_use]
    pub fn keys(&self, name: &str) -> Option<&KeySet> {
        self.all.iter().find(|provider| provider.terms.name == name).map(|provider| &provider.keys)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a provider has that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|provider| provider.terms.name == name)
    }

    /// How long a used proof must be remembered, in milliseconds: no provider's could be taken again after that.
    ///
    /// The largest values that may be configured, not today's: a configuration that grows must not revive a used proof.
    #[must_use]
    pub const fn memory_ms() -> u64 {
        AGE_MAX_MS + 2 * CLOCK_SKEW_MAX_MS
    }

    pub(super) fn of_issuer(&self, issuer: &str) -> Option<&Arc<Provider>> {
        self.all.iter().find(|provider| provider.terms.issuer == issuer)
    }

    /// How many signatures were checked so far: each costs as much as dozens of decisions, so a session has one, and a token none.
    #[must_use]
    pub fn signatures_checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    pub(super) fn count_check(&self) {
        self.checked.fetch_add(1, Ordering::Relaxed);
    }
}
