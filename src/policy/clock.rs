//! Whether the system's clock may be believed: readings in, a verdict out.
//!
//! The clock of the day (CLOCK_REALTIME) may be set by whoever has the right to, or by one wrong NTP answer; the time since
//! boot (CLOCK_BOOTTIME) cannot. Their difference is constant but for slewing, so one that moved faster than a clock is
//! slewed is a jump. The memory follows the clock at that rate and no faster: many small jumps are one large one.

use crate::vihf::instant::Instant;

/// How fast a clock is slewed at most, in parts per million (adjtimex(2), MAXFREQ).
const SLEW_PPM: i64 = 500;

/// How far ahead of the ledger's newest entry a clock may be at a start of the machine that nothing has synchronised yet, in
/// milliseconds. Reason: a machine that was off over a holiday is not kept from an emergency, its clock being as good as its
/// battery; a battery that is dead, or a year that is wrong, is further off; and what is wrongly written within a week is put right by
/// one order.
const AHEAD_MAX_MS: i64 = 7 * 24 * 3_600_000;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The clock of the day.
    pub realtime: Instant,
    /// Milliseconds since the machine was started, sleep included.
    pub boottime_ms: i64,
}

impl Reading {
    fn offset_us(self) -> i64 {
        self.realtime.ms().saturating_sub(self.boottime_ms).saturating_mul(1000)
    }
}

/// What is believed of the clocks' difference: what a restart takes up while the machine stays on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belief {
    /// CLOCK_REALTIME less CLOCK_BOOTTIME, in microseconds.
    pub offset_us: i64,
    /// CLOCK_BOOTTIME when it was last compared, in milliseconds.
    pub at_ms: i64,
}

/// What is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerances {
    /// Largest distance from where the clock should be that is no jump, in milliseconds.
    pub jump_ms: u64,
    /// Longest time without a synchronisation, in milliseconds; none: synchronisation is not required.
    pub unsynchronised_max_ms: Option<u64>,
}

/// Where a clock is, as seen from where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ahead.
    Forward,
    /// Behind.
    Backward,
}

/// What is to be made of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To be believed.
    Fit,
    /// Not where it should be: heals when it is back there, or when an operator orders that it is right.
    Jumped {
        /// Ahead or behind.
        direction: Direction,
        /// By how much, in milliseconds.
        by_ms: u64,
    },
    /// Far ahead of the ledger's newest entry at a start of the machine, and nothing has synchronised it since: heals with a
    /// synchronisation, when it is back there, or when an operator orders that it is right.
    Ahead {
        /// By how much, in milliseconds.
        by_ms: u64,
    },
    /// Nothing has set it right for too long: heals with the next synchronisation.
    Unsynchronised {
        /// Milliseconds since the last synchronisation, or since the machine was started if there was none.
        for_ms: u64,
    },
}

/// What the clock is compared with.
#[derive(Clone, Copy, Debug)]
enum Base {
    /// The difference that it had.
    Belief(Belief),
    /// It was behind the ledger when that was opened, or far ahead of it, and nothing else is known: any time from this on may
    /// be right, one far from it if something synchronised it.
    Ledger { newest: Instant },
}

/// The memory of the clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    tolerances: Tolerances,
    base: Base,
    jumped: bool,
    /// Nothing is known of before: the machine was started, or this is the first time.
    is_fresh: bool,
    /// The last sign of a synchronisation, and CLOCK_BOOTTIME when it was given.
    sign: Option<Instant>,
    synchronised_ms: i64,
}

impl Clock {
    /// Begins at `reading`; `kept` is the belief of before, if the machine was not started since.
    #[must_use]
    pub fn begin(tolerances: Tolerances, reading: Reading, kept: Option<Belief>) -> Self {
        let now = Belief { offset_us: reading.offset_us(), at_ms: reading.boottime_ms };
        // A belief of the future is of another boot, whatever it says.
        let kept = kept.filter(|belief| belief.at_ms <= reading.boottime_ms);
        let (base, is_fresh) = (Base::Belief(kept.unwrap_or(now)), kept.is_none());
        let mut clock = Self { tolerances, base, jumped: false, is_fresh, sign: None, synchronised_ms: 0 };
        clock.judge(reading);
        clock
    }

    /// The ledger's newest entry is of `newest`, none if it is empty: a clock that stands before it is not right, and one far
    /// ahead of it, of which nothing else is known, may not be.
    pub fn not_before(&mut self, newest: Option<Instant>, reading: Reading) {
        let Some(newest) = newest else { return };
        let by_ms = newest.ms_since(self.now(reading));
        if by_ms > ms(self.tolerances.jump_ms) || self.is_fresh && self.is_far_ahead(newest, reading) {
            (self.base, self.jumped) = (Base::Ledger { newest }, true);
        }
    }

    /// Whether it is further ahead than may be believed, and should have been synchronised since the machine was started and was not.
    fn is_far_ahead(&self, newest: Instant, reading: Reading) -> bool {
        let is_unproven = self.tolerances.unsynchronised_max_ms.is_some() && self.synchronised_ms == 0;
        is_unproven && reading.realtime.ms_since(newest) > AHEAD_MAX_MS
    }

    /// The newest sign of a synchronisation is of `sign`, by the clock of the day.
    pub fn synchronised(&mut self, sign: Option<Instant>, reading: Reading) {
        let Some(given) = sign.filter(|_| sign != self.sign) else { return };
        // The first sign may be old; one that came since the last look is new, whatever the clock of the day was then.
        let age_ms = if self.sign.is_none() { reading.realtime.ms_since(given).max(0) } else { 0 };
        self.synchronised_ms = reading.boottime_ms.saturating_sub(age_ms).max(0);
        self.sign = sign;
    }

    /// Judges a reading and learns from it.
    pub fn judge(&mut self, reading: Reading) -> Verdict {
        let measured = Belief { offset_us: reading.offset_us(), at_ms: reading.boottime_ms };
        let mut belief = match self.base {
            Base::Belief(belief) => belief,
            Base::Ledger { newest } => {
                let by_ms = newest.ms_since(reading.realtime);
                if by_ms > ms(self.tolerances.jump_ms) {
                    return Verdict::Jumped { direction: Direction::Backward, by_ms: by_ms.unsigned_abs() };
                }
                if self.is_far_ahead(newest, reading) {
                    return Verdict::Ahead { by_ms: by_ms.unsigned_abs() };
                }
                self.jumped = false;
                measured
            }
        };
        if !self.jumped {
            let elapsed_ms = reading.boottime_ms.saturating_sub(belief.at_ms).max(0);
            let slewed_us = elapsed_ms.saturating_mul(SLEW_PPM) / 1000;
            let deviation_us = measured.offset_us.saturating_sub(belief.offset_us);
            belief.offset_us = belief.offset_us.saturating_add(deviation_us.clamp(-slewed_us, slewed_us));
        }
        belief.at_ms = reading.boottime_ms;
        self.base = Base::Belief(belief);
        let deviation_us = measured.offset_us.saturating_sub(belief.offset_us);
        let by_ms = deviation_us.unsigned_abs() / 1000;
        self.jumped = by_ms > self.tolerances.jump_ms;
        if self.jumped {
            let direction = if deviation_us > 0 { Direction::Forward } else { Direction::Backward };
            return Verdict::Jumped { direction, by_ms };
        }
        let for_ms = reading.boottime_ms.saturating_sub(self.synchronised_ms).unsigned_abs();
        match self.tolerances.unsynchronised_max_ms {
            Some(max_ms) if for_ms > max_ms => Verdict::Unsynchronised { for_ms },
            _ => Verdict::Fit,
        }
    }

    /// The time to write down: the clock's own while it is fit, else where it should be.
    #[must_use]
    pub fn now(&self, reading: Reading) -> Instant {
        match self.base {
            _ if !self.jumped => reading.realtime,
            Base::Belief(belief) => {
                Instant::from_ms(reading.boottime_ms.saturating_add(belief.offset_us.div_euclid(1000)))
            }
            // Not into the ledger: the next start would find it there, and believe.
            Base::Ledger { newest } if self.is_far_ahead(newest, reading) => newest,
            Base::Ledger { newest } => newest.max(reading.realtime),
        }
    }

    /// What a restart should take up; none while the clock is not where it should be.
    #[must_use]
    pub fn belief(&self) -> Option<Belief> {
        match self.base {
            Base::Belief(belief) if !self.jumped => Some(belief),
            _ => None,
        }
    }

    /// An operator ordered that the clock is right as it stands: a new time begins at `reading`.
    pub fn accept(&mut self, reading: Reading) {
        let belief = Belief { offset_us: reading.offset_us(), at_ms: reading.boottime_ms };
        (self.base, self.jumped) = (Base::Belief(belief), false);
    }
}

fn ms(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
