//! Enrolment: keys and counter are made, and the officer is given what he needs to believe them.

use std::path::PathBuf;

use super::answer::{Answer, No, undefined};
use super::enrolled::Enrolled;
use super::task::Tasks;
use crate::config::CounterPlace;
use crate::evidence::document::{Document as _, Endorsement, Marshalled};
use crate::evidence::enrolment;
use crate::tpm::TpmError;
use crate::tpm::device::Tpm;

/// The EK's certificate where the maker left none in the TPM, in `[tpm] folder`: fetched from the maker by an operator.
const EK_CERTIFICATE: &str = "ek-certificate.der";
/// Longest certificate in bytes.
const CERTIFICATE_LEN_MAX: usize = 8 * 1024;

impl Tasks {
    /// Makes AK and counter where they are not there, remembers the TPM, and gives the request for the officer.
    ///
    /// A crash leaves keys that the next enrolment finds, or a counter that was never raised.
    pub(super) fn enrol(&mut self, anew: bool) -> Result<Answer, No> {
        let known = self.enrolled()?.filter(|_| !anew).map(|enrolled| enrolled.storage());
        let mut tpm = Tpm::open(&self.config.tpm.tcti, known.as_ref())?;
        let endorsement = self.endorsement(&mut tpm)?.0;
        // EK and storage key are no longer needed, and the TPM has room for three.
        let key = tpm.attestation_key(self.config.tpm.attestation_key())?;
        let counter = match self.config.ledger.counter {
            Some(CounterPlace::Tpm(index)) => Some(tpm.define_counter(index)?),
            Some(CounterPlace::File(_)) | None => None,
        };
        let enrolled = Enrolled::new(tpm.name(), key.name, endorsement.clone());
        enrolled.keep(&self.config.tpm.folder).map_err(|cause| self.folder(&cause))?;
        let request = enrolment::Request {
            format: enrolment::Request::FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            endorsement,
            attestation_key: Marshalled(key.public),
        };
        tracing::info!(counter_made = counter == Some(true), "enrolled: the TPM has the keys");
        Ok(Answer::Request { request: request.text(), counter_made: counter })
    }

    /// Opens what the officer hid for EK and AK together.
    pub(super) fn activate(&mut self, challenge: &enrolment::Challenge) -> Result<Answer, No> {
        let mut tpm = self.open()?;
        let (_, endorsement) = self.endorsement(&mut tpm)?;
        let enrolled = self.enrolled()?.ok_or(TpmError::Missing)?;
        let key = self.own_key(&enrolled, &mut tpm)?;
        tpm.release()?;
        let (credential, secret) = (&challenge.credential.0, &challenge.secret.0);
        let opened = tpm.activate(&endorsement, &key, (credential, secret)).map_err(|cause| match cause {
            TpmError::Answer(_) => No::Denied(
                "challenge-refused",
                "le défi n'est pas pour ce TPM et cette clé ; donnez à l'officier la demande d'enrôlement de cette machine"
                    .to_owned(),
            ),
            cause => cause.into(),
        })?;
        let Some(opened) = opened else {
            return Err(No::malformed("challenge", "ce ne sont pas des structures TPM2B ; redemandez le défi"));
        };
        let answer = enrolment::Answer {
            format: enrolment::Answer::FORMAT.to_owned(),
            id: challenge.id,
            credential: Marshalled(opened.to_vec()),
        };
        Ok(Answer::Enrolment { answer: answer.text() })
    }

    /// The EK with its certificate, from the TPM or beside it.
    pub(super) fn endorsement(
        &self,
        tpm: &mut Tpm,
    ) -> Result<(Endorsement, crate::tpm::endorsement::Endorsement), No> {
        let mut found = tpm.endorsement()?;
        if found.certificate.is_empty() {
            let path = self.config.tpm.folder.join(EK_CERTIFICATE);
            let read = std::fs::read(&path).unwrap_or_default();
            if read.is_empty() || read.len() > CERTIFICATE_LEN_MAX {
                let message = format!(
                    "le TPM n'a pas de certificat de fabricant (EK) ; demandez-le au fabricant et placez-le, en DER, dans {}",
                    path.display()
                );
                return Err(No::Unavailable("ek-certificate-missing", message));
            }
            found.certificate = read;
        }
        let document = Endorsement {
            ek_certificate: Marshalled(found.certificate.clone()),
            ek_chain: Vec::new(),
            ek_public: Marshalled(found.public.clone()),
        };
        Ok((document, found))
    }

    /// The AK, which must be the enrolled one.
    pub(super) fn own_key(
        &self,
        enrolled: &Enrolled,
        tpm: &mut Tpm,
    ) -> Result<crate::tpm::attestation_key::AttestationKey, No> {
        let key = tpm.attestation_key(self.config.tpm.attestation_key())?;
        if key.name == enrolled.attestation_key.0 { Ok(key) } else { Err(TpmError::Other.into()) }
    }

    /// What is remembered.
    pub(super) fn enrolled(&self) -> Result<Option<Enrolled>, No> {
        Enrolled::read(&self.config.tpm.folder).map_err(|cause| self.folder(&cause))
    }

    /// Files of that kind in the folder, in the order of their names; none that was left half written.
    pub(super) fn kept(&self, suffix: &str) -> Result<Vec<PathBuf>, No> {
        let entries = std::fs::read_dir(&self.config.tpm.folder).map_err(|cause| self.folder(&cause))?;
        let is_kept = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.ends_with(suffix) && !name.starts_with('.'))
        };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_kept).collect();
        paths.sort();
        Ok(paths)
    }

    pub(super) fn folder(&self, cause: &std::io::Error) -> No {
        tracing::error!(%cause, "what is remembered of the enrolment cannot be read or written");
        let folder = self.config.tpm.folder.display();
        let message =
            format!("le dossier {folder} ([tpm] folder) ne peut pas être lu ou écrit ; vérifiez ses droits");
        No::Unavailable("folder", message)
    }

    /// The TPM of the enrolment; before one, any.
    pub(super) fn open(&self) -> Result<Tpm, No> {
        let known = self.enrolled()?.map(|enrolled| enrolled.storage());
        Ok(Tpm::open(&self.config.tpm.tcti, known.as_ref())?)
    }

    /// How the TPM is, for whoever watches it.
    pub(super) fn status(&mut self) -> Result<Answer, No> {
        let enrolled = self.enrolled()?.is_some();
        let mut tpm = self.open()?;
        let counter = match self.counter_value(&mut tpm) {
            Ok(value) => value.map(|_| true),
            Err(No::Unavailable("counter-undefined", _)) => Some(false),
            Err(no) => return Err(no),
        };
        let (lockout, lockout_guarded) = (tpm.in_lockout()?, tpm.is_lockout_guarded()?);
        Ok(Answer::Status { enrolled, lockout, lockout_guarded, counter, sealed: self.sealed()? })
    }

    /// What the counter says, if there is one in the TPM.
    pub(super) fn counter_value(&self, tpm: &mut Tpm) -> Result<Option<u64>, No> {
        match self.config.ledger.counter {
            Some(CounterPlace::Tpm(index)) => Ok(Some(tpm.counter(index).map_err(undefined)?)),
            Some(CounterPlace::File(_)) | None => Ok(None),
        }
    }
}
