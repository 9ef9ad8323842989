//! What `Status` tells.

use std::sync::atomic::Ordering;

use super::Daemon;
use super::answer::{SealStatus, Status};
use crate::sys::clock;

/// The version, and that nothing is kept beyond a restart yet (build metadata, semver.org §10).
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+memory");

impl Daemon {
    /// Whether every declared structure has a key whose signatures verify and a certificate that is valid.
    pub(super) fn is_ready(&self) -> bool {
        let now = clock::now();
        let ready = |structure: &str| {
            self.seals.all().iter().any(|seal| seal.structure == structure && seal.is_ready(now))
        };
        self.state() == "operational" && self.structures.iter().all(|(structure, _)| ready(structure.as_str()))
    }

    /// The state in the contract's words.
    fn state(&self) -> &'static str {
        if self.halted.load(Ordering::Acquire) {
            "halted"
        } else if self.seals.all().is_empty() {
            "unprovisioned"
        } else if self.unlocked.load(Ordering::Acquire) {
            "operational"
        } else {
            "locked"
        }
    }

    /// State, readiness and seals at this moment.
    pub(super) fn status(&self) -> Status {
        let now = clock::now();
        Status {
            state: self.state(),
            ready: self.is_ready(),
            version: VERSION,
            profile: self.config.profiles.default.clone(),
            entries: self.nonces.entries(),
            seals: self
                .seals
                .all()
                .iter()
                .map(|seal| SealStatus {
                    structure: seal.structure.clone(),
                    key: seal.key.to_string(),
                    ready: seal.is_ready(now),
                    certificate_expires_at: seal.certificate.not_after().to_string(),
                })
                .collect(),
        }
    }
}
