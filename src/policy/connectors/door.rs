//! What of the appliance a connector is let to.

use serde::{Deserialize, Serialize};

/// One thing that is mounted into a connector. The operators' door, the signers' and the TPM's are none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// `token.sock`: it asks as the application that the register knows its Unix user as.
    Token,
    /// `relay.sock`: the same for calls to the DMP.
    Relay,
    /// `metrics.sock`: figures, of nobody.
    Metrics,
    /// The system's journal, read only: what a collector of logs sends on.
    Journal,
    /// A folder of its own on the state's disk: the one thing of it that outlives it.
    State,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Token, Self::Relay, Self::Metrics, Self::Journal, Self::State];

    /// Its word in orders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Relay => "relay",
            Self::Metrics => "metrics",
            Self::Journal => "journal",
            Self::State => "state",
        }
    }

    /// The door of a word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.name() == name)
    }
}
