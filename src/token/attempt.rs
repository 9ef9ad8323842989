//! One try of a PIN: remembered before it is made, then kept or cleared by what came of it.

use std::fs::{self, File};
use std::time::Duration;

use tracing::warn;

use super::error::TokenError;
use super::pin::Pin;
use super::pin_record::PinRecords;
use super::refused::{TokenMemory, now_ms};

/// The right to try the PIN once; held alone among all processes of the token.
#[must_use]
pub(super) struct Attempt<'a> {
    memory: &'a TokenMemory,
    pin: &'a Pin,
    before: PinRecords,
    prepared: PinRecords,
    _lock: File,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(memory: &'a TokenMemory, pin: &'a Pin, before: PinRecords, lock: File) -> Self {
        Self { memory, pin, prepared: before.clone(), before, _lock: lock }
    }

    /// Remembers the try as an unclear failure, and writes its refusal aside: a full disk forbids the try, it cannot
    /// make us forget the result.
    pub(super) fn prepare(&mut self) -> Result<(), TokenError> {
        let mut prepare = || {
            let now = now_ms()?;
            self.prepared = self.before.with_unclear(self.pin, now)?;
            self.memory.save(&self.prepared)?;
            self.memory.write_aside(&self.before.with_refusal(self.pin, now)?)
        };
        prepare().map_err(|cause| self.memory.error(cause))
    }

    /// The token took the PIN: nothing stands against it any more. Other PINs' records stay.
    pub(super) fn accepted(self) {
        self.memory.vouch(self.pin);
        self.keep(&self.before.without(self.pin));
    }

    /// The failure says nothing of the PIN: as if there had been no try.
    pub(super) fn withdrawn(self) {
        self.keep(&self.before);
    }

    /// The token refused the PIN: remembered before anybody else may try.
    pub(super) fn refused(self) -> Result<(), TokenError> {
        self.memory.vouch_for_none();
        self.memory.take_aside().map_err(|cause| self.memory.error(cause))
    }

    /// The failure may or may not be the PIN's: it stays remembered; how long the PIN waits.
    pub(super) fn unclear(self) -> Duration {
        self.prepared.wait(self.pin, self.memory.vouches(self.pin))
    }

    fn keep(&self, records: &PinRecords) {
        if let Err(cause) = self.memory.save(records) {
            warn!(path = %self.memory.marker().display(), %cause, "the memory of PINs keeps an entry that it should lose");
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.memory.aside());
    }
}
