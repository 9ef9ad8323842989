//! The primary login of a session: what was shown for it, and whether it may open one.

use super::application::Application;
use super::convention::{Convention, Service};
use super::denial::{Malformed, No, Reason};
use super::opening::{Authentication, Known, Place, deny};
use crate::proof;
use crate::traces::entry::evidence::Evidence;
use crate::vihf::assertion::Authn;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;

/// A login that may open a session.
pub(super) struct Login {
    /// None: nobody told.
    pub(super) method: Option<Method>,
    pub(super) authn: Authn,
    /// For a contactless login, when the card was read with its PIN.
    pub(super) initial: Option<Instant>,
    pub(super) evidence: Evidence,
}

impl Login {
    /// Oldest such login in milliseconds, and longest life of its session: the service's, and for what nobody proved the
    /// shorter one of declarations.
    pub(super) fn age_max_ms(&self, known: &Known<'_>, service: &Service) -> u64 {
        match self.evidence {
            Evidence::Proof(_) => service.login_age_max_ms,
            Evidence::Declared | Evidence::None => {
                service.login_age_max_ms.min(known.declarations.limits.login_age_max_ms)
            }
        }
    }
}

/// Judges the login that the application tells of, in the order in which the causes are told.
///
/// What is proved counts as the provider tells it: after `Ok` the instants are the proof's, not the application's.
pub(super) fn judge(
    known: &Known<'_>,
    application: &Application,
    place: &Place<'_>,
    login: Option<&Authentication>,
) -> Result<Login, No> {
    let profile = place.profile;
    let Some(login) = login else {
        if profile.authentication_required {
            let message = "ce profil demande l'authentification primaire ; donnez authentication";
            return Err(Malformed::new("authentication", message).into());
        }
        may_declare(known, application)?;
        let authn = Authn { class: profile.default_class.clone(), decl: String::new(), instant: known.now };
        return Ok(Login { method: None, authn, initial: None, evidence: Evidence::None });
    };
    let method = login.method;
    let Some(form) = profile.methods.get(&method) else {
        let cause = if method == Method::BluetoothPin {
            "aucune valeur n'est encore publiée pour la méthode BLUETOOTH_PIN ; utilisez une autre méthode"
                .to_owned()
        } else {
            format!("le profil {} ne prévoit pas la méthode {method}", profile.name)
        };
        return deny(Reason::MethodNotAllowed, cause);
    };
    if !known.convention.methods.contains(&method) {
        return deny(
            Reason::MethodNotDeclared,
            format!("l'établissement n'a pas déclaré la méthode {method} (annexe 2)"),
        );
    }
    if !application.methods.contains(&method) {
        return deny(
            Reason::MethodNotAllowed,
            format!("la méthode {method} n'est pas ouverte à cette application"),
        );
    }
    place.practitioner.has(method)?;
    let (evidence, instant, initial) = match login.proof.as_deref() {
        Some(text) => proved(known, application, place, login, text)?,
        None => {
            may_declare(known, application)?;
            (Evidence::Declared, login.instant, login.initial_instant)
        }
    };
    contactless(known.convention, method, instant, initial)?;
    // A login told a little ahead of our clock must not follow the assertions that it opens.
    let authn = Authn { class: form.class.clone(), decl: form.decl.clone(), instant: instant.min(known.now) };
    let judged = Login { method: Some(method), authn, initial, evidence };
    let age_ms = known.now.ms_since(instant);
    if age_ms.saturating_neg() > i64::try_from(known.login_future_max_ms).unwrap_or(i64::MAX) {
        return deny(
            Reason::LoginInFuture,
            "l'instant d'authentification est dans le futur ; vérifiez l'horloge du serveur appelant",
        );
    }
    if age_ms > i64::try_from(judged.age_max_ms(known, place.service)).unwrap_or(i64::MAX) {
        return deny(
            Reason::LoginTooOld,
            "l'authentification est trop ancienne pour ce service ; le professionnel doit s'authentifier de nouveau",
        );
    }
    Ok(judged)
}

/// The identity provider's word: who logged in, when and how, is what the application says.
///
/// The one verification of the session's life: assertions are asked for with the session.
fn proved(
    known: &Known<'_>,
    application: &Application,
    place: &Place<'_>,
    login: &Authentication,
    text: &str,
) -> Result<(Evidence, Instant, Option<Instant>), No> {
    let refuse = |refusal: proof::Refusal| deny(Reason::ProofInvalid, refusal.to_string());
    let proof = match proof::verify(known.providers, &application.audiences, text, known.now) {
        Ok(proof) => proof,
        Err(refusal) => return refuse(refusal),
    };
    if known.lost_until.is_some_and(|lost| proof.may_have_been_shown_by(lost)) {
        return refuse(proof::Refusal::MaybeSpent);
    }
    if !place.practitioner.is_paired(proof.provider(), proof.subject()) {
        return refuse(proof::Refusal::Subject);
    }
    match proof.shows(login.method, login.instant, login.initial_instant) {
        Ok((instant, initial)) => Ok((Evidence::Proof(proof.mark()), instant, initial)),
        Err(refusal) => refuse(refusal),
    }
}

/// Proof is the rule, declaration the marked exception.
fn may_declare(known: &Known<'_>, application: &Application) -> Result<(), No> {
    if known.declarations.admit(application, known.now) {
        return Ok(());
    }
    deny(Reason::ProofRequired, "cette application doit prouver l'authentification ; donnez authentication.proof")
}

/// Method 3: the card was read with its PIN first, then without contact within the declared delay.
pub(super) fn contactless(
    convention: &Convention,
    method: Method,
    instant: Instant,
    initial: Option<Instant>,
) -> Result<(), No> {
    const FIELD: &str = "authentication.initial_instant";
    let malformed = |message: &str| Err(Malformed::new(FIELD, message).into());
    match (method == Method::CpsSansContact, initial) {
        (false, None) => Ok(()),
        (false, Some(_)) => malformed("ce membre n'a de sens qu'avec CPS:CPSSANSCONTACT ; retirez-le"),
        (true, None) => malformed("CPS:CPSSANSCONTACT demande l'instant de la lecture avec code PIN"),
        (true, Some(initial)) => {
            let delay_ms = instant.ms_since(initial);
            if delay_ms < 0 {
                return malformed("la lecture avec code PIN ne peut pas suivre la lecture sans contact");
            }
            if delay_ms > i64::try_from(convention.contactless_delay_ms).unwrap_or(i64::MAX) {
                return deny(
                    Reason::ContactlessDelayExceeded,
                    "le délai depuis la lecture avec code PIN est dépassé ; relisez la carte avec son code",
                );
            }
            Ok(())
        }
    }
}
