//! A number outside the ledger that only grows: it tells the newest ledger from an older copy of it.
//!
//! The ledger says which number it is about to make the counter reach (the intent), makes that durable, and increments. A
//! power cut between the two leaves a counter that is one short, and the next start makes it good: `intent` and
//! `intent - 1` are both the newest ledger's. Any other number is not: a copy of before an increment says less than the
//! counter, a counter that was reset says less than the ledger. What was written since the last increment can be taken
//! away unseen; [`super::Ledger`]'s owner increments at each start, each stop and each hour between.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::NotRecorded;
use crate::sys::durable;

/// The counter does not answer.
#[derive(Debug, Error)]
pub enum CounterError {
    /// The system refuses its file or device.
    #[error("the counter cannot be read or raised")]
    System(#[from] io::Error),
    /// What it says is no number.
    #[error("the counter holds no number")]
    Unreadable,
    /// Whoever keeps it does not tell it or raise it.
    #[error("the counter's keeper refuses: {0}")]
    Refused(String),
}

/// A number that only grows and outlives the ledger's disk. A TPM's NV counter is one.
pub trait Counter: fmt::Debug + Send {
    /// What it says; 0: it was never raised.
    ///
    /// # Errors
    /// [`CounterError`].
    fn read(&mut self) -> Result<u64, CounterError>;

    /// Raises it by one, and what it says then. After `Ok` that is durable.
    ///
    /// Raised for the first time it may say any number: a TPM's counter begins above every one that was removed from it.
    ///
    /// # Errors
    /// [`CounterError`]; it was raised or was not.
    fn increment(&mut self) -> Result<u64, CounterError>;
}

/// A stand-in for machines without a TPM: a text file. Whoever can roll back the ledger can roll it back as well, so that
/// production refuses it.
#[derive(Debug)]
pub struct FileCounter(PathBuf);

impl FileCounter {
    /// The counter of that file; one that does not exist says 0.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Counter for FileCounter {
    fn read(&mut self) -> Result<u64, CounterError> {
        match fs::read_to_string(&self.0) {
            Ok(text) => text.trim_end().parse().map_err(|_| CounterError::Unreadable),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(cause) => Err(cause.into()),
        }
    }

    fn increment(&mut self) -> Result<u64, CounterError> {
        let next = self.read()?.saturating_add(1);
        durable::replace(&self.0, format!("{next}\n").as_bytes(), 0o600)?;
        Ok(next)
    }
}

/// What a ledger intends that was never counted.
const FIRST: u64 = 1;

/// Where the intent is kept: in the ledger, in commits of their own.
pub trait Intents {
    /// The number that the counter is to have reached.
    fn intent(&self) -> u64;

    /// Makes another one durable.
    ///
    /// # Errors
    /// [`NotRecorded`].
    fn intend(&mut self, intent: u64) -> Result<(), NotRecorded>;
}

/// Why the ledger is not known to be the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Stale {
    /// The counter is ahead: this is an older copy of the ledger, or another one counts with it.
    #[error("the counter says {counter}, the ledger {intent}: this ledger is older than its counter")]
    Older {
        /// What the ledger says.
        intent: u64,
        /// What the counter says.
        counter: u64,
    },
    /// The counter is behind: it was reset or replaced.
    #[error("the counter says {counter}, the ledger {intent}: this counter was reset")]
    Reset {
        /// What the ledger says.
        intent: u64,
        /// What the counter says.
        counter: u64,
    },
}

/// Why the counter was not brought on.
#[derive(Debug, Error)]
pub enum NotCounted {
    /// Halt, until two operators decide.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The counter does not answer; heals.
    #[error(transparent)]
    Counter(#[from] CounterError),
    /// The intent was not written; heals, but for a broken ledger.
    #[error(transparent)]
    Ledger(#[from] NotRecorded),
}

/// Compares the ledger with the counter, and makes good an increment that a power cut prevented.
///
/// After `Ok` the counter says what the ledger says.
///
/// # Errors
/// [`NotCounted::Stale`], [`NotCounted::Counter`].
pub fn compare(intents: &mut impl Intents, counter: &mut dyn Counter) -> Result<(), NotCounted> {
    let (intent, says) = (intents.intent(), counter.read()?);
    if says == intent {
        Ok(())
    } else if says.checked_add(1) == Some(intent) {
        // A crash here leaves what was found: the next start does the same.
        raise(intents, counter, intent)
    } else {
        Err(stale(intent, says).into())
    }
}

fn stale(intent: u64, counter: u64) -> Stale {
    if counter > intent { Stale::Older { intent, counter } } else { Stale::Reset { intent, counter } }
}

/// Raises the counter to what was intended; the first time the ledger takes over the number that the counter begins with.
fn raise(intents: &mut impl Intents, counter: &mut dyn Counter, intent: u64) -> Result<(), NotCounted> {
    let says = counter.increment()?;
    if intent != FIRST {
        return if says == intent { Ok(()) } else { Err(stale(intent, says).into()) };
    }
    // A crash before this, while the counter says more than the first number, is an older copy to all who look: it halts
    // before anything was issued, and a counter that is made anew mends it.
    // One step further, so that a ledger that has ever issued intends more than the first number: a copy of it is never
    // taken for a beginner by a counter that was made anew.
    intents.intend(says.saturating_add(1))?;
    // A crash here is made good by `compare`.
    counter.increment()?;
    Ok(())
}

/// Brings ledger and counter on by one: every copy of the ledger of before is older from then on.
///
/// # Errors
/// [`NotCounted`]; to be tried again.
pub fn advance(intents: &mut impl Intents, counter: &mut dyn Counter) -> Result<(), NotCounted> {
    compare(intents, counter)?;
    let next = intents.intent().saturating_add(1);
    // A crash before this leaves nothing, one after it an intent that `compare` makes good.
    intents.intend(next)?;
    raise(intents, counter, next)
}

/// The intent by which the ledger would take the counter as it is, whatever it says; to be made durable with the order of
/// those who decided so, and then [`compare`]d.
///
/// # Errors
/// The counter does not answer.
pub fn intent_to_accept(counter: &mut dyn Counter) -> Result<u64, CounterError> {
    Ok(counter.read()?.saturating_add(1))
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
