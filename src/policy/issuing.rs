//! May this session have this assertion? (contract, `Issue`; the rights table)

use std::sync::Arc;

use super::application::Application;
use super::convention::Scope;
use super::denial::{Decision, Denial, No, Reason};
use super::practitioner::{Practitioner, Practitioners, unknown_practitioner};
use super::rights::{self, Question, Transaction};
use super::session::Session;
use crate::vihf::assertion::{Facts, Patient};
use crate::vihf::codes::Purpose;
use crate::vihf::instant::Instant;

/// What the application asks, already of types that cannot be wrong.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct Asking {
    pub transaction: Transaction,
    pub purpose: Purpose,
    pub patient: Option<Patient>,
    pub invisible_to_guardians: bool,
}

/// Proof that policy permitted one assertion; made here alone, spent by recording it.
#[derive(Debug)]
#[must_use]
pub struct Approved {
    session: Arc<Session>,
    practitioner: Arc<Practitioner>,
    application: Arc<Application>,
    asking: Asking,
}

/// Decides on one assertion. The session is judged by the register of now: what its opening found there may be gone.
pub fn decide(
    scope: Scope,
    practitioners: &Practitioners,
    application: &Arc<Application>,
    session: &Arc<Session>,
    asking: Asking,
    now: Instant,
) -> Decision<Approved> {
    let permitted = permit(scope, practitioners, application, session, &asking, now);
    permitted
        .map(|practitioner| Approved {
            session: Arc::clone(session),
            practitioner,
            application: Arc::clone(application),
            asking,
        })
        .into()
}

fn permit(
    scope: Scope,
    practitioners: &Practitioners,
    application: &Application,
    session: &Session,
    asking: &Asking,
    now: Instant,
) -> Result<Arc<Practitioner>, No> {
    application.in_force(now)?;
    let practitioner = practitioners.get(&session.practitioner.id).ok_or_else(unknown_practitioner)?;
    still_open(practitioner, session, now)?;
    rights::permit(&Question {
        table: session.profile.rights,
        scope,
        transaction: asking.transaction,
        purpose: asking.purpose,
        channel: session.channel,
        is_physician: practitioner.role.is_physician(),
        has_patient: asking.patient.is_some(),
    })?;
    if asking.invisible_to_guardians && session.profile.guardians_element.is_empty() {
        let message =
            "ce profil ne donne pas la forme de la connexion secrète d'un mineur ; retirez invisible_to_guardians";
        return Err(Denial::new(Reason::ProfileNotAllowed, message).into());
    }
    Ok(Arc::clone(practitioner))
}

/// Whether the register still has everything that the session's opening found there.
fn still_open(practitioner: &Practitioner, session: &Session, now: Instant) -> Result<(), Denial> {
    practitioner.in_force(now)?;
    if !practitioner.acts_in(&session.service.name, now) {
        let message = "ce service n'est plus ouvert à ce professionnel ; faites mettre à jour ses droits";
        return Err(Denial::new(Reason::ServiceNotAllowed, message));
    }
    if !practitioner.acts_for(session.structure.as_str()) {
        let message =
            "cette structure n'est plus déclarée pour ce professionnel ; faites mettre à jour ses droits";
        return Err(Denial::new(Reason::StructureNotDeclared, message));
    }
    if !practitioner.role.fits(&session.profile.physician_specialties) {
        let message = "ce profil n'admet pas la spécialité de ce professionnel";
        return Err(Denial::new(Reason::ProfileNotAllowed, message));
    }
    session.method.map_or(Ok(()), |method| practitioner.has(method))
}

impl Approved {
    /// The session it was approved for.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What was asked.
    #[must_use]
    pub fn asking(&self) -> &Asking {
        &self.asking
    }

    /// Who asked.
    #[must_use]
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// The facts of the assertion.
    ///
    /// `issuer` is the subject of the seal's certificate, `id` an assertion id; `expires_at` follows the session.
    #[must_use]
    pub fn facts<'a>(&'a self, issuer: &'a str, id: &'a str, issued_at: Instant) -> Facts<'a> {
        let session = &*self.session;
        Facts {
            profile: &session.profile,
            issuer,
            id,
            issued_at,
            expires_at: issued_at.plus_ms(session.lifetime_ms()),
            practitioner: &self.practitioner.id,
            display_name: &self.practitioner.display_name,
            role: &self.practitioner.role,
            structure: &session.structure,
            sector: &session.sector,
            authn: &session.authn,
            patient: self.asking.patient.as_ref(),
            purpose: self.asking.purpose,
            invisible_to_guardians: self.asking.invisible_to_guardians,
            lps: &self.application.lps,
        }
    }
}
