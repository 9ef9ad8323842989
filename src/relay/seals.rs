//! The seal certificates by which a carried assertion is known as ours; read again as their files change.

use std::sync::{Arc, PoisonError, RwLock};

use crate::certificate::SealCertificate;
use crate::config::{Config, Fault};

/// Who signs assertions of ours, now.
#[derive(Debug, Default)]
pub(super) struct Seals(RwLock<Arc<Vec<SealCertificate>>>);

impl Seals {
    /// Reads the certificate of every `[[seal]]`.
    ///
    /// # Errors
    /// What is wrong with the first file that is wrong.
    pub(super) fn read(config: &Config) -> Result<Vec<SealCertificate>, Fault> {
        let read = config.seals.iter().map(|seal| {
            let path = &seal.certificate;
            let pem = std::fs::read(path).map_err(|cause| Fault::unread(path, &cause))?;
            SealCertificate::parse(&pem)
                .map_err(|cause| Fault::of("certificate-unreadable", path, format!("clé {} : {cause}", seal.key)))
        });
        read.collect()
    }

    /// Takes these in place of the ones that were; false: they are the same.
    pub(super) fn change(&self, seals: Vec<SealCertificate>) -> bool {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let same = now.iter().map(SealCertificate::der).eq(seals.iter().map(SealCertificate::der));
        if !same {
            *now = Arc::new(seals);
        }
        !same
    }

    /// The certificates of this moment.
    pub(super) fn now(&self) -> Arc<Vec<SealCertificate>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
