//! May this application open this session? (contract, `OpenSession`; convention, articles 3.3 and 3.4)

use std::sync::Arc;

use zeroize::Zeroizing;

use super::application::Application;
use super::convention::{Convention, Service};
use super::declaration::Declarations;
use super::denial::{Decision, Denial, Malformed, No, Reason};
use super::login::{self, Login};
use super::practitioner::{Practitioner, Practitioners, unknown_practitioner};
use super::session::Session;
use crate::proof::Providers;
use crate::vihf::codes::Sector;
use crate::vihf::identity::{Form, PsIdNat, StructIdNat};
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::{Channel, Profile, Profiles};

/// What the application asks, already of types that cannot be wrong.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct Opening {
    pub practitioner: PsIdNat,
    pub authentication: Option<Authentication>,
    pub structure: Option<StructIdNat>,
    pub service: Option<String>,
    pub channel: Option<Channel>,
    pub profile: Option<String>,
}

/// The primary login, as the application tells it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct Authentication {
    pub method: Method,
    pub instant: Instant,
    pub initial_instant: Option<Instant>,
    pub proof: Option<Zeroizing<String>>,
}

/// What is known beside the question: convention, registers, profiles and the clock's instant.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is its type")]
pub struct Known<'a> {
    pub convention: &'a Convention,
    pub services: &'a [Service],
    /// Declared structures with their sectors.
    pub structures: &'a [(StructIdNat, Sector)],
    pub practitioners: &'a Practitioners,
    pub profiles: &'a Profiles,
    pub default_profile: &'a str,
    /// Who may prove a login.
    pub providers: &'a Providers,
    /// When a login may be declared instead.
    pub declarations: &'a Declarations,
    /// Up to when proofs may have been used in a part of the ledger that was lost.
    pub lost_until: Option<Instant>,
    /// How far ahead of `now` a login may be, in milliseconds.
    pub login_future_max_ms: u64,
    pub now: Instant,
}

/// Decides on a session, in the order in which the causes are told.
pub fn decide(known: &Known<'_>, application: &Application, ask: &Opening) -> Decision<Session> {
    open(known, application, ask).into()
}

fn open(known: &Known<'_>, application: &Application, ask: &Opening) -> Result<Session, No> {
    application.in_force(known.now)?;
    let place = place(known, application, ask)?;
    let login = login::judge(known, application, &place, ask.authentication.as_ref())?;
    let expires_at = login.authn.instant.plus_ms(login.age_max_ms(known, place.service));
    Ok(place.session(application, login, expires_at))
}

/// Who acts where, through what and under which profile: all of a session but its login.
pub(super) struct Place<'a> {
    pub(super) profile: &'a Arc<Profile>,
    pub(super) practitioner: &'a Arc<Practitioner>,
    channel: Channel,
    pub(super) service: &'a Service,
    structure: &'a (StructIdNat, Sector),
}

/// Finds what is asked for, in the order in which the causes are told.
pub(super) fn place<'a>(known: &Known<'a>, application: &Application, ask: &Opening) -> Result<Place<'a>, No> {
    let profile = profile(known, application, ask.profile.as_deref())?;
    let practitioner = practitioner(known, &ask.practitioner)?;
    let channel = channel(application, profile, ask.channel)?;
    let service = service(known, application, practitioner, ask.service.as_deref())?;
    let structure = structure(known, practitioner, profile, ask.structure.as_ref())?;
    if !practitioner.role.fits(&profile.physician_specialties) {
        return deny(Reason::ProfileNotAllowed, "ce profil n'admet pas la spécialité de ce professionnel");
    }
    Ok(Place { profile, practitioner, channel, service, structure })
}

impl Place<'_> {
    /// The session of a login here.
    pub(super) fn session(self, application: &Application, login: Login, expires_at: Instant) -> Session {
        let (structure, sector) = *self.structure;
        Session {
            application: application.uid,
            practitioner: Arc::clone(self.practitioner),
            structure,
            sector,
            service: self.service.clone(),
            channel: self.channel,
            profile: Arc::clone(self.profile),
            method: login.method,
            authn: login.authn,
            initial_login: login.initial,
            evidence: login.evidence,
            expires_at,
        }
    }
}

pub(super) fn deny<T>(reason: Reason, message: impl Into<String>) -> Result<T, No> {
    Err(Denial::new(reason, message).into())
}

fn profile<'a>(known: &Known<'a>, application: &Application, name: Option<&str>) -> Result<&'a Arc<Profile>, No> {
    let name = name.unwrap_or(known.default_profile);
    match known.profiles.get(name) {
        Some(profile) if application.profiles.iter().any(|p| p == name) => Ok(profile),
        _ => deny(
            Reason::ProfileNotAllowed,
            "ce profil n'est pas ouvert à cette application ; complétez profiles dans son registre",
        ),
    }
}

fn practitioner<'a>(known: &Known<'a>, id: &PsIdNat) -> Result<&'a Arc<Practitioner>, No> {
    let Some(practitioner) = known.practitioners.get(id) else {
        return Err(unknown_practitioner().into());
    };
    practitioner.in_force(known.now)?;
    Ok(practitioner)
}

fn channel(application: &Application, profile: &Profile, channel: Option<Channel>) -> Result<Channel, No> {
    let channel = channel.unwrap_or(Channel::Lps);
    if application.channels.contains(&channel) && profile.channels.contains(&channel) {
        return Ok(channel);
    }
    deny(Reason::ChannelNotAllowed, "ce canal n'est pas ouvert à cette application dans ce profil")
}

fn service<'a>(
    known: &Known<'a>,
    application: &Application,
    practitioner: &Practitioner,
    asked: Option<&str>,
) -> Result<&'a Service, No> {
    let open = |service: &&Service| {
        practitioner.acts_in(&service.name, known.now) && application.services.contains(&service.name)
    };
    let candidates = known.services.iter().filter(open);
    let message = "ce professionnel exerce dans plusieurs services ; donnez service";
    let found = named_or_sole(candidates, asked, |service, name| service.name == *name)
        .ok_or_else(|| Malformed::new("service", message))?;
    match found {
        Some(service) => Ok(service),
        None => {
            deny(Reason::ServiceNotAllowed, "ce service n'est pas ouvert à ce professionnel par cette application")
        }
    }
}

fn structure<'a>(
    known: &Known<'a>,
    practitioner: &Practitioner,
    profile: &Profile,
    asked: Option<&StructIdNat>,
) -> Result<&'a (StructIdNat, Sector), No> {
    let open = |(id, _): &&(StructIdNat, Sector)| practitioner.acts_for(id.as_str());
    let candidates = known.structures.iter().filter(open);
    let message = "ce professionnel exerce dans plusieurs structures ; donnez structure";
    let found = named_or_sole(candidates, asked, |(known, _), id| known == id)
        .ok_or_else(|| Malformed::new("structure", message))?;
    match found {
        None => deny(Reason::StructureNotDeclared, "cette structure n'est pas déclarée pour ce professionnel"),
        // Letters are the mark of test structures: only a profile marked test lets them into an assertion (vihf.md §7).
        Some((id, _)) if !profile.test && StructIdNat::parse(id.as_str(), Form::Strict).is_err() => deny(
            Reason::StructureNotDeclared,
            "l'identifiant de cette structure n'a pas la forme d'un identifiant réel ; seul un profil marqué test l'admet",
        ),
        Some(found) => Ok(found),
    }
}

/// The candidate that is named, or the only one where none is named; the outer `None`: several, and none named.
fn named_or_sole<'a, T, N: ?Sized>(
    mut candidates: impl Iterator<Item = &'a T>,
    named: Option<&N>,
    is: impl Fn(&T, &N) -> bool,
) -> Option<Option<&'a T>> {
    match named {
        Some(name) => Some(candidates.find(|candidate| is(candidate, name))),
        None => {
            let first = candidates.next();
            if candidates.next().is_some() { None } else { Some(first) }
        }
    }
}
