//! One entry of the register as it is written, in every form that a register has.

use serde::{Deserialize, Serialize};

use super::{Application, end_of_day, remote};
use crate::policy::fingerprint::Fingerprint;
use crate::proof::Audience;
use crate::vihf::assertion::Lps;
use crate::vihf::method::Method;
use crate::vihf::profile::Channel;
use crate::vihf::text::Text;

/// An application as TOML, JSON and the ledger write one; a table of cells has the same columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the guide tells each member")]
pub struct Record {
    pub user: String,
    pub lps_name: String,
    pub lps_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lps_id: Option<String>,
    pub homologation: String,
    pub homologation_expires_on: String,
    pub services: Vec<String>,
    #[serde(default = "lps_only")]
    pub channels: Vec<String>,
    pub methods: Vec<String>,
    pub profiles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<Audience>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_declare: Option<bool>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
}

/// Most certificates of one application: its servers, twice while they renew.
pub(super) const CERTIFICATES_MAX: usize = 64;

/// The channel of an entry that names none.
pub(super) fn lps_only() -> Vec<String> {
    vec![Channel::Lps.name().to_owned()]
}

impl Default for Record {
    fn default() -> Self {
        Self {
            user: String::new(),
            lps_name: String::new(),
            lps_version: String::new(),
            lps_id: None,
            homologation: String::new(),
            homologation_expires_on: String::new(),
            services: Vec::new(),
            channels: lps_only(),
            methods: Vec::new(),
            profiles: Vec::new(),
            audience: Vec::new(),
            may_declare: None,
            suspended: false,
            certificates: Vec::new(),
        }
    }
}

/// What of it is asked.
#[derive(Clone, Copy)]
pub(super) struct Demands<'a> {
    /// A Unix user's number by its name.
    pub(super) uid: &'a dyn Fn(&str) -> Option<u32>,
    pub(super) service_exists: &'a dyn Fn(&str) -> bool,
    pub(super) profile_exists: &'a dyn Fn(&str) -> bool,
}

impl Record {
    /// The application; none if anything was refused, each with its rule, member, cause and remedy.
    pub(super) fn check(
        &self,
        entry: usize,
        demands: Demands<'_>,
        refuse: &mut dyn FnMut(&'static str, &'static str, String),
    ) -> Option<Application> {
        let mut refused = false;
        let mut refuse = |rule, field, cause: String| {
            refused = true;
            refuse(rule, field, cause);
        };
        let uid = self.uid(demands, &mut refuse);
        let certificates = self.certificates(&mut refuse);
        let homologation_ends_at = end_of_day(&self.homologation_expires_on);
        if homologation_ends_at.is_none() {
            let day = &self.homologation_expires_on;
            let cause = format!("homologation_expires_on = {day:?} n'est pas une date AAAA-MM-JJ");
            refuse("bad-value", "homologation_expires_on", cause);
        }
        for name in self.services.iter().filter(|name| !(demands.service_exists)(name)) {
            let cause = format!("services : {name:?} n'est pas un [[service]] de la configuration");
            refuse("unknown-service", "services", cause);
        }
        for name in self.profiles.iter().filter(|name| !(demands.profile_exists)(name)) {
            refuse("unknown-profile", "profiles", format!("profiles : {name:?} n'est pas un profil connu"));
        }
        let mut text = |field, value: &str| {
            Text::parse(value).map_err(|cause| refuse("bad-value", field, format!("{field} : {cause}"))).ok()
        };
        let name = text("lps_name", &self.lps_name);
        let version = text("lps_version", &self.lps_version);
        let id = self.lps_id.as_deref().map(|id| text("lps_id", id));
        let homologation = text("homologation", &self.homologation);
        let channels = known("channels", &self.channels, Channel::parse, "LPS, WEB_PS", &mut refuse);
        let methods: Vec<_> = Method::ALL.iter().map(|method| method.name()).collect();
        let methods = known("methods", &self.methods, Method::parse, &methods.join(", "), &mut refuse);
        if refused {
            return None;
        }
        Some(Application {
            entry,
            uid: uid?,
            certificates,
            lps: Lps { name: name?, version: version?, id: id.flatten(), homologation: homologation? },
            homologation_ends_at: homologation_ends_at?,
            user: self.user.clone(),
            services: self.services.clone(),
            channels,
            methods,
            profiles: self.profiles.clone(),
            audiences: self.audience.clone(),
            may_declare: self.may_declare,
            suspended: self.suspended,
            record: self.clone(),
        })
    }
}

impl Record {
    /// The number of its Unix user, or of its name at the gate.
    fn uid(
        &self,
        demands: Demands<'_>,
        refuse: &mut impl FnMut(&'static str, &'static str, String),
    ) -> Option<u32> {
        if let Some(name) = remote::name(&self.user) {
            if remote::is_formed(name) {
                return Some(remote::number(name));
            }
            let cause =
                "derrière gate:, un nom a 1 à 31 caractères a-z 0-9 -, une lettre au début ; corrigez user";
            refuse("bad-value", "user", cause.to_owned());
            return None;
        }
        let uid = (demands.uid)(&self.user);
        match uid {
            None => {
                let cause = "cet utilisateur Unix n'existe pas ; créez-le, ou corrigez user";
                refuse("unknown-user", "user", cause.to_owned());
            }
            Some(uid) if remote::is_reserved(uid) => {
                let cause = "le numéro de cet utilisateur Unix est réservé aux applications du portail ; donnez-lui un autre numéro";
                refuse("reserved-user", "user", cause.to_owned());
            }
            Some(_) => {}
        }
        uid
    }

    /// The public keys that the gate knows it by.
    fn certificates(&self, refuse: &mut impl FnMut(&'static str, &'static str, String)) -> Vec<Fingerprint> {
        let mut refuse = |cause: &str| refuse("bad-value", "certificates", format!("certificates : {cause}"));
        if !self.certificates.is_empty() && remote::name(&self.user).is_none() {
            refuse(
                "un utilisateur Unix de cette machine n'a pas de certificat ; retirez-les, ou écrivez user = \"gate:NOM\"",
            );
        }
        if self.certificates.len() > CERTIFICATES_MAX {
            refuse("64 au plus pour une application ; retirez ceux qui ne servent plus");
        }
        let mut known = Vec::with_capacity(self.certificates.len());
        for text in &self.certificates {
            match Fingerprint::parse(text) {
                Some(one) if known.contains(&one) => refuse("le même est donné deux fois ; gardez-en un"),
                Some(one) => known.push(one),
                None => refuse("une empreinte s'écrit sha256: et 64 chiffres hexadécimaux minuscules"),
            }
        }
        known
    }
}

/// Words of a closed list.
fn known<T>(
    field: &'static str,
    words: &[String],
    parse: impl Fn(&str) -> Option<T>,
    all: &str,
    refuse: &mut impl FnMut(&'static str, &'static str, String),
) -> Vec<T> {
    let mut found = Vec::with_capacity(words.len());
    for word in words {
        match parse(word) {
            Some(value) => found.push(value),
            None => {
                let cause = format!("{field} : {word:?} est inconnu ; choisissez parmi {all}");
                refuse("unknown-value", field, cause);
            }
        }
    }
    found
}
