//! The register of applications: which Unix user is which homologated software, and what it may ask for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::Deserialize;

use super::breach::Breach;
use super::denial::{Denial, Reason};
use crate::proof::Audience;
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
    /// Place in the register, from 0.
    pub entry: usize,
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
    /// What identity providers call it: whom their proofs must be made for.
    pub audiences: Vec<Audience>,
    /// Whether its word about a login may be enough, without proof; what the register says, if anything.
    /// [`super::declaration::Declarations::admit`] decides.
    pub may_declare: Option<bool>,
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
    audience: Vec<Audience>,
    may_declare: Option<bool>,
    #[serde(default)]
    suspended: bool,
}

fn lps_only() -> Vec<Channel> {
    vec![Channel::Lps]
}

impl Applications {
    /// Takes the right entries of a register's file, and tells what is wrong with the others.
    ///
    /// `uid` finds a Unix user's number by its name; `services` and `profiles` are those that exist. Each breach names the
    /// application, the field, the cause and the remedy.
    pub fn check(
        file: ApplicationsFile,
        uid: impl Fn(&str) -> Option<u32>,
        service_exists: impl Fn(&str) -> bool,
        profile_exists: impl Fn(&str) -> bool,
    ) -> (Self, Vec<Breach>) {
        let mut by_uid: HashMap<u32, Arc<Application>> = HashMap::new();
        let mut breaches = Vec::new();
        for (entry, table) in file.application.into_iter().enumerate() {
            let user = table.user.clone();
            let mut refuse = |rule, field, cause: String| {
                let cause = format!("application user = {user:?} : {cause}");
                breaches.push(Breach::of(rule, "application", field, cause).in_entry(entry));
            };
            let Some(application) = check(entry, table, &uid, &service_exists, &profile_exists, &mut refuse)
            else {
                continue;
            };
            let uid = application.uid;
            match by_uid.entry(uid) {
                Entry::Occupied(_) => {
                    let cause = format!(
                        "l'utilisateur numéro {uid} est déclaré deux fois ; retirez l'une des deux entrées"
                    );
                    refuse("application-twice", "user", cause);
                }
                Entry::Vacant(place) => {
                    place.insert(Arc::new(application));
                }
            }
        }
        (Self(by_uid), breaches)
    }

    /// All applications, in the order of the register.
    #[must_use]
    pub fn all(&self) -> Vec<&Arc<Application>> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|application| application.entry);
        all
    }

    /// Unix users of all applications.
    pub fn uids(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// The application of a Unix user by its name in the register.
    #[must_use]
    pub fn named(&self, user: &str) -> Option<&Arc<Application>> {
        self.0.values().find(|application| application.user == user)
    }

    /// The application of that Unix user.
    #[must_use]
    pub fn get(&self, uid: u32) -> Option<&Arc<Application>> {
        self.0.get(&uid)
    }
}

/// The application of one entry; none if anything was refused.
fn check(
    entry: usize,
    table: ApplicationTable,
    uid: impl Fn(&str) -> Option<u32>,
    service_exists: impl Fn(&str) -> bool,
    profile_exists: impl Fn(&str) -> bool,
    refuse: &mut impl FnMut(&'static str, &'static str, String),
) -> Option<Application> {
    let uid = uid(&table.user);
    if uid.is_none() {
        refuse(
            "unknown-user",
            "user",
            "cet utilisateur Unix n'existe pas ; créez-le, ou corrigez user".to_owned(),
        );
    }
    let homologation_ends_at = end_of_day(&table.homologation_expires_on);
    if homologation_ends_at.is_none() {
        let day = &table.homologation_expires_on;
        let cause = format!("homologation_expires_on = {day:?} n'est pas une date AAAA-MM-JJ");
        refuse("bad-value", "homologation_expires_on", cause);
    }
    let services = table.services.iter().filter(|name| !service_exists(name)).collect::<Vec<_>>();
    for name in &services {
        let cause = format!("services : {name:?} n'est pas un [[service]] de la configuration");
        refuse("unknown-service", "services", cause);
    }
    let profiles = table.profiles.iter().filter(|name| !profile_exists(name)).collect::<Vec<_>>();
    for name in &profiles {
        refuse("unknown-profile", "profiles", format!("profiles : {name:?} n'est pas un profil connu"));
    }
    let mut text = |field, value: &str| {
        Text::parse(value).map_err(|cause| refuse("bad-value", field, format!("{field} : {cause}"))).ok()
    };
    let name = text("lps_name", &table.lps_name);
    let version = text("lps_version", &table.lps_version);
    let id = table.lps_id.as_deref().map(|id| text("lps_id", id));
    let homologation = text("homologation", &table.homologation);
    if !services.is_empty() || !profiles.is_empty() || id == Some(None) {
        return None;
    }
    Some(Application {
        entry,
        uid: uid?,
        lps: Lps { name: name?, version: version?, id: id.flatten(), homologation: homologation? },
        homologation_ends_at: homologation_ends_at?,
        user: table.user,
        services: table.services,
        channels: table.channels,
        methods: table.methods,
        profiles: table.profiles,
        audiences: table.audience,
        may_declare: table.may_declare,
        suspended: table.suspended,
    })
}

/// First instant of the day `AAAA-MM-JJ` in UTC.
pub(super) fn start_of_day(text: &str) -> Option<Instant> {
    Instant::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == "AAAA-MM-JJ".len())
}

/// First instant after the day `AAAA-MM-JJ` in UTC.
pub(super) fn end_of_day(text: &str) -> Option<Instant> {
    Some(start_of_day(text)?.plus_ms(DAY_MS))
}
