//! What is remembered of the PINs that a token did not take, and how long each must wait; no file and no clock here.
//!
//! The record of a PIN is a random salt, SHA-256(salt ‖ PIN), the unclear failures so far and the time of the last try.
//! Several PINs are remembered side by side: two keys of one token may have two wrong PIN files, and each must not
//! free the other's.

use std::io;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;

use super::pin::Pin;

/// Before a PIN is tried again after a login that failed without a clear cause: some modules say so of a wrong PIN, and
/// the token counts.
pub(super) const UNCLEAR_WAIT_MIN: Duration = Duration::from_secs(30);
/// The wait doubles up to this: at most four tries an hour, less than what any token's lockout forgives.
pub(super) const UNCLEAR_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// The same after the first such failure of a PIN that the token has taken since the machine's start: a process that was
/// killed, or a device that was gone amid the login, is likelier than a PIN that was changed meanwhile.
pub(super) const VOUCHED_WAIT: Duration = Duration::from_secs(1);
/// PINs remembered of one token; more wrong PINs than a token forgives, so no token that is still usable has as many.
pub(super) const RECORDS_MAX: usize = 32;

const SALT_LEN: usize = 16;
const DIGEST_LEN: usize = 32;
const TRACE_LEN: usize = SALT_LEN + DIGEST_LEN;
/// Salt, digest, failures (4 octets) and time (8 octets), big-endian.
const RECORD_LEN: usize = TRACE_LEN + 4 + 8;
/// In place of the number of failures: the token said that the PIN is wrong.
const REFUSED: u32 = u32::MAX;

/// Whether a PIN may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing stands against it.
    Free,
    /// The token refused it, or the memory cannot be understood.
    Refused,
    /// The last try failed without a clear cause, less than its wait ago.
    Wait,
    /// It is unknown and there is no room to remember it.
    Full,
}

/// The records of one token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PinRecords(Vec<Record>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    trace: Trace,
    failures: u32,
    /// Milliseconds since 1970: it must outlive the process and the system's start.
    tried_ms: u64,
}

impl PinRecords {
    /// Reads [`PinRecords::to_bytes`]; `None`: not understood, and whoever does not understand must not try.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (records, rest) = bytes.as_chunks::<RECORD_LEN>();
        let whole = rest.is_empty() && !records.is_empty();
        whole.then(|| records.iter().map(Record::parse).collect::<Option<_>>().map(Self))?
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let octets = |r: &Record| {
            [&r.trace.to_bytes()[..], &r.failures.to_be_bytes()[..], &r.tried_ms.to_be_bytes()[..]].concat()
        };
        self.0.iter().flat_map(octets).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `pin` may be tried at `now_ms`; `vouched`: the token has taken it since the machine's start.
    pub(super) fn verdict(&self, pin: &Pin, now_ms: u64, vouched: bool) -> Verdict {
        match self.of(pin) {
            None if self.0.len() >= RECORDS_MAX => Verdict::Full,
            None => Verdict::Free,
            Some(record) if record.failures == REFUSED => Verdict::Refused,
            Some(record) if now_ms.saturating_sub(record.tried_ms) < millis(record.wait(vouched)) => Verdict::Wait,
            Some(_) => Verdict::Free,
        }
    }

    /// How long `pin` waits after its last try.
    pub(super) fn wait(&self, pin: &Pin, vouched: bool) -> Duration {
        self.of(pin).map_or(Duration::ZERO, |record| record.wait(vouched))
    }

    /// These, with one more try of `pin` that failed without a clear cause.
    pub(super) fn with_unclear(&self, pin: &Pin, now_ms: u64) -> io::Result<Self> {
        let before = self.of(pin).map_or(0, |record| record.failures);
        self.with(pin, before.saturating_add(1).min(REFUSED - 1), now_ms)
    }

    /// These, with `pin` refused.
    pub(super) fn with_refusal(&self, pin: &Pin, now_ms: u64) -> io::Result<Self> {
        self.with(pin, REFUSED, now_ms)
    }

    /// These without `pin`.
    pub(super) fn without(&self, pin: &Pin) -> Self {
        Self(self.0.iter().filter(|record| !record.trace.is_of(pin)).copied().collect())
    }

    /// These with no try in the future of `now_ms`, if there is one: after a clock was set back the wait begins anew.
    pub(super) fn rewound(&self, now_ms: u64) -> Option<Self> {
        let rewind = |record: &Record| Record { tried_ms: record.tried_ms.min(now_ms), ..*record };
        let rewound = Self(self.0.iter().map(rewind).collect());
        (rewound != *self).then_some(rewound)
    }

    fn with(&self, pin: &Pin, failures: u32, tried_ms: u64) -> io::Result<Self> {
        let mut records = self.without(pin);
        records.0.push(Record { trace: Trace::of(pin)?, failures, tried_ms });
        Ok(records)
    }

    fn of(&self, pin: &Pin) -> Option<&Record> {
        self.0.iter().find(|record| record.trace.is_of(pin))
    }
}

impl Record {
    fn parse(bytes: &[u8; RECORD_LEN]) -> Option<Self> {
        let (trace, rest) = bytes.split_first_chunk::<TRACE_LEN>()?;
        let (failures, rest) = rest.split_first_chunk()?;
        let (failures, tried_ms) = (u32::from_be_bytes(*failures), u64::from_be_bytes(*rest.first_chunk()?));
        (failures > 0).then_some(Self { trace: Trace::parse(trace)?, failures, tried_ms })
    }

    fn wait(&self, vouched: bool) -> Duration {
        let doublings = match (self.failures, vouched) {
            (1, true) => return VOUCHED_WAIT,
            (failures, _) => failures.saturating_sub(1 + u32::from(vouched)).min(16),
        };
        (UNCLEAR_WAIT_MIN * (1 << doublings)).min(UNCLEAR_WAIT_MAX)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A PIN as it is remembered: a random salt, and SHA-256(salt ‖ PIN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    salt: [u8; SALT_LEN],
    digest: [u8; DIGEST_LEN],
}

impl Trace {
    /// A new one of `pin`.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn of(pin: &Pin) -> io::Result<Self> {
        let mut salt = [0; SALT_LEN];
        rand::fill(&mut salt).map_err(|_| io::Error::other("no random bytes"))?;
        Ok(Self { salt, digest: digest(&salt, pin) })
    }

    /// Reads [`Trace::to_bytes`], and no byte more.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (salt, rest) = bytes.split_first_chunk()?;
        Some(Self { salt: *salt, digest: *<&[u8; DIGEST_LEN]>::try_from(rest).ok()? })
    }

    /// Salt, then digest.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&self.salt[..], &self.digest[..]].concat()
    }

    /// Whether it is of that PIN.
    pub(super) fn is_of(&self, pin: &Pin) -> bool {
        verify_slices_are_equal(&digest(&self.salt, pin), &self.digest).is_ok()
    }
}

fn digest(salt: &[u8], pin: &Pin) -> [u8; DIGEST_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(pin.expose());
    let mut out = [0; DIGEST_LEN];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
#[path = "pin_record_tests.rs"]
mod tests;
