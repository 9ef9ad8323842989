//! What is not refused in convention and registers, and should be known: entries that stand, and serve nobody.

use super::application::{Application, Applications};
use super::breach::Breach;
use super::convention::Convention;
use super::declaration::Declarations;
use crate::vihf::instant::Instant;
use crate::vihf::profile::Profiles;

/// Days before the end of a homologation at which it is told: a new one takes weeks.
const HOMOLOGATION_ALARM_DAYS: i64 = 60;
/// Days before the end of an exception at which it is told: a connection to a provider takes weeks.
const EXCEPTION_ALARM_DAYS: i64 = 30;
/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// Methods of the convention that no profile can write.
#[must_use]
pub fn convention(convention: &Convention, profiles: &Profiles) -> Vec<Breach> {
    let known =
        |method| profiles.names().filter_map(|name| profiles.get(name)).any(|p| p.methods.contains_key(method));
    let lost = convention.methods.iter().filter(|method| !known(method));
    lost.map(|method| {
        let cause = format!(
            "[convention] methods : aucun profil n'a la méthode {method} ; retirez-la, ou ajoutez-la à un profil de l'établissement"
        );
        Breach::of("method-without-profile", "convention", "methods", cause)
    })
    .collect()
}

/// Applications that name a provider which does not exist.
#[must_use]
pub fn audiences(applications: &Applications, provider_exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for application in applications.all() {
        for audience in application.audiences.iter().filter(|audience| !provider_exists(&audience.provider)) {
            let cause = format!(
                "application user = {:?} : audience : {:?} n'est pas un [[identity_provider]] de la configuration",
                application.user, audience.provider
            );
            let breach = Breach::of("unknown-provider", "application", "audience", cause);
            breaches.push(breach.in_entry(application.entry));
        }
    }
    breaches
}

/// Applications that can open no session, or soon will not: they may declare without an exception, or can neither prove nor
/// declare.
#[must_use]
pub fn declarations(applications: &Applications, declarations: &Declarations, now: Instant) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for application in applications.all() {
        let mut tell = |rule, field, cause: &str| {
            let cause = format!("application user = {:?} : {cause}", application.user);
            breaches.push(Breach::of(rule, "application", field, cause).in_entry(application.entry));
        };
        if application.may_declare == Some(true) && !declarations.test {
            let held = declarations.exception(&application.user);
            match held.map(|exception| exception.ends_at.ms_since(now).div_euclid(DAY_MS)) {
                None => tell(
                    "declaration-without-exception",
                    "may_declare",
                    "may_declare n'a pas d'effet en production sans [[exception]] ; donnez-en une à terme, ou faites prouver les connexions",
                ),
                Some(days) if days <= EXCEPTION_ALARM_DAYS => tell(
                    "exception-ends-soon",
                    "may_declare",
                    "son [[exception]] à la preuve est finie ou finit dans 30 jours au plus ; faites prouver ses connexions",
                ),
                Some(_) => {}
            }
        } else if application.audiences.is_empty() && !declarations.admit(application, now) {
            tell(
                "application-without-proof",
                "",
                "elle ne peut ni prouver ni déclarer une connexion, tout lui est refusé ; donnez-lui une [[application.audience]]",
            );
        }
    }
    breaches
}

/// Applications whose homologation has ended or soon will, with the days left: negative once it has ended.
pub fn homologations(applications: &Applications, now: Instant) -> impl Iterator<Item = (&Application, i64)> {
    let days_left =
        move |application: &Application| application.homologation_ends_at.ms_since(now).div_euclid(DAY_MS);
    let all = applications.all().iter().map(move |application| (&**application, days_left(application)));
    all.filter(|(_, days_left)| *days_left <= HOMOLOGATION_ALARM_DAYS)
}

/// Applications whose homologation has ended or soon will, and methods that can never serve them.
#[must_use]
pub fn applications(
    applications: &Applications,
    convention: &Convention,
    profiles: &Profiles,
    now: Instant,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut tell = |application: &Application, rule, field, cause: String| {
        let cause = format!("application user = {:?} : {cause}", application.user);
        breaches.push(Breach::of(rule, "application", field, cause).in_entry(application.entry));
    };
    for (application, days_left) in homologations(applications, now) {
        if days_left < 0 {
            let cause =
                "son homologation DMP est échue, tout lui est refusé ; renseignez la nouvelle homologation";
            tell(application, "homologation-expired", "homologation_expires_on", cause.to_owned());
        } else {
            let cause =
                format!("son homologation DMP finit dans {days_left} jours ; demandez la nouvelle à son éditeur");
            tell(application, "homologation-ends-soon", "homologation_expires_on", cause);
        }
    }
    for application in applications.all() {
        for method in &application.methods {
            let has = |name: &String| profiles.get(name).is_some_and(|p| p.methods.contains_key(method));
            if !application.profiles.iter().any(has) {
                let cause = format!(
                    "methods : aucun de ses profils n'a la méthode {method} ; retirez-la, ou ajoutez un profil"
                );
                tell(application, "method-without-profile", "methods", cause);
            } else if !convention.methods.contains(method) {
                let cause = format!(
                    "methods : la méthode {method} n'est pas déclarée en [convention] ; retirez-la, ou déclarez-la à la Cnam puis ici"
                );
                tell(application, "method-not-declared", "methods", cause);
            }
        }
    }
    breaches
}
