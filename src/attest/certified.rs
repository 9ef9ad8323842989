//! Keys of ours that live in this TPM through a PKCS#11 library: what is needed to certify them anew for each evidence.
//!
//! The TPM certifies an object only to who authorises its use, so that the key's authorisation is kept here, beside the
//! wrapped key. Whoever reads both and may open this TPM can sign with the key; the folder is this program's alone, and the
//! PKCS#11 store that has the same is no better guarded.

use std::io;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::answer::{Answer, No};
use super::task::Tasks;
use crate::config::KeyName;
use crate::evidence::document::{Attested, CertifiedKey, KeyRole, Marshalled};
use crate::sys::durable;
use crate::tpm::TpmError;
use crate::tpm::attestation_key::AttestationKey;
use crate::tpm::device::Tpm;
use crate::tpm::quote::WrappedKey;
use crate::traces::digest::Digest;

/// Format of the files.
const FORMAT: &str = "fr.sceau.certified/1";
/// End of their names.
const SUFFIX: &str = ".certified.json";
/// Most keys: those of three structures, twice while certificates overlap, and some.
const KEYS_MAX: usize = 16;

/// A key as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    format: String,
    role: KeyRole,
    key: String,
    /// TPM2B_PUBLIC.
    public: Marshalled,
    /// TPM2B_PRIVATE.
    private: Marshalled,
    /// Persistent handle of its parent.
    parent: u32,
    /// Its authorisation; erased when dropped.
    auth: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.auth.zeroize();
    }
}

/// What is certified.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) role: KeyRole,
    pub(super) key: KeyName,
    pub(super) public: Vec<u8>,
    pub(super) private: Vec<u8>,
    pub(super) parent: u32,
    pub(super) auth: Zeroizing<String>,
}

impl Tasks {
    /// Certifies a key once, and keeps what is needed to do it again.
    pub(super) fn certify(&mut self, order: Order) -> Result<Answer, No> {
        let Order { role, key, public, private, parent, auth } = order;
        let kept = Kept {
            format: FORMAT.to_owned(),
            role,
            key: key.to_string(),
            public: Marshalled(public),
            private: Marshalled(private),
            parent,
            auth: auth.to_string(),
        };
        let enrolled = self.enrolled()?.ok_or(TpmError::Missing)?;
        let mut tpm = self.open()?;
        let ak = self.own_key(&enrolled, &mut tpm)?;
        // A wrong authorisation is refused here, before it is kept.
        certified(&mut tpm, &ak, &Digest::default(), &kept)?;
        let bytes = Zeroizing::new(serde_json::to_vec_pretty(&kept).unwrap_or_default());
        let path = self.config.tpm.folder.join(format!("{key}{SUFFIX}"));
        durable::replace(&path, &bytes, 0o600).map_err(|cause| self.folder(&cause))?;
        tracing::info!(%key, "a key is certified in each evidence");
        Ok(Answer::Done {})
    }

    /// Every key that is kept, certified with that qualifying data.
    pub(super) fn certified_keys(
        &self,
        tpm: &mut Tpm,
        ak: &AttestationKey,
        qualifying: &Digest,
    ) -> Result<Vec<CertifiedKey>, No> {
        let mut keys = Vec::new();
        for path in self.kept(SUFFIX)?.into_iter().take(KEYS_MAX) {
            let bytes = std::fs::read(&path).map(Zeroizing::new).map_err(|cause| self.folder(&cause))?;
            let kept: Kept = serde_json::from_slice(&bytes)
                .map_err(|_| self.folder(&io::Error::from(io::ErrorKind::InvalidData)))?;
            keys.push(certified(tpm, ak, qualifying, &kept)?);
        }
        Ok(keys)
    }
}

fn certified(tpm: &mut Tpm, ak: &AttestationKey, qualifying: &Digest, kept: &Kept) -> Result<CertifiedKey, No> {
    let wrapped = WrappedKey {
        public: kept.public.0.clone(),
        private: kept.private.0.clone(),
        parent: kept.parent,
        auth: Zeroizing::new(kept.auth.as_bytes().to_vec()),
    };
    let (attested, public) = tpm.certify(ak, qualifying, &wrapped).map_err(|cause| match cause {
        TpmError::Secret | TpmError::Answer(_) | TpmError::Library(_) | TpmError::Missing => {
            tracing::warn!(%cause, key = kept.key, "a key is not certified");
            No::Denied(
                "key-refused",
                format!(
                    "la clé {} n'est pas de ce TPM, ou son autorisation est fausse ; exportez-la à nouveau (tpm2_ptool export)",
                    kept.key
                ),
            )
        }
        cause => cause.into(),
    })?;
    Ok(CertifiedKey {
        role: kept.role,
        key: kept.key.clone(),
        public: Marshalled(public),
        certification: Attested { attest: Marshalled(attested.attest), signature: Marshalled(attested.signature) },
    })
}
