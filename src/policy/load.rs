//! What is shed last under load: emergencies keep capacity that nothing else may use.

use crate::vihf::codes::Purpose;

/// Largest share in percent that may be kept for emergencies: beyond, the daily work of care would be what is shed.
pub const SHARE_PERCENT_MAX: usize = 50;

/// How a request counts when there is too little for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// It may be told to come back.
    Usual,
    /// Somebody's life may hang on it: bris de glace, centre 15.
    Emergency,
}

impl From<Purpose> for Load {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Normal => Self::Usual,
            Purpose::BrisDeGlace | Purpose::Centre15 => Self::Emergency,
        }
    }
}

impl Load {
    /// Of `max` places those that it may have while `share_percent` of them are kept for emergencies, rounded down: of fewer
    /// places than make one whole, none is kept.
    #[must_use]
    pub const fn of(self, max: usize, share_percent: usize) -> usize {
        match self {
            Self::Emergency => max,
            Self::Usual => max - max.saturating_mul(share_percent) / 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_of_what_can_be_shared() {
        let usual = |max, percent| Load::Usual.of(max, percent);
        assert_eq!((usual(1024, 10), usual(10, 10), usual(9, 10), usual(1, 50), usual(0, 50)), (922, 9, 9, 1, 0));
        assert_eq!((usual(1024, 0), Load::Emergency.of(1024, 50)), (1024, 1024));
    }
}
