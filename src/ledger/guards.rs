//! What guards a ledger beside its own arithmetic: the clock that entries take their time from, and room on the disk.

use std::sync::Arc;

use crate::sys::clock;
use crate::sys::timekeeper::Timekeeper;
use crate::vihf::instant::Instant;

/// The guards of one ledger; the default is none: the system's clock as it is, and no reserve.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    /// Watches the clock.
    pub clock: Option<Arc<Timekeeper>>,
    /// Bytes kept for what must be written when the disk is full.
    pub reserve_len: u64,
}

impl Guards {
    /// The time to write down.
    pub(super) fn now(&self) -> Instant {
        self.clock.as_ref().map_or_else(clock::now, |clock| clock.now())
    }
}
