//! CPU time of the calling thread.

use nix::time::{ClockId, clock_gettime};

/// CPU time that this thread has used, in nanoseconds; 0 if the kernel does not say.
#[must_use]
pub fn thread_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .ok()
        .and_then(|t| u64::try_from(std::time::Duration::from(t).as_nanos()).ok())
        .unwrap_or(0)
}
