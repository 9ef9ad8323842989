//! What a session is made again from after a restart.

use serde::{Deserialize, Serialize};

use super::application::Application;
use super::opening::{Known, Opening, place};
use super::session::Session;
use crate::vihf::assertion::Authn;
use crate::vihf::identity::{Form, PsIdNat, StructIdNat};
use crate::vihf::instant::Instant;
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
    login_ms: i64,
    initial_login_ms: Option<i64>,
    expires_ms: i64,
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
            login_ms: session.authn.instant.ms(),
            initial_login_ms: session.initial_login.map(Instant::ms),
            expires_ms: session.expires_at.ms(),
        }
    }

    /// The session again, under the configuration and registers of now.
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
        let instant = Instant::from_ms(self.login_ms);
        let authn = Authn { class: self.class.clone(), decl: self.decl.clone(), instant };
        let expires_at = instant.plus_ms(place.service.login_age_max_ms).min(Instant::from_ms(self.expires_ms));
        Some(place.session(application, authn, self.initial_login_ms.map(Instant::from_ms), expires_at))
    }
}
