//! The orders about certificates of remote applications: an invitation, a certificate confirmed, a certificate revoked.

use serde::Serialize;
use serde_json::json;

use super::super::Daemon;
use super::super::gate::{Change, EnrolmentRow};
use super::answer::{No, Unavailable};
use super::obey::{Effect, NotObeyed};
use super::registers;
use crate::policy::application::{NotChanged, remote};
use crate::policy::denial::Malformed;
use crate::policy::fingerprint::Fingerprint;
use crate::policy::invitation::{Code, SECRET_LEN, Secret};
use crate::policy::order::{OfApplication, OfCertificate, Ordered, Refusal};
use zeroize::Zeroizing;

impl From<NotChanged> for Refusal {
    fn from(cause: NotChanged) -> Self {
        match cause {
            NotChanged::Unknown => Self::NotRemote,
            NotChanged::OfAnother => Self::CertificateOfAnother,
            NotChanged::Full => Self::CertificatesFull,
            NotChanged::AsItIs => Self::NothingToChange,
        }
    }
}

/// `application-invite`: its code is told once, to whoever submitted the order.
pub(super) fn invite(daemon: &Daemon, invited: &OfApplication) -> Result<Effect, NotObeyed> {
    let user = &invited.application;
    if remote::name(user).is_none() || daemon.registers.applications().named(user).is_none() {
        return Err(Refusal::NotRemote.into());
    }
    if daemon.registers.in_force().applications.document.is_none() {
        // Its certificate could not be confirmed.
        return Err(Refusal::ApplicationsNotImported.into());
    }
    if !daemon.gate.has_room(user) {
        return Err(NotObeyed::No(No::Busy));
    }
    let mut bytes = Zeroizing::new([0; SECRET_LEN]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice())
        .map_err(|_| NotObeyed::No(No::Unavailable(Unavailable::Ledger)))?;
    let secret = Secret::new(*bytes);
    let (invitation, gate) =
        daemon.gate.invitation(secret.clone()).ok_or(NotObeyed::No(No::Unavailable(Unavailable::NoGate)))?;
    let code = Code { secret, gate }.text();
    let done = json!({ "application": user, "code": code.as_str(), "gate": Fingerprint::from(gate).to_string() });
    let change = Change::Invite(user.clone(), Box::new(invitation));
    Ok(Effect { gate: Some(change), ..Effect::answer(done) })
}

/// `application-certificate`: the gate admits it from the order's trace on. It was proposed, or came by another way: what the
/// order names is what counts.
pub(super) async fn certificate(
    daemon: &Daemon,
    ordered: &Ordered,
    of: &OfCertificate,
) -> Result<Effect, NotObeyed> {
    let certificate = read(of)?;
    let effect = registers::certificate(daemon, ordered, of.application.clone(), certificate, true).await?;
    Ok(Effect { gate: Some(Change::Confirmed(of.application.clone(), certificate)), ..effect })
}

/// `application-certificate-revoke`: what is asked with it is refused from the order's trace on.
pub(super) async fn revoke(daemon: &Daemon, ordered: &Ordered, of: &OfCertificate) -> Result<Effect, NotObeyed> {
    registers::certificate(daemon, ordered, of.application.clone(), read(of)?, false).await
}

fn read(of: &OfCertificate) -> Result<Fingerprint, NotObeyed> {
    Fingerprint::parse(&of.certificate).ok_or_else(|| {
        let message =
            "une empreinte s'écrit sha256: et 64 chiffres hexadécimaux ; sceau applications enrolments la donne";
        NotObeyed::No(No::Malformed(Malformed::new("order.arguments.certificate", message)))
    })
}

/// `Enrolments`.
#[derive(Debug, Serialize)]
pub(super) struct Enrolments {
    enrolments: Vec<EnrolmentRow>,
}

/// What is proposed, in the interface's words.
pub(super) fn told(daemon: &Daemon) -> Enrolments {
    Enrolments { enrolments: daemon.gate.enrolments() }
}
