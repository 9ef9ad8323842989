//! The register of applications: which Unix user is which homologated software, and what it may ask for.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::denial::{Denial, Reason};
use crate::vihf::assertion::Lps;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::Channel;
use crate::vihf::text::Text;

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 3_600_000;

/// A registered application (convention, annexe 3: software homologated for the DMP).
#[derive(Clone, Debug)]
pub struct Application {
    /// Unix user as the register names it.
    pub user: String,
    /// Its number: what the kernel vouches for.
    pub uid: u32,
    /// Identity of the software, written in every assertion.
    pub lps: Lps,
    /// First instant at which its homologation no longer holds.
    pub homologation_ends_at: Instant,
    /// Services it may act for.
    pub services: Vec<String>,
    /// Channels it may use.
    pub channels: Vec<Channel>,
    /// Methods it may tell of.
    pub methods: Vec<Method>,
    /// Profiles it may ask for.
    pub profiles: Vec<String>,
    /// Whether its word about a login is enough, without proof.
    pub may_declare: bool,
    /// Nothing is issued while true.
    pub suspended: bool,
}

impl Application {
    /// Whether the application may ask for anything at `now`.
    ///
    /// # Errors
    /// Suspended, or its homologation has ended.
    pub fn in_force(&self, now: Instant) -> Result<(), Denial> {
        if self.suspended {
            return Err(Denial::new(
                Reason::ApplicationSuspended,
                "cette application est suspendue ; adressez-vous au responsable de la sécurité",
            ));
        }
        if now >= self.homologation_ends_at {
            return Err(Denial::new(
                Reason::HomologationExpired,
                "l'homologation DMP de cette application est échue ; mettez à jour le registre des applications",
            ));
        }
        Ok(())
    }
}

/// The refusal for a Unix user that is in no register.
#[must_use]
pub fn unknown_application() -> Denial {
    Denial::new(
        Reason::ApplicationUnknown,
        "l'utilisateur Unix appelant n'est pas une application déclarée ; ajoutez-le au registre des applications",
    )
}

/// All applications by Unix user number.
#[derive(Clone, Debug, Default)]
pub struct Applications(HashMap<u32, Arc<Application>>);

/// The TOML shape of the register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationsFile {
    #[serde(default)]
    application: Vec<ApplicationTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplicationTable {
    user: String,
    lps_name: String,
    lps_version: String,
    lps_id: Option<String>,
    homologation: String,
    homologation_expires_on: String,
    services: Vec<String>,
    #[serde(default = "lps_only")]
    channels: Vec<Channel>,
    methods: Vec<Method>,
    profiles: Vec<String>,
    #[serde(default)]
    may_declare: bool,
    #[serde(default)]
    suspended: bool,
}

fn lps_only() -> Vec<Channel> {
    vec![Channel::Lps]
}

impl Applications {
    /// Checks a register's file.
    ///
    /// `uid` finds a Unix user's number by its name; `services` and `profiles` are those that exist.
    ///
    /// # Errors
    /// A sentence that names the application, the field, the cause and the remedy.
    pub fn check(
        file: ApplicationsFile,
        uid: impl Fn(&str) -> Option<u32>,
        service_exists: impl Fn(&str) -> bool,
        profile_exists: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let mut by_uid = HashMap::new();
        for table in file.application {
            let refuse = |cause: String| Err(format!("application user = {:?} : {cause}", table.user));
            let Some(uid) = uid(&table.user) else {
                return refuse("cet utilisateur Unix n'existe pas ; créez-le, ou corrigez user".to_owned());
            };
            let Some(homologation_ends_at) = end_of_day(&table.homologation_expires_on) else {
                return refuse(format!(
                    "homologation_expires_on = {:?} n'est pas une date AAAA-MM-JJ",
                    table.homologation_expires_on
                ));
            };
            if let Some(name) = table.services.iter().find(|name| !service_exists(name)) {
                return refuse(format!("services : {name:?} n'est pas un [[service]] de la configuration"));
            }
            if let Some(name) = table.profiles.iter().find(|name| !profile_exists(name)) {
                return refuse(format!("profiles : {name:?} n'est pas un profil connu"));
            }
            let text = |field: &str, value: &str| {
                let place = format!("application user = {:?}", table.user);
                Text::parse(value).map_err(|cause| format!("{place} : {field} : {cause}"))
            };
            let lps = Lps {
                name: text("lps_name", &table.lps_name)?,
                version: text("lps_version", &table.lps_version)?,
                id: table.lps_id.as_deref().map(|id| text("lps_id", id)).transpose()?,
                homologation: text("homologation", &table.homologation)?,
            };
            let user = table.user.clone();
            let application = Application {
                user: table.user,
                uid,
                lps,
                homologation_ends_at,
                services: table.services,
                channels: table.channels,
                methods: table.methods,
                profiles: table.profiles,
                may_declare: table.may_declare,
                suspended: table.suspended,
            };
            if by_uid.insert(uid, Arc::new(application)).is_some() {
                return Err(format!(
                    "application user = {user:?} : l'utilisateur numéro {uid} est déclaré deux fois"
                ));
            }
        }
        Ok(Self(by_uid))
    }

    /// Unix users of all applications.
    pub fn uids(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// The application of that Unix user.
    #[must_use]
    pub fn get(&self, uid: u32) -> Option<&Arc<Application>> {
        self.0.get(&uid)
    }
}

/// First instant of the day `AAAA-MM-JJ` in UTC.
pub(super) fn start_of_day(text: &str) -> Option<Instant> {
    Instant::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == "AAAA-MM-JJ".len())
}

/// First instant after the day `AAAA-MM-JJ` in UTC.
fn end_of_day(text: &str) -> Option<Instant> {
    Some(start_of_day(text)?.plus_ms(DAY_MS))
}
