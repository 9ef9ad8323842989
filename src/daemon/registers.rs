//! The registers in force: from the ledger once an order imported one, else from their files; exchanged whole, at once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::ledger::{Restored, StoreError};
use crate::policy::practitioner::{Practitioners, REGISTER};
use crate::traces::digest::Digest;
use crate::traces::entry::key::LookupKey;
use crate::vihf::identity::PsIdNat;

/// A register with where it comes from.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) practitioners: Arc<Practitioners>,
    /// SHA-256 of the ledger's document; none: the register is its file.
    pub(super) document: Option<Digest>,
    /// Practitioners by what the ledger looks them up by: whom an operator is told of.
    pub(super) names: Arc<HashMap<Digest, PsIdNat>>,
}

impl InForce {
    /// Computes a hash for each practitioner: for a thread that may take its time.
    pub(super) fn of(practitioners: Practitioners, document: Option<Digest>, lookup: &LookupKey) -> Self {
        let names = practitioners.all().iter().map(|known| (lookup.practitioner(&known.id), known.id));
        Self { names: Arc::new(names.collect()), practitioners: Arc::new(practitioners), document }
    }
}

/// The registers of now. Nobody waits: a request keeps the register that it took, the next one takes the new.
#[derive(Debug)]
pub(super) struct Registers {
    in_force: RwLock<InForce>,
    lookup: Arc<LookupKey>,
}

impl Registers {
    /// The ledger's register if it has one, else that of the file.
    ///
    /// # Errors
    /// The ledger's is none that this version writes.
    pub(super) fn new(
        file: Practitioners,
        restored: &Restored,
        physician_specialties: &[String],
        lookup: LookupKey,
    ) -> Result<Self, StoreError> {
        let kept = restored.registers.iter().find(|(name, _)| name == REGISTER);
        let Some((_, document)) = kept else {
            return Ok(Self::with(InForce::of(file, None, &lookup), lookup));
        };
        let parsed = Practitioners::parse(document, physician_specialties);
        let (practitioners, lost) = parsed.ok_or(StoreError::Broken("the register of practitioners"))?;
        if !file.all().is_empty() {
            tracing::warn!(
                file = file.all().len(),
                ledger = practitioners.all().len(),
                "the file of practitioners is ignored: the register in the ledger rules; empty the file"
            );
        }
        if lost > 0 {
            tracing::warn!(
                lost,
                "practitioners that the profile of now does not admit are left out; import the register again"
            );
        }
        Ok(Self::with(InForce::of(practitioners, Some(Digest::of(&[document])), &lookup), lookup))
    }

    fn with(in_force: InForce, lookup: LookupKey) -> Self {
        Self { in_force: RwLock::new(in_force), lookup: Arc::new(lookup) }
    }

    /// What the ledger looks people up by, for a thread beside the requests.
    pub(super) fn lookup(&self) -> Arc<LookupKey> {
        Arc::clone(&self.lookup)
    }

    /// The register of now.
    pub(super) fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The practitioners of now.
    pub(super) fn practitioners(&self) -> Arc<Practitioners> {
        self.in_force().practitioners
    }

    /// What the ledger has from now on.
    pub(super) fn take(&self, in_force: InForce) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = in_force;
    }
}
