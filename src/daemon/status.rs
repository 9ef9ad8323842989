//! What `Status` tells.

use std::sync::atomic::Ordering;

use super::Daemon;
use super::answer::{SealStatus, Status};
use crate::sys::clock;

/// The version, and that nothing is kept beyond a restart yet (build metadata, semver.org §10).
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+memory");

impl Daemon {
    /// State, readiness and seals at this moment.
    ///
    /// `ready`: every declared structure has a key whose signatures verify and a certificate that is valid.
    pub(super) fn status(&self) -> Status {
        let now = clock::now();
        let seals = self.seals.all();
        let state = if self.halted.load(Ordering::Acquire) {
            "halted"
        } else if seals.is_empty() {
            "unprovisioned"
        } else if self.unlocked.load(Ordering::Acquire) {
            "operational"
        } else {
            "locked"
        };
        let ready = state == "operational"
            && self.structures.iter().all(|(structure, _)| {
                seals.iter().any(|seal| seal.structure == structure.as_str() && seal.is_ready(now))
            });
        Status {
            state,
            ready,
            version: VERSION,
            profile: self.config.profiles.default.clone(),
            entries: self.nonces.entries(),
            seals: seals
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
