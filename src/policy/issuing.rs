//! May this session have this assertion? (contract, `Issue`; the rights table)

use std::sync::Arc;

use super::application::Application;
use super::convention::Scope;
use super::denial::{Decision, Denial, No, Reason};
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
    application: Arc<Application>,
    asking: Asking,
}

/// Decides on one assertion.
pub fn decide(
    scope: Scope,
    application: &Arc<Application>,
    session: &Arc<Session>,
    asking: Asking,
    now: Instant,
) -> Decision<Approved> {
    let permitted = permit(scope, application, session, &asking, now);
    permitted
        .map(|()| Approved { session: Arc::clone(session), application: Arc::clone(application), asking })
        .into()
}

fn permit(
    scope: Scope,
    application: &Application,
    session: &Session,
    asking: &Asking,
    now: Instant,
) -> Result<(), No> {
    application.in_force(now)?;
    session.practitioner.in_force(now)?;
    rights::permit(&Question {
        table: session.profile.rights,
        scope,
        transaction: asking.transaction,
        purpose: asking.purpose,
        channel: session.channel,
        is_physician: session.practitioner.role.is_physician(),
        has_patient: asking.patient.is_some(),
    })?;
    if asking.invisible_to_guardians && session.profile.guardians_element.is_empty() {
        let message =
            "ce profil ne donne pas la forme de la connexion secrète d'un mineur ; retirez invisible_to_guardians";
        return Err(Denial::new(Reason::ProfileNotAllowed, message).into());
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
            practitioner: &session.practitioner.id,
            display_name: &session.practitioner.display_name,
            role: &session.practitioner.role,
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
