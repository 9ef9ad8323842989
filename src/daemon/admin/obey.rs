//! What each verb does: one function a verb, from a judged order to its effect.
//!
//! A function looks and prepares; it changes nothing. What it returns is carried out only once the order's trace is on the
//! disk: `then` in the same commit, the rest after it.

use serde_json::{Value, json};

use super::super::Daemon;
use super::answer::No;
use super::delivery::Document;
use super::privacy;
use crate::ledger::Line;
use crate::policy::operator::Named;
use crate::policy::operators::{Operators, REGISTER};
use crate::policy::order::{Bootstrap, Command, Ordered, Refusal, Revoke};
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Event, Mandate, Register};
use crate::traces::entry::word::Word;

/// What an order does.
#[must_use]
pub(in super::super) struct Effect {
    /// Lines that are written in the commit of the order's trace, behind it.
    pub(super) then: Vec<Line>,
    /// What is answered.
    pub(super) done: Value,
    /// The register of operators from now on.
    pub(super) change: Option<Operators>,
    /// It destroys whom the retention no longer keeps: decided in the commit of the order's trace.
    pub(super) purges: bool,
    /// What is delivered.
    pub(super) document: Option<Document>,
}

/// Why an order that was to be obeyed was not.
pub(in super::super) enum NotObeyed {
    /// Refused for good: recorded, and the order is used up.
    Refused(Refusal),
    /// Not now: nothing is recorded, and the same order may be submitted again.
    No(No),
}

impl From<Refusal> for NotObeyed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Effect {
    /// Nothing but an answer.
    pub(in super::super) fn answer(done: Value) -> Self {
        Self { then: Vec::new(), done, change: None, purges: false, document: None }
    }
}

/// Prepares what an order does.
pub(super) async fn obey(daemon: &Daemon, operators: &Operators, ordered: &Ordered) -> Result<Effect, NotObeyed> {
    Ok(match ordered.command() {
        Command::OperatorsBootstrap(bootstrap) => operators_bootstrap(daemon, ordered, bootstrap)?,
        Command::OperatorAdd(named) => operator_add(operators, ordered, named)?,
        Command::OperatorRevoke(revoke) => operator_revoke(daemon, operators, ordered, revoke)?,
        Command::ClockAccept(_) => daemon.accept_clock(ordered)?,
        Command::CounterAccept(_) => daemon.accept_counter(ordered)?,
        Command::TracesCloseDmp(close) => privacy::traces_close_dmp(daemon, ordered, close).await?,
        Command::TracesPurge(_) => privacy::traces_purge(),
        Command::TracesBackup(backup) => privacy::traces_backup(daemon, backup).await?,
        Command::TracesExport(_)
        | Command::LedgerRestore(_)
        | Command::EstablishmentSuspend(_)
        | Command::EstablishmentResume(_) => return Err(Refusal::VerbNotServed.into()),
    })
}

fn operators_bootstrap(daemon: &Daemon, ordered: &Ordered, bootstrap: &Bootstrap) -> Result<Effect, Refusal> {
    let operators = Operators::first(&bootstrap.operators, ordered.at(), !daemon.config.is_test())?;
    Ok(register(operators, ordered))
}

fn operator_add(operators: &Operators, ordered: &Ordered, named: &Named) -> Result<Effect, Refusal> {
    Ok(register(operators.with(named, ordered.at())?, ordered))
}

fn operator_revoke(
    daemon: &Daemon,
    operators: &Operators,
    ordered: &Ordered,
    revoke: &Revoke,
) -> Result<Effect, Refusal> {
    let operators = operators.without(&revoke.name, ordered.at(), !daemon.config.is_test())?;
    Ok(register(operators, ordered))
}

/// The register of operators from now on, in the ledger with the order's mandate.
fn register(operators: Operators, ordered: &Ordered) -> Effect {
    let word = |text: &str| Word::parse(text).unwrap_or_else(Word::unknown);
    let content = operators.document();
    let digest = Digest::of(&[&content]);
    let actor = ordered.signers().first().map_or_else(Word::unknown, |name| word(name));
    let mandate = Some(Mandate { actor, order: ordered.order().digest });
    let event = Event::Register(Register { register: word(REGISTER), content: digest, mandate });
    let active = operators.all().iter().filter(|operator| operator.is_active()).count();
    Effect {
        then: vec![Line::register(event, REGISTER, content)],
        change: Some(operators),
        ..Effect::answer(json!({ "operators": active, "register": digest.to_string() }))
    }
}

impl Daemon {
    /// `clock-accept`: the clock is right although it jumped.
    fn accept_clock(&self, _: &Ordered) -> Result<Effect, Refusal> {
        Err(Refusal::NothingToAccept)
    }

    /// `counter-accept`: the ledger is the right one although the counter says otherwise.
    fn accept_counter(&self, _: &Ordered) -> Result<Effect, Refusal> {
        Err(Refusal::NothingToAccept)
    }
}
