//! What each verb does: one function a verb, from a judged order to its effect.
//!
//! A function looks and prepares; it changes nothing. What it returns is carried out only once the order's trace is on the
//! disk: `then` in the same commit, the rest after it.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::Daemon;
use super::super::gate;
use super::super::registers::New;
use super::super::suspending::Changing;
use super::answer::{No, Unavailable};
use super::delivery::Document;
use super::{connectors, gate as certificates, privacy, registers, suspensions};
use crate::ledger::{Line, NotRecorded};
use crate::policy::clock::Verdict;
use crate::policy::connectors::Connectors;
use crate::policy::operator::Named;
use crate::policy::operators::{Operators, REGISTER};
use crate::policy::order::{Bootstrap, Command, KeyRenew, LedgerRestore, Ordered, Refusal, Revoke};
use crate::sys::clock;
use crate::traces::audit::FIRST_GENERATION;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Event, Mandate, Register};
use crate::traces::entry::word::Word;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;

/// The register that the counter's accepted number is told as.
const COUNTER: &str = "counter";

/// How far time may have been taken back by one person at a time before terms wait for two, in milliseconds: a day shortens a term of
/// years by nothing that matters, and is what a battery, a time zone or a bad answer of NTP cost.
const STEPPED_BACK_MAX_MS: u64 = 24 * 3_600_000;

/// What an order does.
#[must_use]
pub(in super::super) struct Effect {
    /// Lines that are written in the commit of the order's trace, behind it.
    pub(super) then: Vec<Line>,
    /// What is answered.
    pub(super) done: Value,
    /// The register of operators from now on.
    pub(super) change: Option<Operators>,
    /// The register of practitioners or of applications from now on.
    pub(super) register: Option<New>,
    /// The register of connectors from now on.
    pub(super) connectors: Option<Connectors>,
    /// What changes of invitations.
    pub(super) gate: Option<gate::Change>,
    /// Sessions that end with that register, by application: `then` has the line of each.
    pub(super) ended: Vec<(u32, Digest)>,
    /// It destroys whom the retention no longer keeps: decided in the commit of the order's trace.
    pub(super) purges: bool,
    /// What is delivered.
    pub(super) document: Option<Document>,
    /// What waits for the trace.
    pub(super) waiting: Option<Waiting>,
    /// A change of the register of suspensions, which waits for it too.
    pub(super) suspension: Option<Changing>,
}

/// What an order settles outside the ledger: begun before its trace is written, ended once it is or is not.
#[derive(Clone, Copy)]
pub(super) enum Waiting {
    /// The clock is right as it stands.
    Clock,
    /// The ledger follows the counter by this number.
    Counter(u64),
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
        let (then, change, register, connectors) = (Vec::new(), None, None, None);
        let (gate, document, waiting, suspension) = (None, None, None, None);
        let ended = Vec::new();
        Self {
            then,
            done,
            change,
            register,
            connectors,
            gate,
            ended,
            purges: false,
            document,
            waiting,
            suspension,
        }
    }
}

/// Prepares what an order does.
pub(super) async fn obey(
    daemon: &Daemon,
    operators: &Operators,
    ordered: &Ordered,
    document: Option<Zeroizing<Vec<u8>>>,
) -> Result<Effect, NotObeyed> {
    Ok(match ordered.command() {
        Command::OperatorsBootstrap(bootstrap) => operators_bootstrap(daemon, ordered, bootstrap)?,
        Command::OperatorAdd(named) => operator_add(operators, ordered, named)?,
        Command::OperatorRevoke(revoke) => operator_revoke(daemon, operators, ordered, revoke)?,
        Command::ClockAccept(_) => daemon.accept_clock()?,
        Command::CounterAccept(_) => daemon.accept_counter(ordered)?,
        // A term that begins or ends by a wrong clock destroys early.
        Command::TracesCloseDmp(_) | Command::TracesPurge(_) if daemon.clock_is_fit().is_err() => {
            return Err(NotObeyed::No(No::Unavailable(Unavailable::Clock)));
        }
        Command::TracesCloseDmp(_) | Command::TracesPurge(_)
            if daemon.stepped_back_ms()? > STEPPED_BACK_MAX_MS =>
        {
            return Err(NotObeyed::No(No::Unavailable(Unavailable::ClockUnconfirmed)));
        }
        Command::ClockConfirm(_) => daemon.confirm_clock()?,
        Command::TracesCloseDmp(close) => privacy::traces_close_dmp(daemon, ordered, close).await?,
        Command::TracesPurge(_) => privacy::traces_purge(),
        Command::TracesBackup(backup) => privacy::traces_backup(daemon, backup).await?,
        Command::TracesExport(export) => daemon.traces_export(ordered, export)?,
        Command::PractitionersImport(import) => {
            registers::practitioners_import(daemon, ordered, import, document).await?
        }
        Command::ApplicationsImport(import) => {
            registers::applications_import(daemon, ordered, import, document).await?
        }
        Command::AuthenticatorRevoke(revoke) => registers::authenticator_revoke(daemon, ordered, revoke).await?,
        Command::LedgerRestore(restore) => daemon.acknowledge(restore)?,
        Command::ConnectorAttach(attach) => connectors::connector_attach(daemon, ordered, attach)?,
        Command::ConnectorDetach(detach) => connectors::connector_detach(daemon, ordered, detach)?,
        Command::ModuleAttach(attach) => connectors::module_attach(daemon, ordered, attach)?,
        Command::ModuleDetach(detach) => connectors::module_detach(daemon, ordered, detach)?,
        Command::ApplicationInvite(invited) => certificates::invite(daemon, invited)?,
        Command::ApplicationCertificate(of) => certificates::certificate(daemon, ordered, of).await?,
        Command::ApplicationCertificateRevoke(of) => certificates::revoke(daemon, ordered, of).await?,
        Command::KeyRenew(renew) => key_renew(daemon, renew)?,
        Command::PractitionerSuspend(_) | Command::ApplicationSuspend(_) | Command::EstablishmentSuspend(_) => {
            suspensions::suspend(daemon, ordered).await?
        }
        Command::PractitionerResume(_) | Command::ApplicationResume(_) | Command::EstablishmentResume(_) => {
            suspensions::resume(daemon, ordered).await?
        }
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

/// `key-renew`: the key is made by the appliance's console, which hands the order in; here it is judged and written down.
fn key_renew(daemon: &Daemon, renew: &KeyRenew) -> Result<Effect, Refusal> {
    let certified = daemon.config.seals.iter().chain(&daemon.config.authentications);
    if certified.into_iter().all(|known| known.key.as_str() != renew.key) {
        return Err(Refusal::KeyUnknown);
    }
    Ok(Effect::answer(json!({ "key": renew.key })))
}

/// The register of operators from now on, in the ledger with the order's mandate.
fn register(operators: Operators, ordered: &Ordered) -> Effect {
    let content = operators.document();
    let digest = Digest::of(&[&content]);
    let event = changed(REGISTER, &content, ordered);
    let active = operators.all().iter().filter(|operator| operator.is_active()).count();
    Effect {
        then: vec![Line::register(event, REGISTER, content)],
        change: Some(operators),
        ..Effect::answer(json!({ "operators": active, "register": digest.to_string() }))
    }
}

/// The entry of a register's new content.
pub(super) fn changed(register: &str, content: &[u8], ordered: &Ordered) -> Event<PsIdNat, Patient> {
    let word = |text: &str| Word::parse(text).unwrap_or_else(Word::unknown);
    let mandate = Some(mandate(ordered));
    Event::Register(Register { register: word(register), content: Digest::of(&[content]), mandate })
}

/// On whose order something changes.
pub(super) fn mandate(ordered: &Ordered) -> Mandate {
    let actor = ordered.signers().first().and_then(|name| Word::parse(name)).unwrap_or_else(Word::unknown);
    Mandate { actor, order: ordered.order().digest }
}

impl Daemon {
    /// `clock-accept`: the clock is right although it jumped.
    fn accept_clock(&self) -> Result<Effect, Refusal> {
        match self.clock.verdict() {
            Verdict::Jumped { .. } | Verdict::Ahead { .. } => {
                let done = json!({ "time": clock::now().to_string() });
                Ok(Effect { waiting: Some(Waiting::Clock), ..Effect::answer(done) })
            }
            Verdict::Fit | Verdict::Unsynchronised { .. } => Err(Refusal::NothingToAccept),
        }
    }

    /// `clock-confirm`: the time is right, whoever set it; terms are counted by it again.
    fn confirm_clock(&self) -> Result<Effect, NotObeyed> {
        if self.clock_is_fit().is_err() {
            return Err(NotObeyed::No(No::Unavailable(Unavailable::Clock)));
        }
        match self.stepped_back_ms()? {
            0 => Err(Refusal::NothingToAccept.into()),
            by_ms => Ok(Effect::answer(json!({ "time": clock::now().to_string(), "stepped_back_ms": by_ms }))),
        }
    }

    /// How far time was taken back by one person at a time, and not confirmed.
    fn stepped_back_ms(&self) -> Result<u64, NotObeyed> {
        let read = self.ledger.reader().and_then(|reader| reader.stepped_back_ms());
        read.map_err(|error| {
            tracing::error!(%error, "the ledger was not read");
            NotObeyed::No(NotRecorded::Unavailable.into())
        })
    }

    /// `counter-accept`: the ledger is the right one although the counter says otherwise.
    fn accept_counter(&self, ordered: &Ordered) -> Result<Effect, NotObeyed> {
        let intent = match self.number_to_accept() {
            Ok(Some(intent)) => intent,
            Ok(None) => return Err(Refusal::NothingToAccept.into()),
            Err(error) => {
                tracing::error!(%error, "the counter does not answer");
                return Err(NotObeyed::No(NotRecorded::Unavailable.into()));
            }
        };
        let (number, generation) = (intent.to_string(), self.ledger.instance().generation.number() + 1);
        let event = changed(COUNTER, number.as_bytes(), ordered);
        let then = Line::counter(event, intent, Some(mandate(ordered)));
        Ok(Effect {
            then: then.into(),
            waiting: Some(Waiting::Counter(intent)),
            ..Effect::answer(json!({ "counter": number, "generation": generation }))
        })
    }

    /// `ledger-restore`: the restoration that began this generation is known to two persons; the order's trace says so.
    fn acknowledge(&self, restore: &LedgerRestore) -> Result<Effect, Refusal> {
        let generation = self.ledger.instance().generation.number();
        if generation == FIRST_GENERATION || restore.generation != generation.to_string() {
            return Err(Refusal::NothingToAccept);
        }
        Ok(Effect::answer(json!({ "generation": generation })))
    }

    /// Begins what waits for the trace.
    ///
    /// # Errors
    /// Nothing was begun.
    pub(super) fn begin(&self, waiting: Waiting) -> Result<(), No> {
        match waiting {
            // Entries take their time from the new clock from here on; nothing is issued before `settle`.
            Waiting::Clock => {
                self.outcomes.time_begins();
                self.clock.accept().map(|_| ()).map_err(|_| NotRecorded::Unavailable.into())
            }
            Waiting::Counter(_) => Ok(()),
        }
    }

    /// Ends what waited for the trace.
    pub(super) fn settle(&self, waiting: Waiting, recorded: bool) {
        match waiting {
            Waiting::Clock => {
                if recorded {
                    self.sessions.end_all();
                    self.maybe_spent.begins();
                }
                self.clock.accepted(recorded);
            }
            Waiting::Counter(intent) if recorded => {
                self.sessions.end_all();
                self.number_accepted(intent);
            }
            Waiting::Counter(_) => {}
        }
    }
}
