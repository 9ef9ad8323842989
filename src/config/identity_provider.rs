//! One `[[identity_provider]]` of the configuration: who proves logins, and what its words mean here.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Fault, KeyName};
use crate::policy::breach::{Breach, unique};
use crate::proof::{AGE_MAX_MS, Algorithm, CLOCK_SKEW_MAX_MS, KeySet, KeySetFault, MethodRule, Terms};
use crate::tables::read_bytes;
use crate::vihf::identity::Form;
use crate::vihf::method::Method;

/// Most providers: a national one, the establishment's, and each one's successor while they overlap.
const PROVIDERS_MAX: usize = 8;
/// Longest issuer in bytes.
const ISSUER_LEN_MAX: usize = 255;
/// Natures of factors that a login must show.
const NATURES_MIN: usize = 2;

/// How far the provider's clock may be from ours: servers of one establishment keep NTP.
const CLOCK_SKEW_MS: u64 = 2_000;
/// From the proof's issue to the session: an application shows it at once, and a stolen one is soon worth nothing.
const AGE_MS: u64 = 300_000;
/// From the provider's `auth_time`, which has whole seconds, to the instant that the application tells.
const INSTANT_TOLERANCE_MS: u64 = 2_000;

/// A provider as configured.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Place among the configuration's `[[identity_provider]]`, from 0.
    pub entry: usize,
    /// Its public keys: a JWKS file, absolute.
    pub jwks: PathBuf,
    /// What it is held to.
    pub terms: Terms,
}

impl IdentityProvider {
    /// Reads its keys from its file.
    ///
    /// # Errors
    /// The file cannot be read, or is no set of keys that may serve.
    pub fn read_keys(&self) -> Result<KeySet, Fault> {
        KeySet::parse(&read_bytes(&self.jwks)?, &self.terms.algorithms).map_err(|cause| {
            let rule = if cause.fault == KeySetFault::Secret { "jwks-secret" } else { "jwks-unusable" };
            Fault::of(rule, &self.jwks, cause.to_string())
        })
    }
}

/// The TOML shape of an `[[identity_provider]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityProviderTable {
    name: String,
    issuer: String,
    jwks: PathBuf,
    algorithms: Vec<Algorithm>,
    #[serde(default = "clock_skew")]
    clock_skew_ms: u64,
    #[serde(default = "age")]
    age_max_ms: u64,
    #[serde(default = "instant_tolerance")]
    instant_tolerance_ms: u64,
    method: Vec<MethodRule>,
}

fn clock_skew() -> u64 {
    CLOCK_SKEW_MS
}

fn age() -> u64 {
    AGE_MS
}

fn instant_tolerance() -> u64 {
    INSTANT_TOLERANCE_MS
}

/// The providers without the wrong ones, and what is wrong with those; `is_whole` says whether an entry was read as it stands.
pub(super) fn check(
    tables: Vec<IdentityProviderTable>,
    base: &Path,
    form: Form,
    is_whole: impl Fn(usize) -> bool,
    breaches: &mut Vec<Breach>,
) -> Vec<IdentityProvider> {
    if tables.len() > PROVIDERS_MAX {
        let cause =
            format!("[[identity_provider]] : le maximum est {PROVIDERS_MAX} ; retirez ceux qui ne servent plus");
        breaches.push(Breach::of("bad-value", "identity_provider", "name", cause));
    }
    unique("identity_provider", "name", tables.iter().map(|table| table.name.as_str()), breaches);
    unique("identity_provider", "issuer", tables.iter().map(|table| table.issuer.as_str()), breaches);
    let mut providers = Vec::new();
    for (entry, table) in tables.into_iter().enumerate() {
        match table.check(base, entry, form == Form::Test) {
            Ok(provider) if is_whole(entry) => providers.push(provider),
            Ok(_) => {}
            Err(wrong) => breaches.extend(wrong),
        }
    }
    providers
}

impl IdentityProviderTable {
    /// The provider, or everything that is wrong with it; `base` is the folder of the configuration.
    fn check(self, base: &Path, entry: usize, test: bool) -> Result<IdentityProvider, Vec<Breach>> {
        let mut breaches = Vec::new();
        let at = format!("[[identity_provider]] n° {}", entry + 1);
        let mut refuse = |rule, field, cause: String| {
            breaches.push(Breach::of(rule, "identity_provider", field, format!("{at} : {cause}")).in_entry(entry));
        };
        if KeyName::parse(&self.name).is_err() {
            let cause = "name : donnez 1 à 32 caractères parmi a-z 0-9 . _ -, sans « . » ni « - » au début";
            refuse("bad-value", "name", cause.to_owned());
        }
        let scheme = self.issuer.starts_with("https://") || (test && self.issuer.starts_with("http://"));
        let printable = self.issuer.bytes().all(|byte| byte.is_ascii_graphic());
        if !scheme || !printable || self.issuer.len() > ISSUER_LEN_MAX {
            let cause = format!(
                "issuer : donnez l'iss exact du fournisseur, une adresse https:// de {ISSUER_LEN_MAX} caractères au plus"
            );
            refuse("bad-value", "issuer", cause);
        }
        if self.algorithms.is_empty() {
            refuse("bad-value", "algorithms", "algorithms est vide ; donnez ceux du fournisseur".to_owned());
        }
        let times = [
            ("clock_skew_ms", self.clock_skew_ms, 0, CLOCK_SKEW_MAX_MS),
            ("age_max_ms", self.age_max_ms, 1, AGE_MAX_MS),
            ("instant_tolerance_ms", self.instant_tolerance_ms, 0, CLOCK_SKEW_MAX_MS),
        ];
        for (field, value, min, max) in times {
            if !(min..=max).contains(&value) {
                refuse("bad-value", field, format!("{field} = {value} : attendu {min} à {max} millisecondes"));
            }
        }
        if self.method.is_empty() {
            let cause = "aucune méthode ; dites en [[identity_provider.method]] ce que montrent acr et amr";
            refuse("bad-value", "method", cause.to_owned());
        }
        for rule in &self.method {
            for (kind, cause) in faults(rule) {
                refuse(kind, "method", format!("[[identity_provider.method]] {} : {cause}", rule.method));
            }
        }
        if !breaches.is_empty() {
            return Err(breaches);
        }
        Ok(IdentityProvider {
            entry,
            jwks: base.join(self.jwks),
            terms: Terms {
                name: self.name,
                issuer: self.issuer,
                algorithms: self.algorithms,
                clock_skew_ms: self.clock_skew_ms,
                age_max_ms: self.age_max_ms,
                instant_tolerance_ms: self.instant_tolerance_ms,
                methods: self.method,
            },
        })
    }
}

/// What is wrong with one rule: its name and words.
fn faults(rule: &MethodRule) -> Vec<(&'static str, &'static str)> {
    let mut faults = Vec::new();
    if rule.acr.is_empty() && rule.amr.is_empty() {
        faults.push((
            "contradiction",
            "ni acr ni amr : tout jeton montrerait cette méthode ; donnez au moins une valeur",
        ));
    }
    if rule.natures().len() < NATURES_MIN {
        faults.push((
            "one-factor",
            "amr ne montre pas deux facteurs de natures différentes ; exigez-en d'autres, ou donnez en factors ce que la documentation du fournisseur garantit",
        ));
    }
    if (rule.method == Method::CpsSansContact) != rule.initial_claim.is_some() {
        faults.push((
            "contradiction",
            "initial_claim (le claim de l'instant de la lecture avec code) va avec CPS:CPSSANSCONTACT et elle seule ; corrigez",
        ));
    }
    faults
}
