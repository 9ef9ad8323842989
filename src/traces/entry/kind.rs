//! What an entry records.

/// The kinds of entries; a kind's number is part of format 1 and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An assertion is about to be sealed. It says nothing of what became of it: outcomes do.
    Issued,
    /// A request was refused, or several alike.
    Refused,
    /// A session was opened.
    SessionOpened,
    /// A session was closed before its end.
    SessionClosed,
    /// An operator's signed order, done or refused.
    Order,
    /// Another configuration or convention is in force.
    Configuration,
    /// A register has another content.
    Register,
    /// `sceaud` started: a new boot generation.
    Start,
    /// `sceaud` stopped in good order.
    Stop,
    /// What became of an assertion.
    Outcome,
    /// The volume guard: somebody reached an alarm level. Younger than the others: a reader of before refuses it by its number.
    Alarm,
}

impl Kind {
    /// All kinds, by number.
    pub const ALL: [Self; 11] = [
        Self::Issued,
        Self::Refused,
        Self::SessionOpened,
        Self::SessionClosed,
        Self::Order,
        Self::Configuration,
        Self::Register,
        Self::Start,
        Self::Stop,
        Self::Outcome,
        Self::Alarm,
    ];

    /// The number in a leaf, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The kind of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its name in exports and golden files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::SessionOpened => "session-opened",
            Self::SessionClosed => "session-closed",
            Self::Order => "order",
            Self::Configuration => "configuration",
            Self::Register => "register",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Outcome => "outcome",
            Self::Alarm => "alarm",
        }
    }

    /// Whether an entry of this kind belongs to a practitioner's chain.
    #[must_use]
    pub const fn chained(self) -> Chained {
        match self {
            Self::Issued | Self::SessionOpened | Self::SessionClosed | Self::Outcome => Chained::Always,
            // The practitioner may be unknown, and alike refusals are counted together; an alarm is of whoever reached it.
            Self::Refused | Self::Alarm => Chained::Sometimes,
            Self::Order | Self::Configuration | Self::Register | Self::Start | Self::Stop => Chained::Never,
        }
    }
}

/// Whether entries of a kind carry a [`super::Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chained {
    /// Each does.
    Always,
    /// One that is of a practitioner does.
    Sometimes,
    /// None does.
    Never,
}
