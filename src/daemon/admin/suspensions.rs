//! The orders that suspend and resume, and what operators are told of suspensions and alarms.

use serde::Serialize;
use serde_json::json;

use super::super::Daemon;
use super::super::suspending::named;
use super::answer::No;
use super::obey::{Effect, NotObeyed, changed};
use crate::ledger::Line;
use crate::policy::denial::Malformed;
use crate::policy::order::{Command, OfApplication, OfPractitioner, Ordered, Refusal};
use crate::policy::suspensions::{Cause, Change, REGISTER, Suspended, Suspension};
use crate::traces::digest::Digest;
use crate::vihf::identity::PsIdNat;

/// `…-suspend`: nothing is issued from the order's trace on. Somebody that no register knows is perhaps a slip of the pen.
pub(super) async fn suspend(daemon: &Daemon, ordered: &Ordered) -> Result<Effect, NotObeyed> {
    let who = match ordered.command() {
        Command::PractitionerSuspend(of) => {
            let id = practitioner(of)?;
            if daemon.registers.practitioners().get(&id).is_none() {
                return Err(Refusal::SubjectUnknown.into());
            }
            Suspended::Practitioner(daemon.suspending.lookup().practitioner(&id))
        }
        Command::ApplicationSuspend(OfApplication { application }) => {
            if daemon.registers.applications().named(application).is_none() {
                return Err(Refusal::SubjectUnknown.into());
            }
            Suspended::Application(application.clone())
        }
        _ => Suspended::Establishment,
    };
    if daemon.suspending.in_force().has(&who) {
        return Err(Refusal::AlreadySuspended.into());
    }
    let suspension = Suspension { since: ordered.at(), cause: Cause::Order };
    Ok(effect(daemon, ordered, Change::Suspend { who, suspension }).await)
}

/// `…-resume`: issuing goes on, with the whole budget. Who left the registers in the meantime is resumed as well.
pub(super) async fn resume(daemon: &Daemon, ordered: &Ordered) -> Result<Effect, NotObeyed> {
    let who = match ordered.command() {
        Command::PractitionerResume(of) => {
            Suspended::Practitioner(daemon.suspending.lookup().practitioner(&practitioner(of)?))
        }
        Command::ApplicationResume(OfApplication { application }) => Suspended::Application(application.clone()),
        _ => Suspended::Establishment,
    };
    if !daemon.suspending.in_force().has(&who) {
        return Err(Refusal::NotSuspended.into());
    }
    let change = Change::Resume { who, at: ordered.at(), before: daemon.ledger.size() };
    Ok(effect(daemon, ordered, change).await)
}

async fn effect(daemon: &Daemon, ordered: &Ordered, change: Change) -> Effect {
    let changing = daemon.suspending.change(change).await;
    let content = changing.next().document();
    let event = changed(REGISTER, &content, ordered);
    let (suspended, register) = (changing.next().all().count(), Digest::of(&[&content]).to_string());
    Effect {
        then: vec![Line::register(event, REGISTER, content)],
        suspension: Some(changing),
        ..Effect::answer(json!({ "suspended": suspended, "register": register }))
    }
}

fn practitioner(of: &OfPractitioner) -> Result<PsIdNat, NotObeyed> {
    PsIdNat::parse(of.practitioner.trim()).map_err(|cause| {
        let message = format!("identifiant national : {cause} ; donnez celui du registre des professionnels");
        NotObeyed::No(No::Malformed(Malformed::new("order.arguments.practitioner", message)))
    })
}

/// `Suspensions`.
#[derive(Debug, Serialize)]
pub(super) struct Watched {
    suspensions: Vec<Row>,
    alarms: Vec<Row>,
}

/// One that is suspended, or has reached an alarm level.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    practitioner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

impl Daemon {
    /// Who is suspended, and who has reached an alarm level.
    pub(super) fn watched(&self) -> Watched {
        let register = self.suspending.in_force().clone();
        let suspended = register
            .all()
            .map(|(who, suspension)| self.row(who, suspension.cause.name(), Some(suspension.since.to_string())));
        let (alarms, applications) = (self.volumes.alarms(), self.registers.applications());
        let alarms = alarms.iter().filter_map(|reached| {
            let who = named(reached.subject, &applications)?;
            Some(self.row(&who, reached.measure.name(), None))
        });
        Watched { suspensions: suspended.collect(), alarms: alarms.collect() }
    }

    fn row(&self, who: &Suspended, cause: &'static str, since: Option<String>) -> Row {
        let practitioner = match who {
            Suspended::Practitioner(lookup) => {
                self.registers.in_force().names.get(lookup).map(|id| id.as_str().to_owned())
            }
            _ => None,
        };
        let application = match who {
            Suspended::Application(user) => Some(user.clone()),
            _ => None,
        };
        Row { kind: who.kind(), practitioner, application, cause, since }
    }
}
