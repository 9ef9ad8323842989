//! One request, from its words to its answer, as one function each; the order of checks is the contract's.

use std::sync::Arc;
use std::time::Instant as Moment;

use super::Daemon;
use super::answer::{Answer, No, Unavailable};
use super::request::{Issue, Outcome, PatientNamed};
use super::sessions::NotOpened;
use crate::policy::application::{Application, unknown_application};
use crate::policy::denial::{Decision, Malformed};
use crate::policy::issuing::{self, Asking};
use crate::policy::opening::{self, Known, Opening};
use crate::replay::NotClaimed;
use crate::seal::seals::{NotPlaced, SealError};
use crate::sys::clock;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::InsOid;
use crate::vihf::profile::Profile;

impl Daemon {
    /// `Issue`: session, nonce, policy, load, clock, ledger, token.
    ///
    /// What a crash leaves, until the ledger exists: nothing. Nonces and sessions are gone together, so that no request
    /// of before can be answered again; an assertion that was on its way lives its seconds and is in no book.
    pub(super) async fn issue(&self, uid: u32, request: Issue) -> Result<Answer, No> {
        self.in_order()?;
        let application = self.application(uid)?;
        let now = clock::now();
        let session = self.sessions.find(uid, &request.session, now)?;
        let patient = request.patient.map(|named| self.patient(session.profile(), named)).transpose()?;
        let asking = Asking {
            transaction: request.transaction,
            purpose: request.purpose,
            patient,
            invisible_to_guardians: request.invisible_to_guardians,
        };
        let claim =
            self.nonces.claim(uid, &request.nonce, Moment::now()).map_err(|not_claimed| match not_claimed {
                NotClaimed::Seen => No::Replayed,
                NotClaimed::Full => No::Busy,
            })?;
        let approved =
            approved(issuing::decide(self.config.convention.rights, application, &session, asking, now))?;
        let Some(_seat) = self.requests.take(uid, self.config.limits.requests_in_flight_per_application_max)
        else {
            claim.free();
            return Err(No::Busy);
        };
        let place = self.seals.place(session.structure().as_str(), uid, now).await;
        if let Err(NotPlaced::Busy) = place {
            claim.free();
            return Err(No::Busy);
        }
        if request.receipt {
            return Err(No::Unavailable(Unavailable::Ledger));
        }
        let fresh = claim.spend(approved);
        let place = place.map_err(|not_placed| match not_placed {
            NotPlaced::Busy => No::Busy,
            NotPlaced::Seal(error) => self.note(error),
        })?;
        // The wait for a place is not part of the assertion's life.
        let issued_at = clock::now();
        let signed = self.seals.seal(place, fresh, issued_at).await.map_err(|error| self.note(error))?;
        if clock::now() >= signed.expires_at() {
            return Err(No::Unavailable(Unavailable::TokenUnreachable));
        }
        self.outcomes.issued(uid, signed.id());
        Ok(Answer::Issued(Box::new(signed)))
    }

    /// `OpenSession`.
    pub(super) fn open_session(&self, uid: u32, request: &Opening) -> Result<Answer, No> {
        self.in_order()?;
        let application = self.application(uid)?;
        let now = clock::now();
        let known = Known {
            convention: &self.config.convention,
            services: &self.config.services,
            structures: &self.structures,
            practitioners: &self.loaded.practitioners,
            profiles: &self.loaded.profiles,
            default_profile: &self.config.profiles.default,
            login_future_max_ms: self.config.limits.login_future_max_ms,
            now,
        };
        let session = approved(opening::decide(&known, application, request))?;
        let expires_at = session.expires_at().to_string();
        let secret = self.sessions.open(session, now).map_err(|not_opened| match not_opened {
            NotOpened::Full => No::Busy,
            NotOpened::Random => self.halt("no random bytes"),
        })?;
        Ok(Answer::Opened { session: secret, expires_at })
    }

    /// `Report`.
    pub(super) fn report(&self, uid: u32, id: &str, outcome: Outcome) -> Result<Answer, No> {
        self.application(uid)?;
        self.outcomes.report(uid, id, outcome)?;
        Ok(Answer::Done)
    }

    /// `CloseSession`.
    pub(super) fn close_session(&self, uid: u32, session: &str) -> Result<Answer, No> {
        self.application(uid)?;
        self.sessions.close(uid, session)?;
        Ok(Answer::Done)
    }

    fn application(&self, uid: u32) -> Result<&Arc<Application>, No> {
        Ok(self.loaded.applications.get(uid).ok_or_else(unknown_application)?)
    }

    /// The patient, whose identifier system is the profile's unless the application names one.
    fn patient(&self, profile: &Profile, named: PatientNamed) -> Result<Patient, No> {
        let malformed = |message: &str| Err(No::Malformed(Malformed::new("patient.oid", message)));
        let oid = match named.oid {
            Some(oid) => oid,
            None => match InsOid::parse(&profile.ins_oid) {
                Ok(oid) => oid,
                Err(_) => {
                    return malformed("le profil ne donne pas de système d'identifiants ; donnez patient.oid");
                }
            },
        };
        if !profile.ins_oids.iter().any(|known| known == oid.as_str()) {
            return malformed("ce système d'identifiants n'est pas prévu par le profil");
        }
        if matches!(oid, InsOid::Test | InsOid::Demo) && !self.config.is_test() && !profile.test {
            return malformed(
                "ce système d'identifiants est celui de patients d'essai ; la production ne l'admet pas",
            );
        }
        Ok(Patient { ins: named.ins, oid })
    }

    /// A broken invariant of ours halts; the world's troubles heal.
    fn note(&self, error: SealError) -> No {
        match error {
            SealError::Breach(_) | SealError::Random => self.halt(&error.to_string()),
            _ => error.into(),
        }
    }
}

fn approved<T>(decision: Decision<T>) -> Result<T, No> {
    match decision {
        Decision::Approved(approved) => Ok(approved),
        Decision::Denied(denial) => Err(No::Denied(denial)),
        Decision::Malformed(malformed) => Err(No::Malformed(malformed)),
    }
}
