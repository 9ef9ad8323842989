//! What `Status` tells.

use std::sync::atomic::Ordering;

use super::Daemon;
use super::answer::{AuditStatus, SealStatus, Status};
use super::halt::Halt;
use crate::sys::clock;

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Daemon {
    /// Whether every declared structure has a key whose signatures verify and a certificate that is valid.
    pub(super) fn is_ready(&self) -> bool {
        let now = clock::now();
        let ready = |structure: &str| {
            self.seals.all().iter().any(|seal| seal.structure == structure && seal.is_ready(now))
        };
        self.state() == "operational"
            && self.ledger.trouble().is_none()
            && self.structures.iter().all(|(structure, _)| ready(structure.as_str()))
    }

    /// The state in the contract's words.
    pub(super) fn state(&self) -> &'static str {
        if self.halted.cause().is_some() {
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
            entries: self.ledger.size(),
            halted: self.halted.cause().map(Halt::code),
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
            audit: self.audit.as_ref().map(|audit| AuditStatus {
                key: audit.key().to_string(),
                ready: audit.is_ready(),
                checkpoint: self.checkpoints.newest().map_or(0, |newest| newest.checkpoint().size),
            }),
        }
    }
}
