//! One request, from its words to its answer, as one function each; the order of checks is the contract's.

use std::sync::Arc;

use super::Daemon;
use super::answer::{Answer, No, Unavailable};
use super::request::{Issue, Outcome, PatientNamed};
use super::sessions::NotOpened;
use crate::policy::application::{Application, unknown_application};
use crate::policy::denial::{Decision, Malformed};
use crate::policy::issuing::{self, Asking};
use crate::policy::opening::{self, Known, Opening};
use crate::policy::session::Session;
use crate::replay::NotTaken;
use crate::seal::seals::SealError;
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
        let asking = self.asking(
            &session,
            request.patient,
            request.transaction,
            request.purpose,
            request.invisible_to_guardians,
        )?;
        let claim = self.nonces.claim(uid, &request.nonce, now).map_err(|not_taken| match not_taken {
            NotTaken::Seen => No::Replayed,
            NotTaken::Full => No::Busy,
        })?;
        let approved =
            approved(issuing::decide(self.config.convention.rights, application, &session, asking, now))?;
        let Some(_seat) = self.requests.take(uid, self.config.limits.requests_in_flight_per_application_max)
        else {
            claim.free();
            return Err(No::Busy);
        };
        let fresh = claim.spend(approved);
        if request.receipt {
            return Err(No::Unavailable(Unavailable::Ledger));
        }
        let signed = self.seals.seal(fresh, now).await.map_err(|error| self.note(error))?;
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

    /// What is asked, with the patient's identifier system as the profile has it.
    fn asking(
        &self,
        session: &Session,
        patient: Option<PatientNamed>,
        transaction: crate::policy::rights::Transaction,
        purpose: crate::vihf::codes::Purpose,
        invisible_to_guardians: bool,
    ) -> Result<Asking, No> {
        let patient = match patient {
            None => None,
            Some(named) => Some(self.patient(session.profile(), named)?),
        };
        Ok(Asking { transaction, purpose, patient, invisible_to_guardians })
    }

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
