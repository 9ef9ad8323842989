//! May this session have this assertion? (contract, `Issue`; the rights table)

use std::sync::Arc;

use super::application::Application;
use super::denial::{Decision, Denial, No, Reason};
use super::opening::Known;
use super::practitioner::{Practitioner, unknown_practitioner};
use super::rights::{self, Question, Transaction};
use super::session::Session;
use crate::traces::entry::evidence::Evidence;
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

/// Decides on one assertion. The session is judged by what is known now: what its opening found there may be gone.
pub fn decide(
    known: &Known<'_>,
    application: &Arc<Application>,
    session: &Arc<Session>,
    asking: Asking,
) -> Decision<Approved> {
    let permitted = permit(known, application, session, &asking);
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
    known: &Known<'_>,
    application: &Application,
    session: &Session,
    asking: &Asking,
) -> Result<Arc<Practitioner>, No> {
    application.in_force(known.now)?;
    let practitioner = known.practitioners.get(&session.practitioner.id).ok_or_else(unknown_practitioner)?;
    still_open(known, application, practitioner, session)?;
    let service = known.services.iter().find(|service| service.name == session.service.name);
    rights::permit(&Question {
        table: session.profile.rights,
        scope: known.convention.rights,
        transaction: asking.transaction,
        purpose: asking.purpose,
        is_purpose_of_service: service.is_some_and(|service| service.purposes.contains(&asking.purpose)),
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

/// Whether convention and registers still have everything that the session's opening found there, in the order of its causes.
fn still_open(
    known: &Known<'_>,
    application: &Application,
    practitioner: &Practitioner,
    session: &Session,
) -> Result<(), Denial> {
    let refuse = |reason, message: &str| Err(Denial::new(reason, message));
    if !application.profiles.contains(&session.profile.name) {
        let message = "ce profil n'est plus ouvert à cette application ; faites mettre à jour son registre";
        return refuse(Reason::ProfileNotAllowed, message);
    }
    practitioner.in_force(known.now)?;
    if !application.channels.contains(&session.channel) {
        let message = "ce canal n'est plus ouvert à cette application ; faites mettre à jour son registre";
        return refuse(Reason::ChannelNotAllowed, message);
    }
    let service = &session.service.name;
    if !practitioner.acts_in(service, known.now) {
        let message = "ce service n'est plus ouvert à ce professionnel ; faites mettre à jour ses droits";
        return refuse(Reason::ServiceNotAllowed, message);
    }
    if !application.services.contains(service) || !known.services.iter().any(|known| known.name == *service) {
        let message = "ce service n'est plus ouvert à cette application ; faites mettre à jour son registre";
        return refuse(Reason::ServiceNotAllowed, message);
    }
    if !practitioner.acts_for(session.structure.as_str()) {
        let message =
            "cette structure n'est plus déclarée pour ce professionnel ; faites mettre à jour ses droits";
        return refuse(Reason::StructureNotDeclared, message);
    }
    if !practitioner.role.fits(&session.profile.physician_specialties) {
        let message = "ce profil n'admet pas la spécialité de ce professionnel";
        return refuse(Reason::ProfileNotAllowed, message);
    }
    if let Some(method) = session.method {
        if !known.convention.methods.contains(&method) {
            let message =
                "l'établissement n'a plus cette méthode à sa convention (annexe 2) ; authentifiez-vous autrement";
            return refuse(Reason::MethodNotDeclared, message);
        }
        if !application.methods.contains(&method) {
            let message =
                "cette méthode n'est plus ouverte à cette application ; faites mettre à jour son registre";
            return refuse(Reason::MethodNotAllowed, message);
        }
        practitioner.has(method)?;
    }
    if !matches!(session.evidence, Evidence::Proof(_)) && !known.declarations.admit(application, known.now) {
        let message =
            "cette application doit désormais prouver l'authentification ; ouvrez une session avec une preuve";
        return refuse(Reason::ProofRequired, message);
    }
    Ok(())
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
