//! What one entry changes in the views: the same whether it was just written or is read again.

use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::traces::entry::evidence::Evidence;
use crate::traces::entry::outcome::Outcome;
use crate::traces::entry::word::Word;
use crate::traces::entry::{Entry, Head, Link};
use crate::vihf::instant::Instant;

/// What the proofs of all applications are kept under, among the nonces of each: a proof opens one session, whoever asks.
///
/// No Unix user has a colon in its name (passwd(5)).
pub const SPENT_PROOFS: &str = "proof:";

fn proof(evidence: Evidence) -> Option<(Word, Digest)> {
    match evidence {
        Evidence::Proof(mark) => Some((Word::parse(SPENT_PROOFS)?, mark)),
        Evidence::Declared | Evidence::None => None,
    }
}

/// One entry, as the views see it.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) index: u64,
    pub(super) time: Instant,
    /// The leaf's hash.
    pub(super) hash: Digest,
    pub(super) link: Option<Link>,
    /// Application and mark of a nonce that it spends, or [`SPENT_PROOFS`] and the mark of a proof of login.
    pub(super) spent: Option<(Word, Digest)>,
    /// Number of the patient's data key.
    pub(super) patient: Option<u64>,
    pub(super) course: Course,
}

/// What it says of an assertion.
#[derive(Debug)]
pub(super) enum Course {
    Nothing,
    /// One is under way.
    Issued {
        expires: Instant,
    },
    /// A new time begins: ends that were told by the old one mean nothing.
    TimeBegins,
    /// What became of one.
    Outcome {
        of: u64,
        outcome: Outcome,
    },
}

impl Change {
    /// Of an entry whose leaf has this hash.
    pub(super) fn of(entry: Entry, hash: Digest) -> Self {
        let Entry { index, time, link, event, .. } = entry;
        let patient = event.patient().map(|patient| patient.identity.key);
        let begins_time = event.begins_time();
        let (spent, course) = match event {
            Event::Issued(issued) => {
                (Some((issued.setting.application, issued.nonce)), Course::Issued { expires: issued.expires })
            }
            Event::Refused(refused) => (refused.nonce.map(|nonce| (refused.application, nonce)), Course::Nothing),
            Event::SessionOpened(opened) => (proof(opened.setting.evidence), Course::Nothing),
            Event::Outcome(outcome) => (None, Course::Outcome { of: outcome.of, outcome: outcome.outcome }),
            _ if begins_time => (None, Course::TimeBegins),
            _ => (None, Course::Nothing),
        };
        Self { index, time, hash, link, spent, patient, course }
    }

    /// The practitioner's chain and its new end.
    pub(super) fn head(&self) -> Option<(Digest, Head)> {
        self.link.map(|link| (link.practitioner, link.head(self.index)))
    }
}
