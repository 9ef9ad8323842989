//! Natures of authentication factors: what a login must show two different ones of (convention, article 3.3).

use serde::Deserialize;

/// Nature of a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Factor {
    /// What somebody knows: password, PIN.
    Knowledge,
    /// What somebody has: card, telephone, key.
    Possession,
    /// What somebody is: finger, face.
    Inherence,
}

impl Factor {
    /// Names in the configuration.
    pub const NAMES: [&'static str; 3] = ["knowledge", "possession", "inherence"];

    /// What a value of `amr` shows by its registered meaning (RFC 8176 §2).
    ///
    /// None: it is a provider's own word, or one that names no factor. `mfa` and `mca` count none: they say that there were
    /// several, not of which nature; `geo`, `rba` and `user` are no factors.
    #[must_use]
    pub fn of_amr(value: &str) -> Option<Self> {
        match value {
            "pwd" | "pin" | "kba" => Some(Self::Knowledge),
            "hwk" | "swk" | "otp" | "sms" | "tel" | "sc" | "pop" => Some(Self::Possession),
            "face" | "fpt" | "iris" | "retina" | "vbm" => Some(Self::Inherence),
            _ => None,
        }
    }
}
