//! What became of an assertion that was recorded.

/// The outcomes; a number is part of format 1 and never changes its meaning.
///
/// `Released`, or one of `Failed` and `Expired`, is the first outcome of an `issued` entry (its *disposition*); the others
/// follow `Released`. Recorded is not released: without a disposition nobody may be said to have had the assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The assertion was handed to the application.
    Released,
    /// It was not sealed, or never handed over.
    Failed,
    /// The relay used it for its one call.
    Spent,
    /// Its life ended: before it was handed over, or before the relay used it.
    Expired,
    /// The application reports that the DMP accepted it.
    Accepted,
    /// The application reports that the DMP refused it.
    Refused,
    /// The application reports that it did not use it.
    Unused,
}

impl Outcome {
    /// All outcomes, by number.
    pub const ALL: [Self; 7] =
        [Self::Released, Self::Failed, Self::Spent, Self::Expired, Self::Accepted, Self::Refused, Self::Unused];

    /// The number in a leaf, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The outcome of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.number() == number)
    }

    /// Its name in exports; `accepted`, `refused` and `unused` are those of the socket.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Failed => "failed",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unused => "unused",
        }
    }

    /// Whether it may come `first`, as the disposition of an `issued` entry, or after its release.
    #[must_use]
    pub const fn may_come(self, first: bool) -> bool {
        match self {
            Self::Released | Self::Failed => first,
            Self::Expired => true,
            Self::Spent | Self::Accepted | Self::Refused | Self::Unused => !first,
        }
    }
}
