//! What a VIHF is held against: a profile, authorities, an instant.

use std::sync::Arc;

use crate::certificate::Trust;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::{Profile, Profiles};

/// When the VIHF is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this instant, as a server would that receives it.
    At(Instant),
    /// At its own instant of issue, which may not lie after this one: the clock of whoever asks.
    NotAfter(Instant),
}

/// What the caller wants a VIHF held against.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The profile; none: chosen from the mode that the VIHF declares.
    pub profile: Option<Arc<Profile>>,
    /// Authorities; none: the certificate's chain is not judged, and the verdict is never good.
    pub trust: Option<Trust>,
    /// When.
    pub moment: Moment,
}

/// How the professional was authenticated, as `Authentification_mode` tells it (vihf.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// By the professional's own card, whose key signs: known here, never forged by Sceau.
    Direct,
    /// By the establishment.
    Indirect,
    /// By the establishment, reinforced (AIR).
    Reinforced,
}

impl Mode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "DIRECTE" => Some(Self::Direct),
            "INDIRECTE" => Some(Self::Indirect),
            "INDIRECTE_RENFORCEE" => Some(Self::Reinforced),
            _ => None,
        }
    }
}

/// The profile of a VIHF that declares this mode and this `AuthnContextDecl`; an unknown mode is judged as AIR.
///
/// None for the direct mode: no profile of ours describes it, and only what all modes share is judged.
pub(super) fn profile_of(mode: Option<Mode>, decl: Option<&str>) -> Option<Arc<Profile>> {
    let simplified = decl == Some(Method::ConfExiPgssis.name());
    let name = match mode {
        Some(Mode::Direct) => return None,
        Some(Mode::Indirect) => "dmp-indirecte",
        Some(Mode::Reinforced) | None if simplified => "dmp-air-simplifie",
        Some(Mode::Reinforced) | None => "dmp-air",
    };
    Profiles::shipped().ok()?.get(name).cloned()
}
