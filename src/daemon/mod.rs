//! The program `sceaud`: the door for applications. No network, no foreign code; keys are behind the signers.

pub mod answer;
mod dispatch;
mod door;
mod listen;
mod load;
mod outcomes;
mod pipeline;
mod refusals;
mod request;
mod run;
mod sessions;
mod status;

pub use dispatch::read;
pub use request::{Issue, Outcome, PatientNamed, Request};
pub use run::main;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use answer::No;
use load::Places;
use outcomes::Outcomes;
use refusals::Refusals;
use sessions::Sessions;

use crate::config::{Config, Loaded};
use crate::replay::Nonces;
use crate::seal::seals::Seals;
use crate::vihf::codes::Sector;
use crate::vihf::identity::StructIdNat;

/// Everything that answers requests.
#[derive(Debug)]
struct Daemon {
    config: Config,
    loaded: Loaded,
    structures: Vec<(StructIdNat, Sector)>,
    seals: Seals,
    sessions: Sessions,
    nonces: Nonces,
    outcomes: Outcomes,
    requests: Arc<Places>,
    connections: Arc<Places>,
    refusals: Refusals,
    /// Sticky until an operator acts: here, until `sceaud` is started again.
    halted: AtomicBool,
    /// A signature was made and verified at least once.
    unlocked: AtomicBool,
}

impl Daemon {
    fn new(config: Config, loaded: Loaded, seals: Seals) -> Self {
        let limits = &config.limits;
        let structures = config.structures.iter().map(|s| (s.id, s.sector)).collect();
        let window = Duration::from_millis(config.session_lifetime_max_ms());
        Self {
            structures,
            sessions: Sessions::new(loaded.applications.uids(), window, limits.sessions_per_application_max),
            nonces: Nonces::new(loaded.applications.uids(), window, limits.nonces_per_application_max),
            outcomes: Outcomes::new(loaded.applications.uids()),
            requests: Places::new(limits.requests_in_flight_max),
            connections: Places::new(limits.connections_max),
            refusals: Refusals::default(),
            halted: AtomicBool::new(false),
            unlocked: AtomicBool::new(false),
            config,
            loaded,
            seals,
        }
    }

    fn in_order(&self) -> Result<(), No> {
        if self.halted.load(Ordering::Acquire) { Err(No::Halted) } else { Ok(()) }
    }

    /// Our own invariant is broken: nothing is issued any more.
    fn halt(&self, cause: &str) -> No {
        tracing::error!(cause, "halted: an invariant is broken; nothing is issued until sceaud is started again");
        self.halted.store(true, Ordering::Release);
        No::Halted
    }
}
