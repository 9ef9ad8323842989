//! What `Status` tells.

use std::sync::atomic::Ordering;

use self::document::{AttachedStatus, AuditStatus, RightsStatus, SealStatus, Status, Trouble};
use super::Daemon;
use super::answer::Unavailable;
use super::clock::unfit;
use super::halt::Halt;
use crate::ledger::NotRecorded;
use crate::policy::connectors::{Name, RootHash};
use crate::policy::rights;

pub mod document;

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Daemon {
    /// Whether every declared structure has a key whose signatures verify and a certificate that is valid.
    pub(super) fn is_ready(&self) -> bool {
        let now = self.clock.now();
        let in_force = self.conventions.current();
        let ready = |structure: &str| {
            let of_structure = self.seals.all().iter().filter(|seal| seal.structure == structure);
            of_structure.into_iter().any(|seal| seal.is_ready(now) && seal.is_declared(&in_force.convention))
        };
        self.state() == "operational"
            && self.ledger.trouble().is_none()
            && self.ledger.admits()
            && self.is_newest().is_ok()
            && self.clock_is_fit().is_ok()
            && !self.is_suspended()
            && in_force.structures.iter().all(|(structure, _)| ready(structure.as_str()))
    }

    /// The state in the contract's words.
    pub(super) fn state(&self) -> &'static str {
        if self.halted.cause().is_some() {
            "halted"
        } else if self.seals.all().is_empty() || !self.has_convention() {
            "unprovisioned"
        } else if self.unlocked.load(Ordering::Acquire) {
            "operational"
        } else {
            "locked"
        }
    }

    /// State, readiness and seals at this moment.
    pub(super) fn status(&self) -> Status {
        let now = self.clock.now();
        let in_force = self.conventions.current();
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
                    ready: seal.is_ready(now) && seal.is_declared(&in_force.convention),
                    certificate_expires_at: seal.certificate.not_after().to_string(),
                    signers: seal.signers().map(Into::into),
                })
                .collect(),
            sealed_keys: self.sealed_keys(),
            troubles: self.troubles(),
            exceptional: self.exceptional.status(),
            rights: rights::versions()
                .map(|version| RightsStatus {
                    table: version.table,
                    version: version.name,
                    sha256: version.digest.to_string(),
                })
                .collect(),
            attached: self.attached(),
            audit: self.audit.as_ref().map(|audit| AuditStatus {
                key: audit.key().to_string(),
                ready: audit.is_ready(),
                checkpoint: self.checkpoints.newest().map_or(0, |newest| newest.checkpoint().size),
            }),
        }
    }

    /// Names of the keys that are in no token, of whatever use.
    fn sealed_keys(&self) -> Vec<String> {
        let keys = self.config.signer_keys();
        keys.iter().filter(|key| !key.keyring().is_token()).map(|key| key.key.to_string()).collect()
    }

    /// Foreign software that orders attached.
    fn attached(&self) -> Vec<AttachedStatus> {
        let connectors = self.admin.connectors();
        let told = |kind, name: &Name, image: RootHash| AttachedStatus {
            kind,
            name: name.to_string(),
            image: image.to_string(),
        };
        let of_connectors = connectors.attached().map(|one| told("connector", &one.name, one.image));
        of_connectors.chain(connectors.modules().iter().map(|one| told("module", &one.name, one.image))).collect()
    }

    /// What keeps everybody from an assertion now, beyond the seals.
    fn troubles(&self) -> Vec<Trouble> {
        let ledger = match self.ledger.trouble() {
            Some(NotRecorded::Space) => Some(Unavailable::Space),
            Some(NotRecorded::Unavailable) => Some(Unavailable::Ledger),
            Some(NotRecorded::Broken) | None => None,
        };
        let short = (!self.ledger.admits()).then_some(Unavailable::Space);
        let unproven = self.is_newest().is_err().then_some(Unavailable::Ledger);
        let unavailable = [unfit(self.clock.verdict()), ledger.or(short).or(unproven)];
        let told = |why: Unavailable| Trouble { reason: why.code(), message: why.message().into() };
        let mut troubles: Vec<_> = unavailable.into_iter().flatten().map(told).collect();
        if self.space_is_low() {
            troubles.push(Trouble { reason: "space-low", message: self.space_words().into() });
        }
        troubles.extend(self.convention_troubles());
        troubles.extend(self.volume_troubles());
        troubles.extend(self.application_troubles());
        troubles.extend(self.providers.troubles(&self.config));
        troubles
    }
}
