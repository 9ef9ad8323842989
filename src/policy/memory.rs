//! What a session is made again from after a restart.

use serde::{Deserialize, Serialize};

use super::application::Application;
use super::login::{Login, contactless};
use super::opening::{Known, Opening, place};
use super::session::Session;
use crate::traces::digest::Digest;
use crate::traces::entry::evidence::Evidence;
use crate::vihf::assertion::Authn;
use crate::vihf::identity::{Form, PsIdNat, StructIdNat};
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::Channel;

/// A session in words that a file can hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    practitioner: String,
    structure: String,
    service: String,
    channel: Channel,
    profile: String,
    class: String,
    decl: String,
    /// Absent in sessions of before authenticators were known.
    #[serde(default)]
    method: Option<String>,
    login_ms: i64,
    initial_login_ms: Option<i64>,
    expires_ms: i64,
    /// Absent in sessions of before proofs were known: then the application's word.
    #[serde(default)]
    evidence: Shown,
}

/// [`Evidence`] in words that a file can hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shown {
    Nothing,
    #[default]
    Declared,
    Proof(String),
}

impl Memory {
    /// What is to be remembered of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            practitioner: session.practitioner.id.as_str().to_owned(),
            structure: session.structure.as_str().to_owned(),
            service: session.service.name.clone(),
            channel: session.channel,
            profile: session.profile.name.clone(),
            class: session.authn.class.clone(),
            decl: session.authn.decl.clone(),
            method: session.method.map(|method| method.name().to_owned()),
            login_ms: session.authn.instant.ms(),
            initial_login_ms: session.initial_login.map(Instant::ms),
            expires_ms: session.expires_at.ms(),
            evidence: match session.evidence {
                Evidence::None => Shown::Nothing,
                Evidence::Declared => Shown::Declared,
                Evidence::Proof(mark) => Shown::Proof(mark.to_base64()),
            },
        }
    }

    /// The session again, under the configuration, convention and registers of now.
    ///
    /// None: something of it is no longer there or no longer allowed. A session that was kept all the same would meet the
    /// last look before the seal, which halts.
    #[must_use]
    pub fn session(&self, known: &Known<'_>, application: &Application) -> Option<Session> {
        let ask = Opening {
            practitioner: PsIdNat::parse(&self.practitioner).ok()?,
            authentication: None,
            structure: Some(StructIdNat::parse(&self.structure, Form::Test).ok()?),
            service: Some(self.service.clone()),
            channel: Some(self.channel),
            profile: Some(self.profile.clone()),
        };
        let place = place(known, application, &ask).ok()?;
        if !place.profile.has_login(&self.class, &self.decl) {
            return None;
        }
        let evidence = match &self.evidence {
            Shown::Nothing => Evidence::None,
            Shown::Declared => Evidence::Declared,
            Shown::Proof(mark) => Evidence::Proof(Digest::from_base64(mark)?),
        };
        let is_proved = matches!(evidence, Evidence::Proof(_));
        if !is_proved && !known.declarations.admit(application, known.now) {
            return None;
        }
        let method = self.method.as_deref().and_then(Method::parse);
        if method.is_some_and(|method| !known.convention.methods.contains(&method)) {
            return None;
        }
        let instant = Instant::from_ms(self.login_ms);
        let authn = Authn { class: self.class.clone(), decl: self.decl.clone(), instant };
        let login = Login { method, authn, initial: self.initial_login_ms.map(Instant::from_ms), evidence };
        if let Some(method) = login.method {
            contactless(known.convention, method, instant, login.initial).ok()?;
        }
        let age_max_ms = login.age_max_ms(known, place.service);
        let expires_at = instant.plus_ms(age_max_ms).min(Instant::from_ms(self.expires_ms));
        Some(place.session(application, login, expires_at))
    }
}
