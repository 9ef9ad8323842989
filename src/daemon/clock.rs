//! The clock's part in a request: nothing is issued by a clock that may be wrong.

use super::Daemon;
use super::answer::{No, Unavailable};
use crate::policy::clock::Verdict;
use crate::sys::synchronisation;

impl Daemon {
    /// Whether the clock may be believed now; asked at each request that makes something live by it.
    ///
    /// # Errors
    /// `Unavailable`; nothing was done.
    pub(super) fn clock_is_fit(&self) -> Result<(), No> {
        unfit(self.clock.verdict()).map_or(Ok(()), |reason| Err(No::Unavailable(reason)))
    }

    /// Looks at the clock between requests; tells a change in the log.
    pub(super) fn watch_clock(&self, before: &mut Option<Unavailable>) {
        let verdict = self.clock.verdict();
        let now = unfit(verdict);
        if now == *before {
            return;
        }
        *before = now;
        match verdict {
            Verdict::Fit => tracing::info!("the clock is fit again"),
            Verdict::Jumped { direction, by_ms } => tracing::error!(
                ?direction,
                by_ms,
                "clock-jump: nothing is issued until the clock is back where it was, or an operator signs clock-accept"
            ),
            Verdict::Ahead { by_ms } => tracing::error!(
                by_ms,
                "clock-unsynchronised: started far ahead of the newest trace; nothing is issued until NTP sets the clock, or an \
                 operator signs clock-accept"
            ),
            Verdict::Unsynchronised { for_ms } => tracing::error!(
                for_ms,
                source = %self.config.clock.source.display(),
                "clock-unsynchronised: nothing is issued until NTP sets the clock again"
            ),
        }
    }

    /// Warns at the start of what the clock will be judged by, where that promises trouble.
    pub(super) fn introduce_clock(&self) {
        match self.config.clock.sign() {
            None => tracing::warn!("synchronisation of the clock is not required ([clock] require_synchronised)"),
            Some(source) if synchronisation::sign(&source).is_none() => tracing::warn!(
                source = %source.display(),
                "no sign yet that the clock was synchronised; without one nothing is issued once unsynchronised_max_ms is over"
            ),
            Some(_) => {}
        }
    }
}

/// What a verdict is on the wire.
pub(super) fn unfit(verdict: Verdict) -> Option<Unavailable> {
    match verdict {
        Verdict::Fit => None,
        Verdict::Jumped { .. } => Some(Unavailable::ClockJump),
        Verdict::Ahead { .. } => Some(Unavailable::ClockAhead),
        Verdict::Unsynchronised { .. } => Some(Unavailable::ClockUnsynchronised),
    }
}
