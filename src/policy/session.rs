//! A session: who logged in, how, where, for which application; everything an issue needs, decided once.

use std::sync::Arc;

use super::convention::Service;
use super::practitioner::Practitioner;
use crate::traces::entry::evidence::Evidence;
use crate::vihf::assertion::Authn;
use crate::vihf::codes::Sector;
use crate::vihf::identity::StructIdNat;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::{Channel, Profile};

/// An open session; made by [`super::opening::decide`] alone.
#[derive(Debug)]
pub struct Session {
    pub(super) application: u32,
    pub(super) practitioner: Arc<Practitioner>,
    pub(super) structure: StructIdNat,
    pub(super) sector: Sector,
    pub(super) service: Service,
    pub(super) channel: Channel,
    pub(super) profile: Arc<Profile>,
    /// How the practitioner logged in; none: nobody told.
    pub(super) method: Option<Method>,
    pub(super) authn: Authn,
    /// For a contactless login, when the card was read with its PIN.
    pub(super) initial_login: Option<Instant>,
    pub(super) evidence: Evidence,
    pub(super) expires_at: Instant,
}

impl Session {
    /// Unix user of the application it belongs to.
    #[must_use]
    pub fn application(&self) -> u32 {
        self.application
    }

    /// How the practitioner logged in; none: nobody told.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// First instant at which it is no longer open: then the login would be too old for its service.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.expires_at
    }

    /// Whom it is for.
    #[must_use]
    pub fn practitioner(&self) -> &Practitioner {
        &self.practitioner
    }

    /// Where the practitioner acts.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service.name
    }

    /// Whether what the service asks for is urgent.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.service.emergency
    }

    /// Through what its assertions are used.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// How the practitioner logged in.
    #[must_use]
    pub fn authn(&self) -> &Authn {
        &self.authn
    }

    /// For a contactless login, when the card was read with its PIN.
    #[must_use]
    pub fn initial_login(&self) -> Option<Instant> {
        self.initial_login
    }

    /// What was shown for the login: a verified proof, the application's word, or nothing.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// The profile of its assertions.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Structure whose seal its assertions bear.
    #[must_use]
    pub fn structure(&self) -> &StructIdNat {
        &self.structure
    }

    /// Life of its assertions in milliseconds: the service's, capped by the profile.
    #[must_use]
    pub fn lifetime_ms(&self) -> u64 {
        self.service.lifetime_ms.min(self.profile.lifetime_max_ms)
    }
}
