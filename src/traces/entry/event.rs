//! What happened, each kind with the facts that it needs.
//!
//! `P` is the practitioner and `S` the patient: clear in what the daemon knows, sealed in what is written.

use super::evidence::Evidence;
use super::kind::Kind;
use super::outcome::Outcome;
use super::word::Word;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// Most signers of one order: two-person orders need two, the bootstrap of the operators is signed by up to five.
pub const ACTORS_MAX: usize = 5;

/// Verb of the order by which a new time begins: its entry alone may be older than its predecessor.
pub const CLOCK_ACCEPT: &str = "clock-accept";

/// Verb of the order of two by which the time is right, whoever set it.
pub const CLOCK_CONFIRM: &str = "clock-confirm";

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kinds are told in kind.rs")]
pub enum Event<P, S> {
    Issued(Box<Issued<P, S>>),
    Refused(Box<Refused<P, S>>),
    SessionOpened(Box<SessionOpened<P>>),
    SessionClosed(SessionClosed),
    Order(Order),
    Configuration(Configuration),
    Register(Register),
    Start(Start),
    Stop,
    Outcome(OutcomeOf),
    Alarm(Alarm),
}

/// Under which circumstances a practitioner acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<P> {
    /// The application, as its register names it.
    pub application: Word,
    /// Who acts.
    pub practitioner: P,
    /// Service.
    pub service: Word,
    /// Struct_IdNat.
    pub structure: Word,
    /// Channel code.
    pub channel: Word,
    /// Profile name.
    pub profile: Word,
    /// AuthnContextDecl; none where the profile needs no authentication.
    pub method: Option<Word>,
    /// What was shown for the login.
    pub evidence: Evidence,
    /// The login that counts for the assertion.
    pub login: Option<Instant>,
    /// For a contactless reading, when the card was read with its PIN.
    pub initial_login: Option<Instant>,
    /// SHA-256 of the configuration in force.
    pub configuration: Digest,
    /// SHA-256 of the convention in force.
    pub convention: Digest,
}

/// An assertion that is about to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued<P, S> {
    /// Circumstances.
    pub setting: Setting<P>,
    /// Index of the entry that opened the session.
    pub session: u64,
    /// SHA-256 of application and nonce: from it the memory of nonces can be made again.
    pub nonce: Digest,
    /// Transaction (TD).
    pub transaction: Word,
    /// Purpose of use.
    pub purpose: Word,
    /// Whose record, if the transaction has one.
    pub patient: Option<S>,
    /// A minor's care that the legal guardians shall not see.
    pub invisible_to_guardians: bool,
    /// The assertion's `@ID`.
    pub assertion_id: Word,
    /// SHA-256 of the canonical assertion without its signature: the `DigestValue` that is about to be signed. It is
    /// known before the seal, and whoever holds the assertion finds it there.
    pub assertion: Digest,
    /// SHA-256 of the sealing certificate's DER.
    pub certificate: Digest,
    /// Where the sealing key is kept, if that is no token (`policy::keyring`).
    pub keyring: Option<Word>,
    /// NotOnOrAfter: from then on the assertion is worth nothing.
    pub expires: Instant,
}

/// A request that was refused; what was not known at that point is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of Setting and Issued")]
pub struct Refused<P, S> {
    pub application: Word,
    /// The contract's `reason`, or `replayed`.
    pub reason: Word,
    /// How many requests alike this entry stands for, at least 1: a flood is counted, not listed.
    pub count: u64,
    /// When the first of them came; the entry's time is the last one's. None for a single one.
    pub since: Option<Instant>,
    pub practitioner: Option<P>,
    pub service: Option<Word>,
    pub structure: Option<Word>,
    pub channel: Option<Word>,
    pub profile: Option<Word>,
    pub method: Option<Word>,
    pub evidence: Option<Evidence>,
    pub login: Option<Instant>,
    pub initial_login: Option<Instant>,
    pub session: Option<u64>,
    pub nonce: Option<Digest>,
    pub transaction: Option<Word>,
    pub purpose: Option<Word>,
    pub patient: Option<S>,
    pub configuration: Digest,
    pub convention: Digest,
}

/// A session that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOpened<P> {
    /// Circumstances.
    pub setting: Setting<P>,
    /// When the session ends by itself.
    pub expires: Instant,
}

/// A session that was closed by its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClosed {
    /// The application.
    pub application: Word,
    /// Index of the entry that opened it.
    pub session: u64,
}

/// An operator's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What was ordered, for instance `traces-purge`.
    pub verb: Word,
    /// Who signed: 1 to [`ACTORS_MAX`]. [`Word::unknown`] alone where no signature of a refused order was right.
    pub actors: Vec<Word>,
    /// SHA-256 of the signed order.
    pub order: Digest,
    /// Why it was refused; none if it was done.
    pub refused: Option<Word>,
}

/// The order that asks for an archive.
pub const TRACES_EXPORT: &str = "traces-export";

/// On whose order something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Who signed.
    pub actor: Word,
    /// SHA-256 of the signed order.
    pub order: Digest,
}

/// A configuration or convention that came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// SHA-256 of the configuration.
    pub configuration: Digest,
    /// SHA-256 of the convention.
    pub convention: Digest,
    /// On whose order; none if it was found changed at a start.
    pub mandate: Option<Mandate>,
}

/// A register's new content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Which register.
    pub register: Word,
    /// SHA-256 of the content.
    pub content: Digest,
    /// On whose order; none if it was found changed at a start.
    pub mandate: Option<Mandate>,
}

/// A start of `sceaud`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Version of the software.
    pub software: Word,
    /// SHA-256 of the configuration in force.
    pub configuration: Digest,
    /// SHA-256 of the convention in force.
    pub convention: Digest,
}

/// What became of an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeOf {
    /// Index of its `issued` entry.
    pub of: u64,
    /// The outcome.
    pub outcome: Outcome,
}

/// Somebody reached an alarm level of the volume guard. A practitioner is who the entry's link is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Whose volume: [`OF_PRACTITIONER`], `application` or `establishment`.
    pub subject: Word,
    /// What was measured: `tokens` or `patients`.
    pub measure: Word,
    /// The application, if it is one's.
    pub application: Option<Word>,
}

/// The subject of an alarm that is a practitioner's.
pub const OF_PRACTITIONER: &str = "practitioner";

impl<P, S> Event<P, S> {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Issued(_) => Kind::Issued,
            Self::Refused(_) => Kind::Refused,
            Self::SessionOpened(_) => Kind::SessionOpened,
            Self::SessionClosed(_) => Kind::SessionClosed,
            Self::Order(_) => Kind::Order,
            Self::Configuration(_) => Kind::Configuration,
            Self::Register(_) => Kind::Register,
            Self::Start(_) => Kind::Start,
            Self::Stop => Kind::Stop,
            Self::Outcome(_) => Kind::Outcome,
            Self::Alarm(_) => Kind::Alarm,
        }
    }

    /// Whether a new time begins with it: an order, done, by which the clock is right as it stands.
    #[must_use]
    pub fn begins_time(&self) -> bool {
        matches!(self, Self::Order(order) if order.verb.as_str() == CLOCK_ACCEPT && order.refused.is_none())
    }

    /// Whether two persons confirm the time with it.
    #[must_use]
    pub fn confirms_time(&self) -> bool {
        matches!(self, Self::Order(order) if order.verb.as_str() == CLOCK_CONFIRM && order.refused.is_none())
    }

    /// Whether an event of a kind that is sometimes linked is of a practitioner.
    #[must_use]
    pub fn is_of_practitioner(&self) -> bool {
        match self {
            Self::Alarm(alarm) => alarm.subject.as_str() == OF_PRACTITIONER,
            _ => self.practitioner().is_some(),
        }
    }

    /// The practitioner, where the event itself names one.
    #[must_use]
    pub fn practitioner(&self) -> Option<&P> {
        match self {
            Self::Issued(issued) => Some(&issued.setting.practitioner),
            Self::Refused(refused) => refused.practitioner.as_ref(),
            Self::SessionOpened(opened) => Some(&opened.setting.practitioner),
            _ => None,
        }
    }

    /// The patient, where the event names one.
    #[must_use]
    pub fn patient(&self) -> Option<&S> {
        match self {
            Self::Issued(issued) => issued.patient.as_ref(),
            Self::Refused(refused) => refused.patient.as_ref(),
            _ => None,
        }
    }
}
