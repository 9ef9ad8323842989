//! What is remembered of the enrolment: which TPM it was.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::evidence::document::{Endorsement, Marshalled};
use crate::sys::durable;
use crate::tpm::device::TpmName;

/// Name of its file in `[tpm] folder`.
const FILE: &str = "enrolled.json";
/// Its format.
const FORMAT: &str = "fr.sceau.enrolled/1";
/// Nothing in it is secret; only this program changes it.
const MODE: u32 = 0o644;

/// The enrolment as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enrolled {
    format: String,
    /// Name of the TPM's storage key.
    storage: Marshalled,
    /// Name of the attestation key.
    pub(super) attestation_key: Marshalled,
    /// The EK: a TPM takes up to a minute to make it again.
    pub(super) endorsement: Endorsement,
}

impl Enrolled {
    /// That TPM and its keys.
    pub(super) fn new(storage: &TpmName, attestation_key: Vec<u8>, endorsement: Endorsement) -> Self {
        Self {
            format: FORMAT.to_owned(),
            storage: Marshalled(storage.0.clone()),
            attestation_key: Marshalled(attestation_key),
            endorsement,
        }
    }

    /// The TPM's name.
    pub(super) fn storage(&self) -> TpmName {
        TpmName(self.storage.0.clone())
    }

    /// Reads it; none: nothing was enrolled yet.
    ///
    /// # Errors
    /// What the system said; `InvalidData` if it is not the file that [`Enrolled::keep`] writes.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let read: Self = serde_json::from_slice(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        if read.format == FORMAT { Ok(Some(read)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Keeps it in place of what was there; durable after `Ok`.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn keep(&self, folder: &Path) -> io::Result<()> {
        durable::replace(&folder.join(FILE), &serde_json::to_vec_pretty(self)?, MODE)
    }
}
