//! One thing to be written with everything that must be durable with it, and the proof that it was.

use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// A nonce that is used, whatever became of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce {
    /// Unix user of the application.
    pub uid: u32,
    /// SHA-256 of application and nonce.
    pub mark: Digest,
    /// From then on no session of its time can live.
    pub until: Instant,
}

/// A session that survives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of its secret.
    pub secret: Digest,
    /// Unix user of the application.
    pub uid: u32,
    /// The entry that opened it.
    pub entry: u64,
    /// The practitioner's chain.
    pub chain: Digest,
    /// When it ends.
    pub ends: Instant,
    /// What it was opened with, in the daemon's own form; encrypted on the disk.
    pub body: Vec<u8>,
}

/// What is written in one commit with an entry.
#[derive(Clone, Debug)]
pub(super) enum Beside {
    Nothing,
    /// An assertion is under way until its outcome.
    Pending {
        expires: Instant,
    },
    /// A session begins.
    SessionBegins {
        secret: Digest,
        uid: u32,
        ends: Instant,
        body: Vec<u8>,
    },
    /// A session ends.
    SessionEnds {
        secret: Digest,
    },
    /// An assertion has its outcome.
    Settled {
        of: u64,
    },
}

/// One entry to come.
#[derive(Clone, Debug)]
pub struct Line {
    pub(super) event: Event<PsIdNat, Patient>,
    /// The practitioner's chain where the event names nobody.
    pub(super) chain: Option<Digest>,
    pub(super) nonce: Option<Nonce>,
    pub(super) beside: Beside,
}

impl Line {
    /// An assertion that is about to be sealed, with the nonce that it spends; `expires` is its NotOnOrAfter.
    #[must_use]
    pub fn issued(event: Event<PsIdNat, Patient>, nonce: Nonce, expires: Instant) -> Self {
        Self { event, chain: None, nonce: Some(nonce), beside: Beside::Pending { expires } }
    }

    /// A refusal, with the nonce that it used, if it had got so far; `chain`: see [`Line::closed`].
    #[must_use]
    pub fn refused(event: Event<PsIdNat, Patient>, nonce: Option<Nonce>) -> Self {
        Self { event, chain: None, nonce, beside: Beside::Nothing }
    }

    /// A session that opens: hash of its secret, its application, its end, and what it is made again from.
    #[must_use]
    pub fn opened(event: Event<PsIdNat, Patient>, secret: Digest, uid: u32, ends: Instant, body: Vec<u8>) -> Self {
        Self { event, chain: None, nonce: None, beside: Beside::SessionBegins { secret, uid, ends, body } }
    }

    /// A session that its application closes; `chain` is the practitioner's, as the opening was answered.
    #[must_use]
    pub fn closed(event: Event<PsIdNat, Patient>, secret: Digest, chain: Digest) -> Self {
        Self { event, chain: Some(chain), nonce: None, beside: Beside::SessionEnds { secret } }
    }

    /// What became of the assertion of entry `of`.
    #[must_use]
    pub fn outcome(of: u64, outcome: Outcome, chain: Digest) -> Self {
        let event = Event::Outcome(crate::traces::entry::event::OutcomeOf { of, outcome });
        Self { event, chain: Some(chain), nonce: None, beside: Beside::Settled { of } }
    }

    /// What speaks of nobody: starts, stops, changes.
    #[must_use]
    pub fn plain(event: Event<PsIdNat, Patient>) -> Self {
        Self { event, chain: None, nonce: None, beside: Beside::Nothing }
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
