//! One thing to be written with what must be durable with it, and the proof that it was.

use super::memories;
use super::startup::in_force;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Alarm, Configuration, Event, Mandate, Register};
use crate::traces::entry::outcome::Outcome;
use crate::traces::entry::word::Word;
use crate::traces::restoration;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// What is written in one commit with an entry, because the entry alone does not say it.
#[derive(Clone, Debug)]
pub(super) enum Beside {
    Nothing,
    /// A session begins.
    SessionBegins {
        secret: Digest,
        uid: u32,
        ends: Instant,
        body: Vec<u8>,
    },
    /// A patient's DMP was closed.
    Closes {
        patient: Digest,
        at: Instant,
    },
    /// A session ends.
    SessionEnds {
        secret: Digest,
    },
    /// What the counter is to have reached from now on.
    Intent {
        intent: u64,
    },
    /// An order's id is spent; what it does to the ledger follows in the same commit.
    Ordered {
        mark: Digest,
        then: Vec<Line>,
    },
    /// What the entry tells is remembered in one word.
    Told {
        name: String,
        value: String,
    },
    /// The ledger goes on from an older copy: the writer knows which, and says so in the entry.
    Generation,
    /// A register has a new content.
    Register {
        name: &'static str,
        content: Vec<u8>,
    },
}

/// One entry to come.
#[derive(Clone, Debug)]
pub struct Line {
    pub(super) event: Event<PsIdNat, Patient>,
    /// The practitioner's chain where the event names nobody.
    pub(super) chain: Option<Digest>,
    pub(super) beside: Beside,
}

impl Line {
    /// A session that opens: hash of its secret, its application, its end, and what it is made again from.
    #[must_use]
    pub fn opened(event: Event<PsIdNat, Patient>, secret: Digest, uid: u32, ends: Instant, body: Vec<u8>) -> Self {
        Self { event, chain: None, beside: Beside::SessionBegins { secret, uid, ends, body } }
    }

    /// A session that its application closes; `chain` is the practitioner's, as the opening was answered.
    #[must_use]
    pub fn closed(event: Event<PsIdNat, Patient>, secret: Digest, chain: Digest) -> Self {
        Self { event, chain: Some(chain), beside: Beside::SessionEnds { secret } }
    }

    /// What became of the assertion of entry `of`.
    #[must_use]
    pub fn outcome(of: u64, outcome: Outcome, chain: Digest) -> Self {
        let event = Event::Outcome(crate::traces::entry::event::OutcomeOf { of, outcome });
        Self { event, chain: Some(chain), beside: Beside::Nothing }
    }

    /// The counter's number as two operators accept it: the ledger follows it from now on, every session ends, and a new
    /// generation begins, by the same order: what the counter had seen of the one before is not in this one.
    #[must_use]
    pub fn counter(event: Event<PsIdNat, Patient>, intent: u64, mandate: Option<Mandate>) -> [Self; 2] {
        [Self { event, chain: None, beside: Beside::Intent { intent } }, Self::generation(mandate)]
    }

    /// Whether something new begins with it, which a disk without room is not the place for.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.event, Event::Issued(_) | Event::SessionOpened(_))
    }

    /// An order whose id is spent (`mark`), with what it does to the ledger: all of it is in one commit.
    #[must_use]
    pub fn ordered(event: Event<PsIdNat, Patient>, mark: Digest, then: Vec<Self>) -> Self {
        Self { event, chain: None, beside: Beside::Ordered { mark, then } }
    }

    /// A register's new content, whose digest the event has.
    #[must_use]
    pub fn register(event: Event<PsIdNat, Patient>, name: &'static str, content: Vec<u8>) -> Self {
        Self { event, chain: None, beside: Beside::Register { name, content } }
    }

    /// Another configuration or convention that comes into force with this entry.
    #[must_use]
    pub fn configuration(configuration: Configuration) -> Self {
        let beside = in_force(configuration.configuration, configuration.convention);
        Self { event: Event::Configuration(configuration), chain: None, beside }
    }

    /// Other bytes of a register's file, in force with this entry and told anew by no start that finds the same; `content` is
    /// their hash, keyed where they name people.
    #[must_use]
    pub fn file(register: Word, content: Digest) -> Self {
        let name = format!("{}{register}", memories::FILE);
        let beside = Beside::Told { name, value: content.to_string() };
        Self { event: Event::Register(Register { register, content, mandate: None }), chain: None, beside }
    }

    /// The declaration of a new generation, by whose order if by one's.
    pub(super) fn generation(mandate: Option<Mandate>) -> Self {
        let register = Word::parse(restoration::REGISTER).unwrap_or_else(Word::unknown);
        let event = Event::Register(Register { register, content: Digest::default(), mandate });
        Self { event, chain: None, beside: Beside::Generation }
    }

    /// What tells that the DMP of the patient of that lookup is closed: the term of its traces begins at `at`.
    #[must_use]
    pub fn closes(event: Event<PsIdNat, Patient>, patient: Digest, at: Instant) -> Self {
        Self { event, chain: None, beside: Beside::Closes { patient, at } }
    }

    /// An alarm of the volume guard; `chain` is the practitioner's, if it is one's.
    #[must_use]
    pub fn alarm(alarm: Alarm, chain: Option<Digest>) -> Self {
        Self { event: Event::Alarm(alarm), chain, beside: Beside::Nothing }
    }

    /// What needs nothing beside its entry: an assertion that is about to be sealed and a refusal, whose nonces the entry has;
    /// starts, stops, changes.
    #[must_use]
    pub fn plain(event: Event<PsIdNat, Patient>) -> Self {
        Self { event, chain: None, beside: Beside::Nothing }
    }
}

/// Where a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its index.
    pub index: u64,
    /// The practitioner's chain that it belongs to.
    pub chain: Option<Digest>,
}

/// Proof that the trace of `T` is on the disk; made by [`super::Ledger::record`] alone, spent by sealing.
#[derive(Debug)]
#[must_use]
pub struct Recorded<T> {
    payload: T,
    written: Written,
}

impl<T> Recorded<T> {
    pub(super) fn new(payload: T, written: Written) -> Self {
        Self { payload, written }
    }

    /// What was recorded.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// Where.
    #[must_use]
    pub fn written(&self) -> Written {
        self.written
    }
}
