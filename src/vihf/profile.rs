//! Profiles: everything about a VIHF that the sources leave open or contradictory, as data (vihf.md §9).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::identity::InsOid;
use super::method::Method;
use super::signature::is_prefix_list;
use super::text::Text;

/// Longest life of an AIR assertion in milliseconds (vihf.md §5, EX_AIR-040): never above the cap.
const AIR_LIFETIME_MAX_MS: u64 = 30_000;
/// Longest life of any assertion in milliseconds, and longest step back of NotBefore: clocks do not differ by more.
const LIFETIME_MAX_MS: u64 = 300_000;
/// Names of authentication context classes begin with this (SAML 2.0 Authentication Context §3).
pub const CLASS_PREFIX: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:";

const SHIPPED: [&str; 3] = [
    include_str!("profiles/dmp-air.toml"),
    include_str!("profiles/dmp-air-simplifie.toml"),
    include_str!("profiles/dmp-indirecte.toml"),
];

/// Which rights table a profile goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RightsTable {
    /// `air-rights.tsv`.
    Air,
    /// `indirect-rights.tsv`.
    Indirect,
}

/// Through which kind of access the assertion will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Channel {
    /// The practitioner's software calls the DMP.
    #[serde(rename = "LPS")]
    Lps,
    /// The practitioner's browser opens the DMP's site.
    #[serde(rename = "WEB_PS")]
    WebPs,
}

impl Channel {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lps => "LPS",
            Self::WebPs => "WEB_PS",
        }
    }

    /// The channel of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "LPS" => Some(Self::Lps),
            "WEB_PS" => Some(Self::WebPs),
            _ => None,
        }
    }
}

/// What a method becomes in the assertion.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodForm {
    /// Last part of the class URN.
    pub class: String,
    /// `AuthnContextDecl`; empty: none is written.
    #[serde(default)]
    pub decl: String,
}

/// One profile; the shipped files explain every field beside its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is documented in profiles/dmp-air.toml")]
pub struct Profile {
    pub name: String,
    pub description: String,
    pub test: bool,
    pub rights: RightsTable,
    pub vihf_version: String,
    pub mode_attribute: String,
    pub mode: String,
    pub authentication_required: bool,
    pub lifetime_max_ms: u64,
    pub conditions: bool,
    pub not_before_skew_ms: u64,
    pub inclusive_namespaces: String,
    pub channels: Vec<Channel>,
    pub ins_oid: String,
    pub ins_oids: Vec<String>,
    pub physician_specialties: Vec<String>,
    pub profession_system_name: String,
    pub specialty_system_name: String,
    pub section_system_name: String,
    pub guardians_element: String,
    pub guardians_display_name: String,
    pub default_class: String,
    pub methods: BTreeMap<Method, MethodForm>,
}

impl Profile {
    /// Whether an assertion of this profile may tell of a login by this class and `AuthnContextDecl` (empty: none).
    #[must_use]
    pub fn has_login(&self, class: &str, decl: &str) -> bool {
        let by_default = !self.authentication_required && (class, decl) == (self.default_class.as_str(), "");
        by_default || self.methods.values().any(|form| (form.class.as_str(), form.decl.as_str()) == (class, decl))
    }

    /// The PrefixList of the canonicalization transform, if the profile wants one.
    #[must_use]
    pub fn prefix_list(&self) -> Option<&str> {
        (!self.inclusive_namespaces.is_empty()).then_some(self.inclusive_namespaces.as_str())
    }

    fn check(&self) -> Result<(), ProfileError> {
        let refuse = |field: &'static str, cause: String| {
            Err(ProfileError::Rule { field, cause: format!("{field} : {cause}") })
        };
        let cap_ms = if self.rights == RightsTable::Air { AIR_LIFETIME_MAX_MS } else { LIFETIME_MAX_MS };
        if !(1..=cap_ms).contains(&self.lifetime_max_ms) {
            return refuse("lifetime_max_ms", format!("{} : attendu 1 à {cap_ms}", self.lifetime_max_ms));
        }
        if self.not_before_skew_ms > LIFETIME_MAX_MS {
            return refuse(
                "not_before_skew_ms",
                format!("{} : le maximum est {LIFETIME_MAX_MS}", self.not_before_skew_ms),
            );
        }
        if self.prefix_list().is_some_and(|list| !is_prefix_list(list)) {
            return refuse(
                "inclusive_namespaces",
                format!("{:?} n'est pas une liste de préfixes", self.inclusive_namespaces),
            );
        }
        for (field, oid) in self.ins_oids.iter().map(|oid| ("ins_oids", oid)).chain([("ins_oid", &self.ins_oid)]) {
            if let Err(cause) = InsOid::parse(oid) {
                return refuse(field, cause.to_string());
            }
        }
        if !self.ins_oids.contains(&self.ins_oid) {
            return refuse("ins_oid", format!("{:?} ne figure pas dans ins_oids", self.ins_oid));
        }
        if !self.authentication_required && self.default_class.is_empty() {
            return refuse(
                "default_class",
                "elle est nécessaire quand authentication_required = false".to_owned(),
            );
        }
        let free = [
            ("name", &self.name),
            ("vihf_version", &self.vihf_version),
            ("mode_attribute", &self.mode_attribute),
            ("mode", &self.mode),
        ];
        for (field, value) in free {
            if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
                return refuse(field, format!("{value:?} doit être un mot de caractères ASCII imprimables"));
            }
        }
        // Labels are free text or empty; what XML cannot carry must not wait for the first assertion to be noticed.
        let labels = [
            ("profession_system_name", &self.profession_system_name),
            ("specialty_system_name", &self.specialty_system_name),
            ("section_system_name", &self.section_system_name),
            ("guardians_display_name", &self.guardians_display_name),
        ];
        for (field, value) in labels.into_iter().filter(|(_, value)| !value.is_empty()) {
            if let Err(cause) = Text::parse(value) {
                return refuse(field, cause.to_string());
            }
        }
        for (method, form) in &self.methods {
            if form.class.is_empty() || (self.authentication_required && form.decl.is_empty()) {
                return refuse(
                    "methods",
                    format!("{method} demande class, et decl quand authentication_required = true"),
                );
            }
        }
        let element = &self.guardians_element;
        if !element.is_empty() && self.guardians_display_name.is_empty() {
            return refuse("guardians_display_name", "il est nécessaire avec guardians_element".to_owned());
        }
        if !element.bytes().all(|b| b.is_ascii_alphanumeric()) || element.starts_with(|c: char| c.is_ascii_digit())
        {
            return refuse("guardians_element", format!("{element:?} n'est pas un nom d'élément"));
        }
        let forms = self.methods.values().flat_map(|form| [form.class.as_str(), form.decl.as_str()]);
        for word in forms.chain([self.default_class.as_str()]) {
            if !word.bytes().all(|b| b.is_ascii_graphic()) {
                return refuse("methods", format!("{word:?} doit être un mot de caractères ASCII imprimables"));
            }
        }
        Ok(())
    }
}

/// Why a profile was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML of a profile's shape; holds line and column.
    #[error("{0}")]
    Shape(Box<toml::de::Error>),
    /// A value breaks a rule.
    #[error("{cause}")]
    Rule {
        /// The key.
        field: &'static str,
        /// Field, value, remedy.
        cause: String,
    },
}

/// All profiles by name.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    profiles: BTreeMap<String, Arc<Profile>>,
    /// As written, for `extends`.
    tables: BTreeMap<String, toml::Table>,
}

impl Profiles {
    /// The profiles that the binary carries.
    ///
    /// # Errors
    /// None for the shipped text (a test holds it to that).
    pub fn shipped() -> Result<Self, ProfileError> {
        let mut profiles = Self::default();
        for text in SHIPPED {
            profiles.take(text)?;
        }
        Ok(profiles)
    }

    /// Takes a profile's TOML: `extends` names one taken before, whose top-level keys it replaces; a profile of a
    /// name already taken replaces that one.
    ///
    /// # Errors
    /// [`ProfileError`]; nothing was taken.
    pub fn take(&mut self, text: &str) -> Result<Arc<Profile>, ProfileError> {
        let shape = |cause| ProfileError::Shape(Box::new(cause));
        let mut table: toml::Table = toml::from_str(text).map_err(shape)?;
        if let Some(base) = table.remove("extends") {
            let Some(base) = base.as_str().and_then(|name| self.tables.get(name)) else {
                let cause = format!("extends = {base} ne nomme aucun profil déjà lu");
                return Err(ProfileError::Rule { field: "extends", cause });
            };
            table = base.iter().map(|(key, value)| (key.clone(), value.clone())).chain(table).collect();
        }
        let profile: Profile = table.clone().try_into().map_err(shape)?;
        profile.check()?;
        let profile = Arc::new(profile);
        self.tables.insert(profile.name.clone(), table);
        self.profiles.insert(profile.name.clone(), Arc::clone(&profile));
        Ok(profile)
    }

    /// The profile of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(name)
    }

    /// Names of all profiles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shipped_profiles_load() {
        let profiles = Profiles::shipped().unwrap();
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["dmp-air", "dmp-air-simplifie", "dmp-indirecte"]);
        let indirect = profiles.get("dmp-indirecte").unwrap();
        assert!(indirect.methods.values().all(|form| form.decl.is_empty()));
        assert!(profiles.profiles.values().all(|p| !p.methods.contains_key(&Method::BluetoothPin)));
    }
}
